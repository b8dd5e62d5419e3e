"""What a turn detection reports, and what it leaves out."""

from __future__ import annotations

from typing import Any

from evalkit.realtime.detected_speech import Detected, DetectedSpeech
from evalkit.realtime.events import ServerEvent


def _feed(speech: DetectedSpeech, name: str, at_ms: float, **fields: Any) -> bool:
    event_type = f"input_audio_buffer.{name}"
    return speech.feed(ServerEvent(event_type, {"type": event_type, **fields}), at_ms)


def test_a_turn_as_the_protocol_tells_it() -> None:
    speech = DetectedSpeech()
    assert speech.last_started_at_ms is None
    assert _feed(speech, "speech_started", 500, audio_start_ms=120, item_id="u1")
    assert speech.is_speaking
    assert _feed(speech, "speech_stopped", 1500, audio_end_ms=1400, item_id="u1")
    assert not speech.is_speaking
    assert _feed(speech, "committed", 1501, item_id="u1")
    assert (speech.started, speech.stopped) == ([Detected(500, 120)], [Detected(1500, 1400)])
    assert (speech.last_started_at_ms, speech.last_report_at_ms, len(speech.committed)) == (500, 1500, 1)


def test_a_server_that_never_says_that_speech_has_ended() -> None:
    """What it takes has ended."""
    speech = DetectedSpeech()
    _feed(speech, "speech_started", 10, audio_start_ms=True)
    _feed(speech, "committed", 20)
    assert not speech.is_speaking
    assert speech.started == [Detected(10, None)]


def test_a_silence_that_lasted_too_long() -> None:
    """What the server takes then is no turn of the caller; what it takes next is."""
    speech = DetectedSpeech()
    assert _feed(speech, "timeout_triggered", 9000, audio_start_ms=1, audio_end_ms=2)
    assert (speech.timeouts, speech.is_speaking, speech.stopped) == (1, False, [])
    assert _feed(speech, "committed", 9001)
    assert speech.committed == []
    assert _feed(speech, "committed", 9500)
    assert speech.committed == [Detected(9500, None)]


def test_other_events_are_none_of_its_business() -> None:
    assert not _feed(DetectedSpeech(), "cleared", 1)
