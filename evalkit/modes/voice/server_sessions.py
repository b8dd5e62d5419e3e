"""The sessions with the assistant's server, by the protocol that it speaks: one for each way of taking turns."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.realtime.duplex import DuplexSession
from evalkit.realtime.gemini_live.duplex import GeminiCall
from evalkit.realtime.gemini_live.session import GeminiSession
from evalkit.realtime.session import RealtimeSession


@dataclass(frozen=True)
class ServerSessions:
    """The sessions of one protocol.

    Attributes:
        asked: Where the client takes the turns, and asks for each answer.
        duplex: Where the server takes them.

    """

    asked: type[RealtimeSession]
    duplex: type[DuplexSession]


REALTIME_SESSIONS = ServerSessions(RealtimeSession, DuplexSession)
GEMINI_SESSIONS = ServerSessions(GeminiSession, GeminiCall)
