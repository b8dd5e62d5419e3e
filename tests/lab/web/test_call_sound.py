"""A call is heard as its timeline has it, and its wave is drawn from what is heard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import factories
import numpy as np
import pytest

from evalkit.audio.wav import read_wav, write_pcm16, write_stereo
from evalkit.errors import DataError
from evalkit.lab.web.call_sound import compose_call, find_whole_call, has_sound, read_duration_ms, read_peaks
from evalkit.records.record import CaseRecord
from evalkit.reports.page.timeline import Block, Lane

RATE_HZ = 8000
BLOCKS = (
    Block(Lane.CALLER, 1, 0.0, 1000.0, "hello"),
    Block(Lane.WAIT, 1, 1000.0, 1500.0, "500 ms"),
    Block(Lane.ASSISTANT, 1, 1500.0, 2000.0, "one moment"),
    Block(Lane.ASSISTANT, 1, 3000.0, 3500.0, "here it is"),
)


def _tone(path: Path, ms: int, level: int, rate_hz: int = RATE_HZ) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_pcm16(path, np.full(ms * rate_hz // 1000, level, dtype=np.int16), rate_hz)


def _record(**artifacts: str) -> CaseRecord:
    return factories.make_record(turns=(factories.make_turn(artifacts=artifacts),))


@pytest.fixture
def record(tmp_path: Path) -> CaseRecord:
    """A turn in two files: a second of the caller, and the assistant, who spoke twice for half a second."""
    _tone(tmp_path / "audio/in.wav", 1000, 1000)
    _tone(tmp_path / "audio/out.wav", 1000, 2000)
    return _record(input_audio_path="audio/in.wav", output_audio_path="audio/out.wav")


def _level(pcm: Any, at_ms: int) -> tuple[int, int]:
    left, right = pcm[at_ms * RATE_HZ // 1000]
    return int(left), int(right)


def test_each_side_is_heard_where_the_timeline_has_it(tmp_path: Path, record: CaseRecord) -> None:
    """The caller left, each response of the assistant right, and silence between them."""
    call = tmp_path / "calls/one.wav"
    assert compose_call(tmp_path, record, lambda: BLOCKS, call)
    pcm = read_wav(call).pcm
    assert [_level(pcm, at_ms) for at_ms in (500, 1200, 1700, 2500, 3200)] == [
        (1000, 0), (0, 0), (0, 2000), (0, 0), (0, 2000),
    ]  # fmt: skip
    assert read_duration_ms(call) == 3500.0


def test_it_is_made_once(tmp_path: Path, record: CaseRecord) -> None:
    """Every further range of it that a browser asks for costs nothing."""
    call = tmp_path / "calls/one.wav"
    compose_call(tmp_path, record, lambda: BLOCKS, call)
    assert compose_call(tmp_path, record, lambda: pytest.fail("asked again"), call)


def test_sides_of_different_rates_are_heard_together(tmp_path: Path) -> None:
    """At the higher of the two."""
    _tone(tmp_path / "in.wav", 1000, 1000, RATE_HZ)
    _tone(tmp_path / "out.wav", 1000, 2000, 2 * RATE_HZ)
    record = _record(user_audio_path="in.wav", assistant_audio_path="out.wav")
    call = tmp_path / "calls/one.wav"
    compose_call(tmp_path, record, lambda: BLOCKS, call)
    heard = read_wav(call)
    assert (heard.sample_rate_hz, heard.channels) == (2 * RATE_HZ, 2)
    assert abs(heard.pcm[RATE_HZ, 0] - 1000) < 20


def test_old_calls_make_room(tmp_path: Path, record: CaseRecord) -> None:
    """The folder of the lab does not grow for ever."""
    kept = tmp_path / "calls"
    kept.mkdir()
    for number in range(70):
        (kept / f"old-{number}.wav").write_bytes(b"")
        os.utime(kept / f"old-{number}.wav", (number, number))
    compose_call(tmp_path, record, lambda: BLOCKS, kept / "new.wav")
    assert len(list(kept.iterdir())) == 64
    assert (kept / "new.wav").exists()
    assert not (kept / "old-0.wav").exists()


def test_the_recording_of_a_conversation_is_taken_as_it_is(tmp_path: Path) -> None:
    """Where it is there, and lies in the run."""
    record = factories.make_record(artifacts={"conversation_audio_path": "audio/all.wav"})
    assert find_whole_call(tmp_path, record) == ""
    assert not has_sound(tmp_path, record)
    _tone(tmp_path / "audio/all.wav", 10, 1)
    assert find_whole_call(tmp_path, record) == "audio/all.wav"
    assert has_sound(tmp_path, record)
    outside = factories.make_record(artifacts={"conversation_audio_path": "../all.wav"})
    _tone(tmp_path.parent / "all.wav", 10, 1)
    assert find_whole_call(tmp_path, outside) == ""


def test_what_nobody_can_hear_is_no_call(tmp_path: Path) -> None:
    """A case of text, or one whose files are gone."""
    record = _record(input_audio_path="gone.wav")
    assert not has_sound(tmp_path, record)
    assert not compose_call(tmp_path, record, lambda: BLOCKS, tmp_path / "calls/one.wav")


def test_a_call_of_hours_is_refused(tmp_path: Path, record: CaseRecord) -> None:
    """A forged log must not fill the memory with silence."""
    late = (*BLOCKS, Block(Lane.ASSISTANT, 1, 4e6, 4.1e6, "late"))
    with pytest.raises(DataError, match="longer than 20 minutes"):
        compose_call(tmp_path, record, lambda: late, tmp_path / "calls/one.wav")


def test_the_wave_has_the_loudest_of_each_stretch(tmp_path: Path) -> None:
    """Of each channel, from 0 to 1, in as many stretches as were asked for."""
    left = np.zeros(RATE_HZ, dtype=np.int16)
    left[4000] = -16384
    right = np.full(RATE_HZ, 8192, dtype=np.int16)
    path = tmp_path / "call.wav"
    write_stereo(path, left, right, RATE_HZ)
    peaks = read_peaks(path, 8)
    assert peaks.duration_s == 1.0
    assert peaks.channels == ((0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0), (0.25,) * 8)


def test_a_long_call_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Its stretches are the same as if it were read at once."""
    path = tmp_path / "call.wav"
    pcm = np.random.default_rng(1).integers(-32768, 32767, 3_000_001, dtype=np.int16)
    write_stereo(path, pcm, pcm[:10], RATE_HZ)
    peaks = read_peaks(path)
    per_point = -(-pcm.size // 4000)
    at_once = np.abs(np.pad(pcm.astype(int), (0, -pcm.size % per_point))).reshape(-1, per_point).max(axis=1) / 32768
    assert peaks.channels[0] == tuple(at_once.round(3))
    assert len(peaks.channels[1]) == len(peaks.channels[0])


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all"])
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes) -> None:
    """In words, not as a traceback."""
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"call\.wav: cannot be read as a recording"):
        read_peaks(path)
    with pytest.raises(DataError, match=r"call\.wav: cannot be read as a recording"):
        read_duration_ms(path)
