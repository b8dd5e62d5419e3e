"""The TCP connection under a WebSocket, for what ASGI has no word for: a reset, and a peer that plays dead.

The server's protocol class is the only place that knows the transport; ours puts a :class:`FaultyLine` into the scope.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_EXTENSION = "evalkit.line"
HELD_S = 120.0


class FaultyLine:
    """One connection's transport.

    Args:
        protocol: The server's protocol object that owns it.

    """

    def __init__(self, protocol: WebSocketsSansIOProtocol) -> None:
        self._protocol = protocol

    def reset(self) -> None:
        """Drop the connection at once: the peer sees a TCP reset, and no close frame."""
        raw = self._protocol.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._protocol.transport.abort()

    async def freeze(self) -> None:
        """Neither read nor write nor answer pings, for two minutes; then reset."""
        self._protocol.stop_keepalive()
        self._protocol.read_paused = True
        self._protocol.transport.pause_reading()
        await asyncio.sleep(HELD_S)
        self.reset()


class LineProtocol(WebSocketsSansIOProtocol):
    """The server's WebSocket protocol, with the line in every scope."""

    def handle_connect(self, event: Any) -> None:
        """Take the handshake."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][_EXTENSION] = {"line": FaultyLine(self)}


def line_of(websocket: WebSocket) -> FaultyLine:
    """Return the line under `websocket`; the server must run with :class:`LineProtocol`."""
    line: FaultyLine = websocket.scope["extensions"][_EXTENSION]["line"]
    return line
