"""The connection under a WebSocket: text in and out without the layers between, and what ASGI has no word for.

A full-duplex session takes and gives fifty messages a second; handed from queue to queue each costs more than what the
session does about it. So text is handed on while it arrives (:meth:`Line.listen`) and goes out in one write
(:meth:`Line.send`); everything else (the handshake, binary and fragmented messages, closing) goes ASGI's way. Faults
ask for a reset, and for a peer that plays dead.

The server's protocol class is the only place that knows the transport; ours puts a :class:`Line` into the scope.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from evalkit.websocket_frames import FrameSplitter, server_frames

_EXTENSION = "evalkit.line"
HELD_S = 120.0
_GONE = 1006
_HEADERS_END = b"\r\n\r\n"


class Line:
    """One connection's transport.

    Args:
        protocol: The server's protocol object that owns it.

    """

    def __init__(self, protocol: LineProtocol) -> None:
        self._protocol = protocol

    def listen(self, on_text: Callable[[str], None]) -> None:
        """Give `on_text`, which does not raise, each text message while it arrives.

        The WebSocket's own `receive` has what came before, and everything else; nothing overtakes what waits there.
        """
        self._protocol.on_text = on_text

    @property
    def is_stuck(self) -> bool:
        """Whether the client takes no data at the moment."""
        return not self._protocol.writable.is_set()

    async def drain(self) -> None:
        """Return when the client takes data again, or has gone."""
        await self._protocol.writable.wait()

    def send(self, texts: Sequence[bytes]) -> None:
        """Send messages of UTF-8 text in one go; raises WebSocketDisconnect when the client has gone."""
        protocol = self._protocol
        if protocol.close_sent or protocol.transport.is_closing():
            raise WebSocketDisconnect(_GONE)
        protocol.transport.write(server_frames(texts))

    def pause(self) -> None:
        """Read nothing until :meth:`resume`."""
        self._protocol.read_paused = True
        self._protocol.transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        self._protocol.read_paused = False
        self._protocol.transport.resume_reading()

    def reset(self) -> None:
        """Drop the connection at once: the peer sees a TCP reset, and no close frame."""
        raw = self._protocol.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._protocol.transport.abort()

    async def freeze(self) -> None:
        """Neither read nor write nor answer pings, for two minutes; then reset."""
        self._protocol.stop_keepalive()
        self.pause()
        await asyncio.sleep(HELD_S)
        self.reset()


class LineProtocol(WebSocketsSansIOProtocol):
    """The server's WebSocket protocol, with the line in every scope."""

    on_text: Callable[[str], None] | None = None
    _splitter: FrameSplitter | None = None

    def data_received(self, data: bytes) -> None:
        """Take what arrives: what may be handed on at once, everything else as the server does."""
        if self._splitter is None:
            super().data_received(data)
            if hasattr(self, "scope") and data.endswith(_HEADERS_END):
                self._splitter = FrameSplitter(self.config.ws_max_size, masked=True)
            return
        for piece in self._splitter.split(data):
            if not (piece.text_at and self._hand_on(piece.unmasked_text)):
                super().data_received(piece.data)

    def handle_connect(self, event: Any) -> None:
        """Take the handshake."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["extensions"][_EXTENSION] = {"line": Line(self)}

    def handle_text(self, event: Any) -> None:
        """Hand a text message on that did not come in a whole frame, or leave it to ASGI where that has to be."""
        if not (event.fin and self._hand_on(event.data)):
            super().handle_text(event)

    def _hand_on(self, message: bytes | bytearray) -> bool:
        """Hand a message on, and return whether that can be: not what is no text, nor what would overtake another."""
        is_in_turn = not self.frames and self.queue.empty()
        if self.on_text is None or not is_in_turn or self.close_sent or self.transport.is_closing():
            return False
        try:
            text = str(message, "utf-8")
        except UnicodeDecodeError:
            return False
        self.on_text(text)
        return True


def line_of(websocket: WebSocket) -> Line:
    """Return the line under `websocket`; the server must run with :class:`LineProtocol`."""
    line: Line = websocket.scope["extensions"][_EXTENSION]["line"]
    return line
