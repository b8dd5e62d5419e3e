"""What an injector asks of the writer: most of it is sending, the rest is what a well-behaved server never does."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.service.events_out import Event


@dataclass(frozen=True)
class SendEvent:
    """Send an event; injectors further on may still change it."""

    event: Event


@dataclass(frozen=True)
class SendRaw:
    """Send this frame as it is: text, or binary."""

    frame: str | bytes


@dataclass(frozen=True)
class Wait:
    """Wait before going on."""

    seconds: float


@dataclass(frozen=True)
class StopSending:
    """Send nothing more, ever; everything else goes on."""


@dataclass(frozen=True)
class CloseSocket:
    """Close the WebSocket."""

    code: int
    reason: str


@dataclass(frozen=True)
class ResetConnection:
    """Reset the TCP connection."""


@dataclass(frozen=True)
class FreezeConnection:
    """Stop reading and writing; keep the TCP connection."""


Action = SendEvent | SendRaw | Wait | StopSending | CloseSocket | ResetConnection | FreezeConnection
ENDING = (StopSending, CloseSocket, ResetConnection, FreezeConnection)
