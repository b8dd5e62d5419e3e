"""How sound arrives: what the line's buffer makes up for, and what leaves a hole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.audio.levels import find_speech, rms_dbfs
from evalkit.audio.wav import read_wav
from evalkit.realtime.media_stream.arrival import Arrivals, SpeechHole, find_holes, starved_playback
from evalkit.realtime.media_stream.stretches import LOUD_RANGE_DB
from evalkit.realtime.playout import Playout
from evalkit.records.line_findings import LineFinding
from evalkit.settings.resources import resource_dir

ULAW = AudioFormat.G711_ULAW
MS = 8  # samples
RECORDINGS = sorted((resource_dir("data") / "walk" / "audio").glob("*.wav"))


def _stretch(number: int, pcm: Any, *, was_interrupted: bool = False) -> Any:
    """A stretch of speech as loud as a sound is where that is loudest."""
    loudest = max(rms_dbfs(block) for block in np.array_split(pcm, max(1, pcm.size // 160)))
    return SimpleNamespace(
        playout_id=f"speech_{number}",
        turn_index=number,
        start=0,
        was_interrupted=was_interrupted,
        is_loud=lambda level: level >= loudest - LOUD_RANGE_DB,
    )


def _tone(duration_ms: float, level: int = 8000) -> Any:
    return (level * np.sin(np.arange(int(duration_ms * MS)) * 0.25)).astype(np.int16)


def _played(*parts: tuple[str, Any, float]) -> Playout:
    """A playout that got sounds of these responses at these times (ms)."""
    playout = Playout(ULAW, late_ms=60)
    for name, pcm, at_ms in parts:
        playout.receive(ULAW.to_wire(pcm), response_id=name, item_id=name, at=int(at_ms * MS))
    return playout


def test_what_a_buffer_makes_up_for_is_counted() -> None:
    """Bursts are counted when they begin, and lateness from more than a frame to as much as the buffer holds."""
    arrivals = Arrivals()
    for late_ms, ahead_ms in ((0, 20), (0, 1200), (0, 3000), (20, 0), (60, 900), (61, 20), (25, 1000), (-5, 20)):
        arrivals.take(20, late_ms=late_ms, ahead_ms=ahead_ms)
    bursts, jitter = arrivals.findings()
    assert (bursts.finding, bursts.count, bursts.longest_ms) == (LineFinding.BURSTS, 2, 3000)
    assert (jitter.finding, jitter.count, jitter.longest_ms) == (LineFinding.JITTER, 2, 60)
    assert (arrivals.frames, arrivals.largest_frame_ms) == (8, 20)
    assert Arrivals().findings() == ()


@pytest.mark.parametrize(
    ("before", "behind", "at_ms", "is_hole"),
    [
        (_tone(400), _tone(400), 500, True),
        (_tone(400), _tone(400), 455, False),
        (_tone(400), _tone(400), 5401, False),
        (np.concatenate([_tone(400), _tone(40, 900)]), _tone(400), 600, False),
        (_tone(400), np.concatenate([_tone(40, 900), _tone(400)]), 600, False),
    ],
    ids=["late", "as late as the buffer holds", "said anew", "it had faded", "it rises"],
)
def test_a_hole_has_loud_edges(before: Any, behind: Any, at_ms: float, is_hole: bool) -> None:
    """What fades before, or rises behind, is a pause."""
    playout = _played(("speech_1", before, 0), ("speech_1", behind, at_ms))
    holes = find_holes(playout, [_stretch(1, _tone(400))], playout.end)
    assert holes == ((SpeechHole(1, 0, 400, 500),) if is_hole else ())


def test_a_hole_may_end_a_stretch_unless_that_was_cut() -> None:
    """After a second what follows is another stretch; where the caller cut it, nothing was starved."""
    playout = _played(("speech_1", _tone(400), 0), ("speech_2", _tone(400), 1900))
    second = _stretch(2, _tone(400))
    assert [hole.duration_ms for hole in find_holes(playout, [_stretch(1, _tone(400)), second], playout.end)] == [1500]
    assert find_holes(playout, [_stretch(1, _tone(400), was_interrupted=True), second], playout.end) == ()
    assert find_holes(playout, [second], playout.end) == ()


def test_holes_are_one_finding() -> None:
    """With how often, how long, and where in the recording of the call."""
    found = starved_playback([SpeechHole(1, 0, 1000, 1100), SpeechHole(2, 4000, 5000, 5300)], 250.0)
    assert found is not None
    assert found.to_json() == {
        "fault": "assistant", "count": 2, "longest_ms": 300, "total_ms": 400, "spans_s": [[1.25, 1.35], [5.25, 5.55]],
    }  # fmt: skip
    assert starved_playback([], 0.0) is None


def _sent_with_gaps(pcm: Any, cuts: list[int], gap_ms: float) -> Any:
    """The holes that are found in a sound which is sent in pieces with gaps between them."""
    playout, at = Playout(ULAW, late_ms=60), 0
    for piece in np.split(pcm, cuts):
        playout.receive(ULAW.to_wire(piece), response_id="speech_1", item_id="speech_1", at=at)
        at = playout.end + int(gap_ms * MS)
    return find_holes(playout, [_stretch(1, pcm)], playout.end)


def test_recordings_that_are_starved_are_told_from_recordings_that_pause() -> None:
    """Sent 300 ms at a time, 150 ms late, each of the 88 is found; cut at their pauses, however tightly, none is."""
    found = quiet = 0
    for path in RECORDINGS:
        pcm = read_wav(path).pcm
        found += bool(_sent_with_gaps(pcm, list(range(2400, pcm.size, 2400)), 150))
        is_speech = find_speech(pcm, 8000, range_db=30).astype(np.int8)
        ends = np.flatnonzero(np.diff(is_speech))
        quiet += not _sent_with_gaps(pcm, ends.tolist(), 150)
    assert (found, quiet) == (len(RECORDINGS), len(RECORDINGS))


@given(st.lists(st.floats(0, 400), min_size=1, max_size=30))
def test_a_line_plays_every_sound_once_and_in_order_whenever_it_comes(gaps_ms: list[float]) -> None:
    """Holes only ever add silence, and never more than was missing."""
    playout, at = Playout(ULAW, late_ms=60), 0
    for gap_ms in gaps_ms:
        playout.receive(ULAW.to_wire(_tone(20)), response_id="speech_1", item_id="speech_1", at=at)
        at = playout.end + int(gap_ms * MS)
    holes = find_holes(playout, [_stretch(1, _tone(400))], playout.end)
    assert [hole.duration_ms for hole in holes] == [int(gap * MS) / MS for gap in gaps_ms[:-1] if int(gap * MS) > 480]
