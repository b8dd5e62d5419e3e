"""One WebSocket that is told things: never waited for, and noticed when it has left."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

SEND_S = 5.0
"""How long a frame may take to get into the reader's socket."""
TOO_SLOW = 4408
NOT_FOUND = 4404
BROKEN = 1011

_CLOSE_S = 1.0
_REMEMBERED = 256


class ReaderLostError(Exception):
    """The reader has left, or was too slow and has been dropped."""


class DroppedReaders:
    """Why readers were dropped, for their next connection: through a full socket they cannot be told."""

    def __init__(self) -> None:
        self._why: dict[str, str] = {}

    def note(self, reader: str, why: str) -> None:
        """Note why `reader`, a name that it gave itself, was dropped."""
        if reader:
            while len(self._why) >= _REMEMBERED:
                self._why.pop(next(iter(self._why)))
            self._why[reader[:64]] = why

    def take(self, reader: str) -> str | None:
        """Return why `reader` was dropped the last time; told once."""
        return self._why.pop(reader[:64], None)


class ReaderSocket:
    """The lab's side of one socket, which has been accepted.

    Args:
        socket: The socket.
        reader: How the reader calls itself over all its connections; empty: it does not.
        dropped: Where it is noted that it was dropped.

    """

    def __init__(self, socket: WebSocket, reader: str, dropped: DroppedReaders) -> None:
        self._socket = socket
        self._reader = reader
        self._dropped = dropped
        self._sending = asyncio.Lock()

    async def send(self, text: str) -> None:
        """Send one frame. Raises ReaderLostError when the reader has left, or does not take it in time."""
        try:
            async with self._sending, asyncio.timeout(SEND_S):
                await self._socket.send_text(text)
        except TimeoutError as error:
            why = f"a frame was not taken within {SEND_S:.0f} s; go on from your cursor"
            self._dropped.note(self._reader, why)
            await self.close(TOO_SLOW, why)
            raise ReaderLostError(why) from error
        except (WebSocketDisconnect, RuntimeError, OSError) as error:  # RuntimeError: it has been closed
            raise ReaderLostError from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the socket, which may not listen any more."""
        with suppress(TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close(code, reason[:100])

    async def serve(self, *tellers: Coroutine[Any, Any, Any]) -> Any:
        """Run `tellers` until the first of them ends, and return what that returns; None when the reader has left.

        Raises what it raises. Nothing waits on for a reader that is not there: what it says is taken, and passed over.
        """
        tasks = [asyncio.create_task(teller) for teller in (*tellers, self._listen())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        first = next(task for task in tasks if task in done)
        try:
            return first.result()
        except ReaderLostError:
            return None

    async def _listen(self) -> None:
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            pass
