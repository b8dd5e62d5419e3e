"""Faults at a point: what exactly goes over the wire there."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from evalkit.service.faults.actions import (
    Action,
    CloseSocket,
    FreezeConnection,
    ResetConnection,
    SendEvent,
    SendRaw,
    StopSending,
)
from evalkit.service.faults.injector import Injector
from evalkit.service.faults.moments import Moment
from evalkit.service.faults.plan import parse_plan
from evalkit.service.faults.point_faults import ResponseEnding

CREATED = {"type": "response.created", "event_id": "e2", "response": {"id": "r1", "status": "in_progress"}}
DELTAS = [
    {"type": "response.output_text.delta", "event_id": f"d{number}", "response_id": "r1", "delta": "a"}
    for number in range(5)
]
DONE = {"type": "response.done", "event_id": "e4", "response": {"id": "r1", "status": "completed", "output": [{}]}}
RESPONSE: list[dict[str, Any]] = [CREATED, *DELTAS, DONE]


def _after(plan: str) -> list[Action]:
    """Return what a fault makes of a response, without what is sent as it was."""
    injector = Injector(parse_plan(plan).rules)
    actions = [action for event in RESPONSE for action in injector.take(event)]
    return [action for action in actions if not (isinstance(action, SendEvent) and action.event in RESPONSE)]


@pytest.mark.parametrize(
    ("plan", "code", "reason"),
    [
        ("close", 1011, "internal error"),
        ("close/code:3000", 3000, "invalid_request_error.session_expired"),
        ("close/code:4321", 4321, ""),
        ("close/code:1013/reason:busy", 1013, "busy"),
    ],
)
def test_close(plan: str, code: int, reason: str) -> None:
    """A code has its usual reason unless another is given."""
    assert _after(plan) == [CloseSocket(code, reason)]


def test_the_line_itself() -> None:
    """A reset and a frozen line are the writer's to do."""
    assert _after("reset") == [ResetConnection()]
    assert _after("half_open") == [FreezeConnection()]


def test_an_error_event_takes_the_place_of_the_rest() -> None:
    """It is the protocol's error, and the response has no end."""
    error, hush = _after("error_event/code:rate_limit_exceeded")
    assert isinstance(error, SendEvent)
    assert error.event["error"]["code"] == "rate_limit_exceeded"
    assert error.event["error"]["type"] == "rate_limit_error"
    assert hush == StopSending()


def test_frames_that_are_no_events() -> None:
    """Half of the JSON, and the whole of it in binary, in place of the fourth delta."""
    (half,) = _after("malformed_json")
    assert isinstance(half, SendRaw)
    assert isinstance(half.frame, str)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(half.frame)
    assert _after("binary_frame") == [SendRaw(orjson.dumps(DELTAS[3]))]


def test_a_big_frame_is_legal() -> None:
    """It is an event like any other, only large, and nothing is lost for it."""
    (big,) = _after("big_frame/mib:2")
    assert isinstance(big, SendEvent)
    assert big.event["type"] == "rate_limits.updated"
    assert len(orjson.dumps(big.event)) > 2 * 2**20


@pytest.mark.parametrize(
    ("status", "detail"),
    [("failed", "error"), ("incomplete", "reason"), ("cancelled", "reason")],
)
def test_a_response_that_ends_otherwise(status: str, detail: str) -> None:
    """It keeps its id, has the status, and nothing more is said about it; the next response is left alone."""
    ends = ResponseEnding(Moment("mid_response", 1), status, "server_error")
    actions = [action for event in (*RESPONSE, *RESPONSE) for action in ends.take(event)]
    said = [action.event for action in actions if isinstance(action, SendEvent)]
    assert said[:4] == [CREATED, *DELTAS[:3]]
    assert said[4]["response"]["id"] == "r1"
    assert said[4]["response"]["status"] == status
    assert detail in said[4]["response"]["status_details"]
    assert said[5:] == RESPONSE
    assert ends.committed_count == 1
