"""The sessions with the assistant's server, by the protocol that it speaks: one for each way of taking turns.

A session is loaded when it is asked for: a run holds its calls in one protocol and in one way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from evalkit.realtime.duplex import DuplexSession
    from evalkit.realtime.session import RealtimeSession


class ServerSessions(Protocol):
    """The sessions of one protocol."""

    @property
    def asked(self) -> type[RealtimeSession]:
        """Where the client takes the turns, and asks for each answer."""
        ...

    @property
    def duplex(self) -> type[DuplexSession]:
        """Where the server takes them."""
        ...


class _RealtimeSessions:
    @property
    def asked(self) -> type[RealtimeSession]:
        from evalkit.realtime.session import RealtimeSession

        return RealtimeSession

    @property
    def duplex(self) -> type[DuplexSession]:
        from evalkit.realtime.duplex import DuplexSession

        return DuplexSession


class _GeminiSessions:
    @property
    def asked(self) -> type[RealtimeSession]:
        from evalkit.realtime.gemini_live.session import GeminiSession

        return GeminiSession

    @property
    def duplex(self) -> type[DuplexSession]:
        from evalkit.realtime.gemini_live.duplex import GeminiCall

        return GeminiCall


REALTIME_SESSIONS: ServerSessions = _RealtimeSessions()
GEMINI_SESSIONS: ServerSessions = _GeminiSessions()
