"""Events that are changed as they pass."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import pytest

from evalkit.service.faults.actions import SendEvent, Wait
from evalkit.service.faults.event_changes import EventChange, EventReordering, change_of
from evalkit.service.faults.plan import FaultRule

AUDIO = bytes(range(200)) * 4
DELTA = {
    "type": "response.output_audio.delta",
    "event_id": "e1",
    "response_id": "r1",
    "item_id": "i1",
    "delta": base64.b64encode(AUDIO).decode(),
}
WORDS = {"type": "response.output_audio_transcript.delta", "event_id": "e2", "response_id": "r1", "delta": "Hi"}
DONE = {
    "type": "response.done",
    "event_id": "e3",
    "response": {"id": "r1", "output": [{"id": "i1", "type": "function_call", "call_id": "c1"}]},
}


def _changed(event: dict[str, Any], fault: str, **values: Any) -> list[dict[str, Any]]:
    actions = EventChange(change_of(FaultRule(fault, values))).take(event)
    return [action.event for action in actions if isinstance(action, SendEvent)]


@pytest.mark.parametrize("how", ["truncated", "invalid"])
def test_broken_audio_is_no_base64(how: str) -> None:
    """Only sound is spoilt, and nobody can decode it."""
    (event,) = _changed(DELTA, "broken_audio", how=how)
    with pytest.raises(binascii.Error):
        binascii.a2b_base64(event["delta"], strict_mode=True)
    assert _changed(WORDS, "broken_audio", how=how) == [WORDS]


def test_wrong_ids() -> None:
    """The chosen id changes wherever an event carries it; the response keeps its own."""
    assert _changed(DELTA, "wrong_ids", field="response_id") == [{**DELTA, "response_id": "r1_other"}]
    assert _changed(DELTA, "wrong_ids", field="item_id") == [{**DELTA, "item_id": "i1_other"}]
    assert _changed(DONE, "wrong_ids", field="response_id") == [DONE]
    (done,) = _changed(DONE, "wrong_ids", field="call_id")
    assert done["response"]["output"][0]["call_id"] == "c1_other"


def test_spent_limits() -> None:
    """Only rate_limits.updated says so."""
    event = {"type": "rate_limits.updated", "rate_limits": [{"name": "tokens", "limit": 9, "remaining": 9}]}
    (spent,) = _changed(event, "limits_spent", reset_s=2.5)
    assert spent["rate_limits"] == [{"name": "tokens", "limit": 9, "remaining": 0, "reset_seconds": 2.5}]
    assert _changed(DONE, "limits_spent") == [DONE]


def test_a_drip_loses_nothing() -> None:
    """The pieces are the audio, each with an event id of its own and a wait before it."""
    actions = EventChange(change_of(FaultRule("slow_drip", {"delay_ms": 7.0}))).take(DELTA)
    pieces = [action.event for action in actions if isinstance(action, SendEvent)]
    assert b"".join(base64.b64decode(piece["delta"]) for piece in pieces) == AUDIO
    assert len({piece["event_id"] for piece in pieces}) == len(pieces) == 8
    assert all(len(base64.b64decode(piece["delta"])) % 2 == 0 for piece in pieces)
    assert [action for action in actions if isinstance(action, Wait)] == [Wait(0.007)] * 8


def test_neighbours_change_places_and_none_is_lost() -> None:
    """Sound keeps its order, and so do words; the end of a response stays the end."""
    reorder = EventReordering()
    events = [WORDS, DELTA, {**WORDS, "event_id": "e4"}, {**WORDS, "event_id": "e5"}, DELTA, DONE]
    said = [
        action.event["event_id"] for event in events for action in reorder.take(event) if isinstance(action, SendEvent)
    ]
    assert said == ["e1", "e2", "e4", "e1", "e5", "e3"]
    assert reorder.committed_count == 2


def test_what_is_not_changed_is_not_counted() -> None:
    """A change that found nothing to change has not been committed."""
    change = EventChange(change_of(FaultRule("broken_audio")))
    change.take(WORDS)
    assert change.committed_count == 0
    change.take(DELTA)
    assert change.committed_count == 1
