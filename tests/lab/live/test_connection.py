"""One WebSocket that is told things: never waited for, and noticed when it has left."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

from evalkit.lab.live import connection as connection_module
from evalkit.lab.live.connection import TOO_SLOW, DroppedReaders, ReaderLostError, ReaderSocket


class StandInSocket:
    """A socket whose other end takes frames or does not, and says what a test lets it say."""

    def __init__(self, *, takes: bool = True) -> None:
        self.takes = takes
        self.sent: list[str] = []
        self.closed: list[tuple[int, str]] = []
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send_text(self, text: str) -> None:
        if not self.takes:
            await asyncio.Event().wait()
        self.sent.append(text)

    async def receive(self) -> dict[str, Any]:
        return await self.said.get()

    async def close(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))
        if not self.takes:
            await asyncio.Event().wait()


def connect(socket: StandInSocket, reader: str = "r", dropped: DroppedReaders | None = None) -> ReaderSocket:
    return ReaderSocket(cast(WebSocket, socket), reader, dropped or DroppedReaders())


async def test_the_first_that_ends_ends_all() -> None:
    """And says what it returned."""
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def tell() -> str:
        await asyncio.sleep(0)
        return "told"

    assert await connect(StandInSocket()).serve(wait(), tell()) == "told"
    assert ended.is_set()


async def test_a_reader_that_leaves_ends_it() -> None:
    """Whatever it said before is passed over; nothing waits on for it."""
    socket = StandInSocket()
    for message in ({"type": "websocket.receive", "text": "{"}, {"type": "websocket.disconnect"}):
        socket.said.put_nowait(message)
    assert await connect(socket).serve(asyncio.Event().wait()) is None


async def test_what_goes_wrong_in_a_teller_is_raised() -> None:
    """It is a defect, and not the reader's."""

    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await connect(StandInSocket()).serve(fail())


async def test_a_slow_reader_is_dropped_and_told_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket is full, so that even closing does not wait; it goes on from its cursor."""
    monkeypatch.setattr(connection_module, "SEND_S", 0.01)
    monkeypatch.setattr(connection_module, "_CLOSE_S", 0.01)
    socket, dropped = StandInSocket(takes=False), DroppedReaders()
    connection = connect(socket, "reader-1", dropped)
    assert await connection.serve(connection.send("frame")) is None
    assert [code for code, _ in socket.closed] == [TOO_SLOW]
    assert "go on from your cursor" in (dropped.take("reader-1") or "")
    assert dropped.take("reader-1") is None


@pytest.mark.parametrize("error", [WebSocketDisconnect(1006), RuntimeError("closed"), ConnectionResetError()])
async def test_a_reader_that_has_left_is_lost(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """However that shows."""
    socket = StandInSocket()

    async def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(socket, "send_text", fail)
    with pytest.raises(ReaderLostError):
        await connect(socket).send("frame")


async def test_frames_do_not_overtake_each_other() -> None:
    """Two tellers share one socket."""
    socket = StandInSocket()
    connection = connect(socket)
    await asyncio.gather(*(connection.send(str(number)) for number in range(20)))
    assert socket.sent == [str(number) for number in range(20)]


def test_readers_without_a_name_and_too_many_are_forgotten() -> None:
    """Nobody fills the memory with names."""
    dropped = DroppedReaders()
    dropped.note("", "slow")
    assert dropped.take("") is None
    for number in range(1000):
        dropped.note(f"r{number}", "slow")
    assert dropped.take("r0") is None
    assert dropped.take("r999") == "slow"
