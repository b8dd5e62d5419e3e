"""Responses that nobody asked for, told apart: by their ids, and where there are none by their order."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from evalkit.realtime.events import ServerEvent
from evalkit.realtime.response_log import ArrivedSound, ResponseLog


def _feed(log: ResponseLog, event_type: str, at_ms: float = 0, turn_index: int = 1, **fields: Any) -> Any:
    return log.feed(ServerEvent(event_type, {"type": event_type, **fields}), at_ms, turn_index=turn_index)


def _sound(log: ResponseLog, wire: bytes, response_id: str, **fields: Any) -> ArrivedSound:
    delta = base64.b64encode(wire).decode()
    sound = _feed(log, "response.output_audio.delta", delta=delta, response_id=response_id, item_id="i", **fields)
    assert isinstance(sound, ArrivedSound)
    return sound


def test_when_the_sound_of_a_response_came() -> None:
    """From its first piece to its last; what is repeated came before, and a response without sound has no time."""
    log = ResponseLog()
    _feed(log, "response.created", 5, response={"id": "a"})
    assert (log.responses[0].first_sound_at_ms, log.responses[0].last_sound_at_ms) == (None, None)
    for at_ms, event_id in ((7, "e1"), (8, "e2"), (9, "e2")):
        delta = base64.b64encode(b"ab").decode()
        _feed(log, "response.output_audio.delta", at_ms, delta=delta, response_id="a", item_id="i", event_id=event_id)
    assert (log.responses[0].first_sound_at_ms, log.responses[0].last_sound_at_ms) == (7, 8)


def _done(log: ResponseLog, response_id: str | None, status: str = "completed", **fields: Any) -> None:
    _feed(log, "response.done", 9, response={"id": response_id, "status": status, **fields})


def test_two_responses_at_once() -> None:
    """Each gets its own; a turn is that in which it began."""
    log = ResponseLog()
    _feed(log, "response.created", 5, 1, response={"id": "a"})
    _feed(log, "response.created", 6, 2, response={"id": "b"})
    assert _sound(log, b"ab", "a", event_id="e1").offset == 0
    assert _sound(log, b"xyz", "b").response.turn_index == 2
    again = _sound(log, b"cd", "a", event_id="e2")
    assert (again.offset, again.is_new, again.content_index) == (2, True, 0)
    repeated = _sound(log, b"cd", "a", event_id="e2")
    assert (repeated.offset, repeated.is_new) == (2, False)
    _done(log, "a")
    assert [each.response_id for each in log.under_way] == ["b"]
    first, second = log.responses
    assert (first.result.audio, second.result.audio) == (b"abcd", b"xyz")
    assert (first.began_at_ms, first.done_at_ms, second.done_at_ms) == (5, 9, None)


def test_a_server_without_ids() -> None:
    """What comes belongs to the response under way; after its end the next event opens another."""
    log = ResponseLog()
    _feed(log, "response.created", response={})
    _sound(log, b"ab", "")
    _done(log, None)
    _sound(log, b"cd", "")
    _done(log, None)
    assert [each.result.audio for each in log.responses] == [b"ab", b"cd"]
    assert [each.playout_id for each in log.responses] == ["#1", "#2"]


def test_a_response_that_is_never_announced() -> None:
    """Its first piece opens it; events that carry nothing of one do not."""
    log = ResponseLog()
    _feed(log, "response.output_audio.done", response_id="a")
    _feed(log, "input_audio_buffer.committed", item_id="u")
    assert log.last is None
    _sound(log, b"ab", "a")
    assert [each.response_id for each in log.responses] == ["a"]


CALL = {"type": "function_call", "id": "f", "call_id": "c", "name": "look", "arguments": "{}"}


@pytest.mark.parametrize(("status", "names"), [("completed", ["look"]), ("cancelled", []), ("failed", [])])
def test_calls_that_count(status: str, names: list[str]) -> None:
    """None before the end of the response, and none that its cancellation took back."""
    log = ResponseLog()
    _feed(log, "response.output_item.done", response_id="a", output_index=0, item=CALL)
    (response,) = log.responses
    assert response.calls == ()
    _done(log, "a", status)
    assert [call.name for call in response.calls] == names
    assert response.was_interrupted is (status == "cancelled")
