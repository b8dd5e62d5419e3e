"""Where the clips of a call lie, and what the mix of them is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.audio.formats import AudioFormat
from evalkit.modes.voice.conversation_audio import Clip, HeardTurn, mix, place_constructed, place_paced
from evalkit.realtime.pacer import Pacing
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.records.record import Usage

PCM16 = AudioFormat.PCM16


def _response(created_ms: float, first_audio_ms: float | None, audio_ms: float, done_ms: float) -> ResponseResult:
    return ResponseResult(
        response_id="r", created_at_ms=created_ms, status="completed", status_reason="", error_type=None,
        error_message="", transcript="", text="", audio=bytes(PCM16.byte_count(audio_ms)), tool_calls=(),
        usage=Usage(), served_model=None, first_audio_ms=first_audio_ms, first_text_ms=None, done_ms=done_ms,
    )  # fmt: skip


def _turn(said_ms: float, started_ms: float, *responses: ResponseResult) -> HeardTurn:
    pacing = Pacing(20, 1, real_time=True, started_at_ms=started_ms, finished_at_ms=started_ms + said_ms)
    return HeardTurn(bytes(PCM16.byte_count(said_ms)), PCM16, pacing, TurnResult(responses), PCM16)


def _starts(clips: Any) -> list[float]:
    return [clip.start_ms for clip in clips]


def test_a_paced_call_is_placed_by_its_events() -> None:
    """The caller at its first chunk, each response at its first audio, and none over the end of the one before."""
    first = _turn(1000, 500, _response(1500, 200, 800, 300), _response(1900, 100, 400, 200))
    second = _turn(600, 4000, _response(4600, 250, 100, 400))
    placed = place_paced([first, second])
    assert _starts(placed.caller) == [500, 4000]
    assert _starts(placed.assistant) == [1700, 2500, 4850]


def test_a_turn_that_was_never_sent_has_no_place_in_a_paced_call() -> None:
    """Only what was heard is in the recording."""
    lost = HeardTurn(b"\x00\x00", PCM16, None, TurnResult(()), PCM16)
    assert place_paced([lost]).caller == ()


def test_an_unpaced_call_is_laid_end_to_end() -> None:
    """Turn, measured latency, answer, next turn; a turn without sound takes as long as it took."""
    first = _turn(1000, 0, _response(70, 200, 800, 300), _response(1470, 100, 400, 200))
    mute = _turn(500, 0, _response(90, None, 0, 50))
    last = _turn(500, 0, _response(90, 10, 100, 50))
    placed = place_constructed([first, mute, last])
    assert _starts(placed.caller) == [0, 2900, 3450]
    assert _starts(placed.assistant) == [1200, 2500, 3960]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200), st.integers(-32768, 32767)), max_size=5))
def test_the_mix_has_every_clip_at_its_place(parts: list[tuple[int, int, int]]) -> None:
    """Sums where they overlap, silence between, full scale at most, and as long as the last of them."""
    rate_hz = 1000
    clips = [Clip(start, np.full(size, level, dtype=np.int16), rate_hz) for start, size, level in parts]
    mixed = mix(clips, rate_hz)
    expected = np.zeros(max((start + size for start, size, _ in parts), default=0))
    for start, size, level in parts:
        expected[start : start + size] += level
    assert mixed.tolist() == np.clip(expected, -32768, 32767).tolist()


def test_clips_of_another_rate_are_resampled() -> None:
    """8 kHz G.711 beside 24 kHz PCM."""
    assert mix([Clip(100, np.zeros(800, dtype=np.int16), 8000)], 24_000).size == pytest.approx(24 * 200, abs=2)
