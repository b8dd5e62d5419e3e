"""The turns in one stream of audio."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.service.input_buffer import TICKS_PER_MS
from evalkit.service.turns.detection import TurnDetection, completed
from evalkit.service.turns.turn_detector import (
    MAX_FRAMES,
    TurnBegins,
    TurnDetector,
    TurnEnds,
    TurnGoesOn,
    TurnPauses,
)

LOUD, QUIET = 1000, 0


def detector(kind: str = "server_vad", audio_format: AudioFormat = AudioFormat.PCM16, **values: Any) -> TurnDetector:
    return TurnDetector(TurnDetection.from_wire(completed({"type": kind, **values})), audio_format, 0)


def story(*parts: tuple[int, int]) -> bytes:
    """Return PCM16 of frames, each a level and a count."""
    return b"".join(np.full(768 * frames, level, dtype="<i2").tobytes() for level, frames in parts)


def run(turns: TurnDetector, pieces: list[bytes], *, wholes: tuple[bool, ...] = ()) -> list[Any]:
    """Return what happens, in ms, where loud frames are speech, and pauses are answered with `wholes`, in order."""
    happened: list[Any] = []
    answers = iter(wholes)
    for piece in pieces:
        turns.append(piece)
        while (pcm := turns.due()) is not None:
            turns.judged((np.abs(pcm.reshape(-1, turns.stream.frame_samples)).max(axis=1) >= LOUD).astype(np.float32))
            while (happens := turns.next()) is not None:
                if isinstance(happens, TurnGoesOn):
                    continue
                happened.append(happens)
                if isinstance(happens, TurnPauses) and (ended := turns.resume(is_whole=next(answers))):
                    happened.append(ended)
    return [(type(one), getattr(one, "start", getattr(one, "end", 0)) / TICKS_PER_MS) for one in happened]


def test_a_turn():
    """A turn begins before its voice by the padding, and ends with the silence after it."""
    audio = story((QUIET, 20), (LOUD, 10), (QUIET, 40))
    assert run(detector(), [audio]) == [(TurnBegins, 20 * 32 - 300), (TurnEnds, (30 + 16) * 32)]


def test_nothing_is_before_the_beginning():
    """The padding of the first turn ends where the audio begins."""
    assert run(detector(), [story((QUIET, 2), (LOUD, 1))]) == [(TurnBegins, 0)]


@pytest.mark.parametrize("audio_format", [AudioFormat.G711_ULAW, AudioFormat.G711_ALAW])
def test_a_telephone(audio_format):
    """Positions are times, in G.711 too."""
    narrow = np.frombuffer(story((QUIET, 20), (LOUD, 10), (QUIET, 40)), dtype="<i2")[::3]
    turns = detector(audio_format=audio_format)
    loud = [(TurnBegins, 20 * 32 - 300), (TurnEnds, (30 + 16) * 32)]
    turns.append(audio_format.to_wire(narrow * 2))
    assert run(turns, [b""]) == loud


def test_a_pause_within_an_utterance():
    """With semantic_vad an utterance that is not whole goes on after its pause, and ends when it is."""
    audio = story((LOUD, 10), (QUIET, 10), (LOUD, 10), (QUIET, 30))
    happened = run(detector("semantic_vad"), [audio], wholes=(False, True))
    assert [kind for kind, _ in happened] == [TurnBegins, TurnPauses, TurnPauses, TurnEnds]
    assert happened[1][1] == (10 + 7) * 32
    assert happened[2][1] == happened[3][1] == (30 + 7) * 32


@pytest.mark.parametrize(("eagerness", "wait_ms"), [("low", 8000), ("auto", 4000), ("high", 2000)])
def test_waiting_is_bounded(eagerness, wait_ms):
    """An utterance that never becomes whole ends after the silence that its eagerness allows."""
    audio = story((LOUD, 10), (QUIET, 300))
    kind, end = run(detector("semantic_vad", eagerness=eagerness), [audio], wholes=(False,))[-1]
    assert kind is TurnEnds
    assert wait_ms <= end - 320 < wait_ms + 32


def test_a_question_holds_everything():
    """While it is open whether an utterance is whole, nothing is judged and nothing happens."""
    turns = detector("semantic_vad")
    turns.append(story((LOUD, 4), (QUIET, 8), (LOUD, 50)))
    pcm = turns.due()
    assert pcm is not None
    assert turns.due() is None
    turns.judged(np.array([1.0] * 4 + [0.0] * 8 + [1.0] * 20, dtype=np.float32))
    happened = [turns.next() for _ in range(13)]
    kinds = [type(one) for one in happened if not isinstance(one, TurnGoesOn)]
    assert kinds == [TurnBegins, TurnPauses]
    assert (turns.next(), turns.due()) == (None, None)
    assert turns.resume(is_whole=True) == TurnEnds(11 * 32 * TICKS_PER_MS)
    assert isinstance(turns.next(), TurnBegins)
    assert turns.due() is not None


def test_each_frame_of_a_turn():
    """Of each frame it is told how loud it was and for how long nobody has spoken."""
    turns = detector()
    turns.append(story((LOUD, 2), (QUIET, 2)))
    turns.due()
    turns.judged(np.array([1.0, 1.0, 0.0, 0.0], dtype=np.float32))
    assert isinstance(turns.next(), TurnBegins)
    frame = 32 * TICKS_PER_MS
    assert [turns.next() for _ in range(5)] == [
        TurnGoesOn(frame, 0, LOUD**2),
        TurnGoesOn(2 * frame, 0, LOUD**2),
        TurnGoesOn(3 * frame, 32, 0),
        TurnGoesOn(4 * frame, 64, 0),
        None,
    ]


def test_a_turn_that_is_held():
    """While a turn is held nothing of it is told; then it goes on where it was."""
    turns = detector()
    turns.append(story((LOUD, 3)))
    turns.due()
    turns.judged(np.ones(3, dtype=np.float32))
    assert isinstance(turns.next(), TurnBegins)
    assert isinstance(turns.next(), TurnGoesOn)
    turns.hold()
    assert (turns.next(), turns.due()) == (None, None)
    assert turns.resume(is_whole=False) is None
    assert turns.next() == TurnGoesOn(2 * 32 * TICKS_PER_MS, 0, LOUD**2)


def test_much_at_once_is_judged_bit_by_bit():
    """Of audio that comes all at once no more than a second is judged at a time."""
    turns = detector()
    turns.append(story((QUIET, 100)))
    pcm = turns.due()
    assert pcm is not None
    assert pcm.size == MAX_FRAMES * 768


@given(st.lists(st.tuples(st.sampled_from([LOUD, QUIET]), st.integers(1, 25)), max_size=8), st.data())
def test_cutting_changes_nothing(parts, data):
    """However the audio is cut into appends, within a sample too, the same happens at the same places."""
    audio = story(*parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(audio)), max_size=5)))
    pieces = [audio[a:b] for a, b in zip([0, *cuts], [*cuts, len(audio)], strict=True)]
    assert run(detector(), pieces) == run(detector(), [audio])
