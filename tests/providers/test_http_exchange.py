"""What goes out with every request, and answers read event by event, up to their limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from httpx2 import Request, Response

from evalkit import __version__
from evalkit.providers.http_exchange import bound, build_client, read_events, timeout

if TYPE_CHECKING:
    from conftest import FakeEndpoint

DONE = b"data: [DONE]\n\n"


class Pieces:
    """An answer's body that comes in pieces; `is_read` once the last of them was taken."""

    def __init__(self, *pieces: bytes, stays_open: bool = False) -> None:
        self._pieces, self._stays_open = pieces, stays_open
        self.is_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._stays_open:
            await asyncio.Event().wait()
        self.is_read = True


async def _events(body: Pieces, media_type: str = "text/event-stream") -> list[object]:
    asked = Request("POST", "http://h/v1/chat/completions")
    answer = Response(200, headers={"content-type": media_type}, content=aiter(body), request=asked)
    bound(answer)
    return [event async for event in read_events(answer)]


@pytest.mark.parametrize(
    "pieces",
    [
        (b'data: {"a": 1}\n\ndata: "\xc3\xa9"\n\n', DONE),
        (b'data: {"a": 1}\r\n\r\ndata: "\xc3\xa9"\r\n\r\n', b"data: [DONE]\r\n\r\n"),
        (b'data: {"a": 1}\r\n\r', b'\ndata: "\xc3', b'\xa9"\r\n\r\n', DONE),
        (b'data:{"a": 1}\rdata:\r\rdata: "\xc3\xa9"\r\r', DONE),
        (b'\xef\xbb\xbfdata: {"a":\ndata: 1}\n\n', b'data: "\xc3\xa9"\n\n', DONE),
        (b': keep-alive\n\n\ndata: {"a": 1}\n\n:\n\n', b'event: x\nid: 7\ndata: "\xc3\xa9"\n\n', DONE),
        (b'retry: 10\n\nid: 7\n\ndata: {"a": 1}\n\nevent: ping\n\ndata\n\n', b'data: "\xc3\xa9"\n\n', DONE),
        (b'data: {"a": 1}\n\ndata: "\xc3\xa9"\n\n', DONE, b'data: "late"\n\n{'),
        (b'data: {"a": 1}\n\ndata: "\xc3\xa9"\n\n', b'data: "without its end"\n'),
    ],
)
async def test_events(pieces: tuple[bytes, ...]) -> None:
    """However their lines end and wherever they are cut: those with data, up to the last one."""
    body = Pieces(*pieces)
    assert await _events(body) == [{"a": 1}, "é"]
    assert body.is_read
    assert await _events(Pieces(*pieces), "application/event-stream; charset=latin1") == [{"a": 1}, "é"]


async def test_separators_of_other_kinds_end_no_line() -> None:
    """A text may hold them: only CR and LF are ends."""
    text = "a\u2028b\u0085c"
    assert await _events(Pieces(f'data: "{text}"\n\n'.encode(), DONE)) == [text]


async def test_an_event_that_is_no_json() -> None:
    """Is an error that says so, as in an answer that comes whole."""
    with pytest.raises(ValueError, match="Expecting"):
        await _events(Pieces(b"data: <html>\n\n"))


async def test_a_stream_that_is_left_open_is_left() -> None:
    """Nobody waits for the end of an answer that has said its last word."""
    body = Pieces(b"data: 1\n\n", DONE, stays_open=True)
    async with asyncio.timeout(5):
        assert await _events(body) == [1]
    assert not body.is_read


async def test_what_goes_with_every_request(server: FakeEndpoint) -> None:
    """Who asks, and that answers are wanted unpacked; what an endpoint needs besides."""
    async with build_client(server.base_url, {"X-Mine": "1"}) as client:
        await client.post(f"{server.base_url}/x", json={}, timeout=timeout(5))
    headers = server.asked[0].headers
    assert headers["user-agent"] == f"evalkit/{__version__}"
    assert (headers["accept-encoding"], headers["x-mine"]) == ("identity", "1")
