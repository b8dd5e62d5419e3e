"""What a spoken turn is measured by."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.modes.voice.turn_measures import find_misbehaviour, lateness, voice_to_voice
from evalkit.realtime.pacer import Pacing
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.records.record import ToolCall, Usage

CALL = ToolCall("find", {}, "{}", "c1")


def _turn(text: str = "", *calls: ToolCall, audio: bytes = b"") -> TurnResult:
    response = ResponseResult(
        response_id="r", created_at_ms=2000, status="completed", status_reason="", error_type=None, error_message="",
        transcript=text, text="", audio=audio, tool_calls=calls, usage=Usage(), served_model=None,
        first_audio_ms=500, first_text_ms=None, done_ms=900,
    )  # fmt: skip
    return TurnResult((response,))


def test_a_turn_must_do_something_and_in_a_call_must_say_something() -> None:
    """Calls alone are an answer to a crawl's utterance, and none to a person who waits."""
    assert find_misbehaviour(_turn("Hi.")) is None
    assert find_misbehaviour(_turn("", audio=b"\x01\x00")) is None
    assert find_misbehaviour(_turn("", CALL)) is None
    for turn, must_speak in ((_turn(), False), (_turn(), True), (_turn("", CALL), True)):
        failure = find_misbehaviour(turn, must_speak=must_speak)
        assert failure is not None
        assert failure.error_type == "no_answer"
    broken = find_misbehaviour(_turn("Hi.", ToolCall("find", None, "{", "c1")))
    assert broken is not None
    assert broken.error_type == "invalid_tool_arguments"


def test_voice_to_voice_counts_from_the_end_of_speech() -> None:
    """Sound from 0 to 1000 ms, sent from 1020 on in chunks of 20: it ended at 2000, and the answer came at 2500."""
    tone = (8000 * np.sin(np.arange(24_000) / 10)).astype(np.int16)
    wire = AudioFormat.PCM16.to_wire(np.concatenate([tone, np.zeros(12_000, dtype=np.int16)]))
    pacing = Pacing(20, 75, real_time=True, started_at_ms=1020, finished_at_ms=2500)
    found = voice_to_voice(wire, AudioFormat.PCM16, pacing, _turn("Hi."))
    assert found == {"latency_voice_to_voice_ms": pytest.approx(500, abs=10)}
    unpaced = Pacing(20, 75, real_time=False, started_at_ms=1020, finished_at_ms=1021)
    assert voice_to_voice(wire, AudioFormat.PCM16, unpaced, _turn("Hi.")) == {}
    assert voice_to_voice(bytes(4800), AudioFormat.PCM16, pacing, _turn("Hi.")) == {}


def test_lateness_is_told_of_paced_turns_only() -> None:
    """Median, 99th percentile and worst."""
    paced = Pacing(20, 3, real_time=True, started_at_ms=0, finished_at_ms=60, lateness_ms=(1.0, 2.0, 9.0))
    assert lateness(paced)["lateness_p50_ms"] == 2.0
    assert lateness(paced)["lateness_max_ms"] == 9.0
    assert lateness(None) == {}
