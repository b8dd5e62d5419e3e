"""uvicorn within a loop that runs already."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from evalkit.gateway.loop_server import LoopServer


async def _app(_: MutableMapping[str, Any], __: Any, send: Callable[[Any], Awaitable[None]]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})


async def test_an_answer_without_an_end_is_cut_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """The client sees the line break, and no log is full of it."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = LoopServer(_app)
    serving = await server.begin([listener])
    with caplog.at_level(logging.DEBUG):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert answer.endswith(b"4\r\nhalf\r\n")
    assert b"server:" not in answer.lower()
    server.end()
    await asyncio.wait_for(serving, 5)
    assert caplog.records == [] or all("completing" not in record.message for record in caplog.records)


async def test_what_cannot_begin_says_so(tmp_path: Path) -> None:
    """The error comes out of begin(), and nothing serves."""
    with pytest.raises(OSError, match="No such file"):
        await LoopServer(_app, tmp_path / "none" / "x.sock").begin()
