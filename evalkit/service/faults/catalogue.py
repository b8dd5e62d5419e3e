"""Every fault the service can commit: its name, where it strikes, and its parameters. Standard library only.

``docs/faults.md`` shows it with what a run makes of each fault; a test holds ``schemas/faults.schema.json`` equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Value = str | int | float


class Where(StrEnum):
    """Where a fault strikes: the handshake of a realtime session, its events, or an HTTP route."""

    CONNECT = "connect"
    SESSION = "session"
    HTTP = "http"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a fault.

    Attributes:
        kind: What its values are.
        meaning: For a person, with the unit.
        default: When it is not given; None: nothing.
        options: The only values; empty: any of its kind.
        minimum: The least value.
        maximum: The greatest value.

    """

    kind: type[str] | type[int] | type[float]
    meaning: str
    default: Value | None = None
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class FaultKind:
    """One fault: where it strikes, what it does, and what can be said about it."""

    where: Where
    does: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)


POINTS = {
    "session_created": "in place of session.created",
    "session_updated": "in place of session.updated",
    "committed": "in place of the answer to input_audio_buffer.commit",
    "response_created": "right after response.created",
    "mid_response": "after the response's third delta, at the latest in place of its response.done",
    "response_done": "right after response.done",
}
HTTP_ROLES = ("speech", "transcription", "judge", "caller")

_AT = Parameter(str, "When it strikes.", "mid_response", tuple(POINTS))
_NTH = Parameter(int, "In which of the session's responses (or commits), counted from 1.", 1, minimum=1, maximum=1000)
_WHEN = {"at": _AT, "nth": _NTH}
_RETRY_AFTER = Parameter(float, "Seconds in the header Retry-After; left out: no such header.", minimum=0, maximum=3600)
_ROLE = Parameter(str, "Whose requests.", "judge", HTTP_ROLES)
_STATUS = Parameter(int, "The HTTP status.", 503, minimum=400, maximum=599)

FAULTS: Mapping[str, FaultKind] = {
    "refuse": FaultKind(Where.CONNECT, "answers the handshake with an HTTP error", {"status": _STATUS}),
    "rate_limited": FaultKind(Where.CONNECT, "answers the handshake with HTTP 429", {"retry_after": _RETRY_AFTER}),
    "no_handshake": FaultKind(Where.CONNECT, "takes the connection and never answers the handshake"),
    "stall": FaultKind(Where.SESSION, "says nothing more, and answers pings", _WHEN),
    "half_open": FaultKind(Where.SESSION, "neither reads nor writes any more; the TCP connection stays", _WHEN),
    "close": FaultKind(
        Where.SESSION,
        "closes the WebSocket",
        {
            **_WHEN,
            "code": Parameter(int, "The close code.", 1011, minimum=1000, maximum=4999),
            "reason": Parameter(str, "The close reason; left out: a usual one for the code."),
        },
    ),
    "reset": FaultKind(Where.SESSION, "resets the TCP connection without a close frame", _WHEN),
    "error_event": FaultKind(
        Where.SESSION,
        "sends an error event in place of the rest of the response",
        {
            **_WHEN,
            "at": Parameter(str, "When it strikes.", "response_created", tuple(POINTS)),
            "code": Parameter(str, "The error's code.", "rate_limit_exceeded"),
        },
    ),
    "response_ends": FaultKind(
        Where.SESSION,
        "ends the response early with another status",
        {
            "nth": _NTH,
            "status": Parameter(str, "Its status.", "failed", ("failed", "incomplete", "cancelled")),
            "code": Parameter(str, "The error's code where the status is failed.", "server_error"),
        },
    ),
    "limits_spent": FaultKind(
        Where.SESSION,
        "says in rate_limits.updated that nothing remains; the response goes on",
        {"reset_s": Parameter(float, "Seconds until there is more.", 1.0, minimum=0, maximum=3600)},
    ),
    "malformed_json": FaultKind(Where.SESSION, "sends half of an event's JSON in place of the event", _WHEN),
    "binary_frame": FaultKind(Where.SESSION, "sends an event as a binary frame", _WHEN),
    "big_frame": FaultKind(
        Where.SESSION,
        "sends one huge, well-formed event in between",
        {**_WHEN, "mib": Parameter(int, "Its size in MiB; clients take 32.", 20, minimum=1, maximum=64)},
    ),
    "broken_audio": FaultKind(
        Where.SESSION,
        "spoils the base64 of every audio delta",
        {"how": Parameter(str, "How: cut off, or no base64 at all.", "truncated", ("truncated", "invalid"))},
    ),
    "wrong_ids": FaultKind(
        Where.SESSION,
        "gives the events of a response another id than its own",
        {"field": Parameter(str, "Which.", "response_id", ("response_id", "item_id", "call_id"))},
    ),
    "duplicated_events": FaultKind(Where.SESSION, "sends every event twice"),
    "reordered_events": FaultKind(Where.SESSION, "lets neighbouring events of different types change places"),
    "unknown_events": FaultKind(Where.SESSION, "sends an event of an unknown type before every event"),
    "slow_drip": FaultKind(
        Where.SESSION,
        "sends deltas in tiny pieces, slowly",
        {"delay_ms": Parameter(float, "Wait before each piece, in ms.", 20.0, minimum=0, maximum=60_000)},
    ),
    "http_status": FaultKind(
        Where.HTTP,
        "answers with an HTTP error",
        {"role": _ROLE, "status": _STATUS, "retry_after": _RETRY_AFTER},
    ),
    "http_garbage": FaultKind(Where.HTTP, "answers with status 200 and broken JSON", {"role": _ROLE}),
    "http_stall": FaultKind(Where.HTTP, "never answers", {"role": _ROLE}),
}

_WHOM = {
    "share": Parameter(float, "Share of those it may hit that are hit.", 1.0, minimum=0, maximum=1),
    "times": Parameter(int, "Only the first so many attempts are hit; left out: all.", minimum=1, maximum=1000),
}
_WHICH_SESSION = {
    "case": Parameter(str, "Only this case-trial; left out: all."),
    "source": Parameter(str, "Whose session.", "assistant", ("assistant", "simulator", "any")),
}
_WHICH_REQUEST = {"match": Parameter(str, "Only requests whose body contains this text; left out: all.")}

PRESETS: Mapping[str, str] = {
    "flaky": (
        "rate_limited/share:0.2/times:1+close/share:0.2/times:1"
        "+error_event/code:server_error/share:0.2/times:1+http_status/share:0.2/times:1"
    ),
    "overloaded": "rate_limited/retry_after:1/share:0.5/times:2+limits_spent",
    "untidy": "duplicated_events+unknown_events+reordered_events",
}


def parameters_of(fault: str) -> Mapping[str, Parameter]:
    """Return every parameter a rule with that fault may have: its own, and those that say whom it hits."""
    kind = FAULTS[fault]
    return {**kind.parameters, **_WHOM, **(_WHICH_REQUEST if kind.where is Where.HTTP else _WHICH_SESSION)}
