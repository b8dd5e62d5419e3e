"""Faults that happen once, at a point: an event goes in, what becomes of it comes out. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from evalkit.service.events_out import Event
from evalkit.service.faults.actions import (
    Action,
    CloseSocket,
    FreezeConnection,
    ResetConnection,
    SendEvent,
    SendRaw,
    StopSending,
)
from evalkit.service.faults.moments import Moment, PointSide
from evalkit.service.faults.plan import FaultRule

_REASONS = {
    1001: "going away",
    1011: "internal error",
    1013: "try again later",
    3000: "invalid_request_error.session_expired",
}
_ERROR_TYPES = {"rate_limit_exceeded": "rate_limit_error", "session_expired": "invalid_request_error"}

PointAction = Callable[[Event], list[Action]]
"""What is done at the point, given the event that lies there."""


class PointFault:
    """Commits a fault at one point and lets everything else pass.

    Args:
        moment: When.
        act: What is done there.
        keeps_event: Whether the event at the point is sent as well, after what is done.

    """

    def __init__(self, moment: Moment, act: PointAction, *, keeps_event: bool) -> None:
        self._moment, self._act, self._keeps_event = moment, act, keeps_event
        self.committed_count = 0

    def take(self, event: Event) -> list[Action]:
        """Return what becomes of `event`."""
        side = self._moment.look(event["type"])
        if side is None:
            return [SendEvent(event)]
        self.committed_count += 1
        actions = self._act(event)
        if side is PointSide.AFTER:
            return [SendEvent(event), *actions]
        return [*actions, SendEvent(event)] if self._keeps_event else actions


class ResponseEnding:
    """Ends the n-th response in its middle with another status; the session goes on.

    Args:
        moment: The middle.
        status: ``failed``, ``incomplete`` or ``cancelled``.
        code: The error's code where it failed.

    """

    def __init__(self, moment: Moment, status: str, code: str) -> None:
        self._moment, self._status, self._code = moment, status, code
        self._response: Event = {}
        self._drops = False
        self.committed_count = 0

    def take(self, event: Event) -> list[Action]:
        """Return what becomes of `event`."""
        if event["type"] == "response.created":
            self._response = event["response"]
        if self._moment.look(event["type"]) is not None:
            self.committed_count += 1
            self._drops = event["type"] != "response.done"
            return [
                SendEvent({"type": "response.done", "event_id": f"{event['event_id']}_end", "response": self._ended()})
            ]
        if self._drops and event["type"].startswith("response."):
            self._drops = event["type"] != "response.done"
            return []
        return [SendEvent(event)]

    def _ended(self) -> Event:
        details: Event = {"type": self._status}
        if self._status == "failed":
            details["error"] = {"type": "server_error", "code": self._code, "message": "injected by a fault plan"}
        else:
            details["reason"] = {"incomplete": "content_filter", "cancelled": "turn_detected"}[self._status]
        return {**self._response, "status": self._status, "status_details": details, "output": []}


def _closing(code: int, reason: str | None) -> CloseSocket:
    return CloseSocket(code, reason or _REASONS.get(code, ""))


def _error(event: Event, code: str) -> Event:
    error = {
        "type": _ERROR_TYPES.get(code, "server_error"),
        "code": code,
        "message": f"{code}: injected by a fault plan",
        "param": None,
        "event_id": None,
    }
    return {"type": "error", "event_id": f"{event['event_id']}_error", "error": error}


def _half(event: Event) -> str:
    text = orjson.dumps(event).decode()
    return text[: len(text) // 2]


def _padded(event: Event, size: int) -> Event:
    return {
        "type": "rate_limits.updated",
        "event_id": f"{event['event_id']}_big",
        "rate_limits": [],
        "padding": "x" * size,
    }


POINT_ACTIONS: Mapping[str, Callable[[FaultRule, Event], list[Action]]] = {
    "stall": lambda _rule, _event: [StopSending()],
    "half_open": lambda _rule, _event: [FreezeConnection()],
    "reset": lambda _rule, _event: [ResetConnection()],
    "close": lambda rule, _event: [_closing(rule.get("code"), rule.get("reason"))],
    "error_event": lambda rule, event: [SendEvent(_error(event, rule.get("code"))), StopSending()],
    "malformed_json": lambda _rule, event: [SendRaw(_half(event))],
    "binary_frame": lambda _rule, event: [SendRaw(orjson.dumps(event))],
    "big_frame": lambda rule, event: [SendEvent(_padded(event, rule.get("mib") * 2**20))],
}
"""What the faults of one point do there."""
