"""Every way a handshake fails or a connection ends has a name, and no message holds a credential."""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.utils import accept_key

from evalkit.errors import CaseFailure
from evalkit.realtime.connection import ConnectionLimits, ConnectionLost, connect
from evalkit.records.faults import Failure, Fault, Stage, decide_fault

_KEY = "sk-canary0123456789"
_HEADERS = {"Authorization": f"Bearer {_KEY}"}
StartPeer = Callable[..., Awaitable[str]]


def _gate(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Callable[..., Response]:
    def answer(_connection: ServerConnection, _request: Request) -> Response:
        told = Headers({"Content-Length": str(len(body)), "Connection": "close", **(headers or {})})
        return Response(status, http.HTTPStatus(status).phrase, told, body)

    return answer


async def _silent(_peer: Any) -> None:
    pass


async def _refusal(url: str, **limits: Any) -> CaseFailure:
    with pytest.raises(CaseFailure) as caught:
        await connect(url, _HEADERS, ConnectionLimits(**limits))
    failure = caught.value
    assert failure.stage == Stage.CONNECT
    assert _KEY not in str(failure)
    assert "query-secret" not in str(failure)
    assert decide_fault(Failure(Stage(failure.stage), failure.error_type, "")) is Fault.INFRASTRUCTURE
    return failure


_QUOTED = f'{{"error": {{"message": "Incorrect API key provided: {_KEY}", "code": "x"}}}}'.encode()
_QUOTA = b'{"error": {"message": "pay", "code": "insufficient_quota"}}'
_DATES = {"Date": "Sat, 21 Nov 2026 10:00:00 GMT", "Retry-After": "Sat, 21 Nov 2026 10:00:09 GMT"}


@pytest.mark.parametrize(
    ("gate", "error_type", "retry_after_s", "said"),
    [
        (_gate(401, body=_QUOTED), "authentication_failed", None, r"HTTP 401 \(Incorrect .*: \[redacted\]\)"),
        (_gate(403), "authentication_failed", None, "HTTP 403"),
        (_gate(429, {"Retry-After": "7"}), "rate_limited", 7.0, "HTTP 429"),
        (_gate(429, _DATES), "rate_limited", 9.0, "HTTP 429"),
        (_gate(429, {"Retry-After": "soon"}), "rate_limited", None, "HTTP 429"),
        (_gate(429, body=_QUOTA), "insufficient_quota", None, "pay"),
        (_gate(503, {"Retry-After": "1.5"}), "server_error", 1.5, "HTTP 503"),
        (_gate(404, body=b"<html>"), "handshake_rejected", None, "HTTP 404"),
        (_gate(307, {"Location": "ws://127.0.0.1:1/"}), "handshake_rejected", None, "redirects are not followed"),
    ],
)  # fmt: skip
async def test_a_rejected_handshake_says_why(
    start_peer: StartPeer, gate: Any, error_type: str, retry_after_s: float | None, said: str
) -> None:
    """The HTTP status decides the kind; the server's words and its Retry-After are passed on."""
    url = await start_peer(_silent, gate=gate)
    failure = await _refusal(url)
    assert (failure.error_type, failure.retry_after_s) == (error_type, retry_after_s)
    with pytest.raises(CaseFailure, match=said):
        await connect(url, _HEADERS)


async def test_a_port_that_refuses_is_named() -> None:
    """Nobody listening is connection_refused, with the place and a question."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failure = await _refusal(f"ws://127.0.0.1:{port}/v1/realtime?key=query-secret")
    assert failure.error_type == "connection_refused"
    assert f"ws://127.0.0.1:{port}/v1/realtime: connection refused" in failure.message


async def test_a_name_that_does_not_exist_is_named() -> None:
    """An unknown host is connection_failed."""
    failure = await _refusal("ws://no-such-host.invalid/v1?key=query-secret")
    assert failure.error_type == "connection_failed"
    assert "no-such-host.invalid" in failure.message


@pytest.mark.parametrize(
    ("answer", "error_type"),
    [(b"SSH-2.0-OpenSSH\r\n\r\n", "handshake_rejected"), (b"", "handshake_rejected"), (None, "connect_timeout")],
)
async def test_a_server_of_another_kind_is_named(answer: bytes | None, error_type: str) -> None:
    """A port that speaks something else, hangs up, or says nothing at all each fail with their own kind."""
    hung_up = asyncio.Event()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        hung_up.set()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/?key=query-secret"
        failure = await _refusal(url, open_timeout_s=0.2)
        await hung_up.wait()
    assert failure.error_type == error_type


@pytest.mark.parametrize("url", ["http://127.0.0.1/v1?key=query-secret", "ws://", "nonsense", f"ws://{'a' * 70}.x/"])
async def test_an_address_that_is_none_is_named(url: str) -> None:
    """A malformed address fails as connection_failed and is not shown with its query."""
    assert (await _refusal(url)).error_type == "connection_failed"


@pytest.mark.parametrize(
    ("code", "reason", "error_type"),
    [
        (1000, "", "connection_closed"),
        (1011, "internal", "connection_closed"),
        (4000, "invalid_request_error.beta_api_shape_disabled", "connection_closed"),
        (1001, "invalid_request_error.session_expired", "session_expired"),
        (1008, "server_error", "server_error"),
        (3000, "invalid_request_error.invalid_api_key", "authentication_failed"),
        (1008, f"bad key {_KEY}", "connection_closed"),
    ],
)
async def test_a_close_has_code_and_reason(start_peer: StartPeer, code: int, reason: str, error_type: str) -> None:
    """The server's close frame is told in full, and an expired session is called that."""

    async def hang_up(peer: Any) -> None:
        await peer.socket.close(code, reason)

    connection = await connect(await start_peer(hang_up), _HEADERS)
    with pytest.raises(ConnectionLost, match=f"code {code}") as lost:
        await connection.receive()
    assert lost.value.error_type == error_type
    assert _KEY not in lost.value.message
    assert reason.replace(_KEY, "[redacted]") in lost.value.message
    with pytest.raises(ConnectionLost):
        await connection.send(b"{}")
    await connection.close()


async def test_a_cut_line_is_named(start_peer: StartPeer) -> None:
    """A connection that breaks without goodbye is connection_closed."""

    async def cut(peer: Any) -> None:
        peer.socket.transport.abort()

    connection = await connect(await start_peer(cut), _HEADERS)
    with pytest.raises(ConnectionLost, match="without a close frame") as lost:
        await connection.receive()
    assert lost.value.error_type == "connection_closed"


async def test_a_message_beyond_the_limit_is_named(start_peer: StartPeer) -> None:
    """A message larger than max_frame_bytes ends the connection as frame_too_large; the limit itself is fine."""

    async def shout(peer: Any) -> None:
        await peer.socket.send("x" * 1000)
        await peer.socket.send("x" * 1001)

    connection = await connect(await start_peer(shout), {}, ConnectionLimits(max_frame_bytes=1000))
    assert len(await connection.receive()) == 1000
    with pytest.raises(ConnectionLost) as lost:
        await connection.receive()
    assert lost.value.error_type == "frame_too_large"


async def test_text_that_is_none_is_named(start_peer: StartPeer) -> None:
    """A text message that is not UTF-8 ends the connection as invalid_event."""

    async def mumble(peer: Any) -> None:
        await peer.socket.send(b"\xff\xfe", text=True)
        await peer.socket.wait_closed()

    connection = await connect(await start_peer(mumble), {})
    with pytest.raises(ConnectionLost, match="1007") as lost:
        await connection.receive()
    assert lost.value.error_type == "invalid_event"


async def test_a_peer_that_answers_no_ping_is_given_up(start_peer: StartPeer) -> None:
    """A dead line is noticed by its silence, and called connection_closed."""

    async def freeze(peer: Any) -> None:
        peer.socket.transport.pause_reading()
        await asyncio.sleep(0.5)
        peer.socket.transport.resume_reading()

    limits = ConnectionLimits(ping_interval_s=0.05, ping_timeout_s=0.05, close_timeout_s=0.1)
    connection = await connect(await start_peer(freeze), {}, limits)
    with pytest.raises(ConnectionLost, match="keepalive ping timeout") as lost:
        await connection.receive()
    assert lost.value.error_type == "connection_closed"


async def test_a_peer_that_takes_no_data_is_given_up(start_peer: StartPeer) -> None:
    """Where data is stuck the library's pings are stuck too: sending has a limit of its own, and so has closing."""

    async def freeze(peer: Any) -> None:
        peer.socket.transport.pause_reading()
        await asyncio.sleep(1.5)

    limits = ConnectionLimits(send_timeout_s=0.2, close_timeout_s=0.1)
    url = await start_peer(freeze)
    connection, other = await connect(url, {}, limits), await connect(url, {}, limits)
    with pytest.raises(ConnectionLost, match=r"the peer took no data for 0\.2 s") as lost:
        await connection.send(b"x" * 30_000_000)
    assert lost.value.error_type == "connection_closed"
    with pytest.raises(ConnectionLost):
        await connection.receive()
    stuck = asyncio.create_task(other.send(b"x" * 30_000_000))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(3):
        await other.close()
        with pytest.raises(ConnectionLost):
            await stuck


async def test_a_ping_tells_a_dead_line_from_a_silent_peer(start_peer: StartPeer) -> None:
    """A peer that says nothing answers pings; one that reads nothing, or has gone, does not."""

    async def freeze(peer: Any) -> None:
        peer.socket.transport.pause_reading()
        await asyncio.sleep(0.5)
        peer.socket.transport.resume_reading()

    silent, frozen = await connect(await start_peer(_silent), {}), await connect(await start_peer(freeze), {})
    assert await silent.answers_ping(2)
    assert not await frozen.answers_ping(0.1)
    await silent.close()
    assert not await silent.answers_ping(0.1)
    await frozen.close()


async def test_messages_pass_unchanged_and_uncompressed(start_peer: StartPeer) -> None:
    """Text goes out as text frames, comes in as text, binary as binary, and no extension is negotiated."""
    seen: list[Any] = []

    async def echo(peer: Any) -> None:
        seen.append(peer.socket.request.headers.get("Sec-WebSocket-Extensions"))
        seen.append(await peer.socket.recv())
        await peer.socket.send("grüße")
        await peer.socket.send(b"\x00\x01")

    connection = await connect(await start_peer(echo), {})
    await connection.send("grüße".encode())
    assert [await connection.receive(), await connection.receive()] == ["grüße", b"\x00\x01"]
    assert seen == [None, "grüße"]
    await connection.close()


async def test_a_quoted_key_is_blanked_and_none_is_logged(
    start_peer: StartPeer, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that quotes our key is read with [redacted]; no log line at any level holds the key."""
    caplog.set_level(logging.DEBUG)

    async def quote(peer: Any) -> None:
        await peer.socket.send(f"you sent {peer.socket.request.headers['Authorization']}")

    connection = await connect(await start_peer(quote), {"Authorization": f"Bearer {_KEY}", "api-key": "short"})
    assert await connection.receive() == "you sent Bearer [redacted]"
    await connection.close()
    ours = [record for record in caplog.records if record.name != "websockets.server"]
    assert not any(_KEY in record.getMessage() for record in ours)


async def test_messages_of_every_size_arrive_whole_and_masked(start_peer: StartPeer) -> None:
    """Each length of the frame's head, alone or several in one write; no two masks are drawn alike."""
    heard: list[str | bytes] = []
    done = asyncio.Event()
    sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000]

    async def listen(peer: Any) -> None:
        while len(heard) < 2 * len(sizes):
            heard.append(await peer.socket.recv())
        done.set()

    connection = await connect(await start_peer(listen), {})
    messages = [b"x" * size for size in sizes]
    for message in messages:
        await connection.send(message)
    await connection.send(*messages)
    await asyncio.wait_for(done.wait(), 5)
    assert heard == [message.decode() for message in [*messages, *messages]]
    await connection.close()


def _whole(arrived: bytes) -> list[bytes]:
    return [arrived]


def _bytewise(arrived: bytes) -> list[bytes]:
    return [arrived[at : at + 1] for at in range(len(arrived))]


def _within_the_headers_end(arrived: bytes) -> list[bytes]:
    at = arrived.index(b"\r\n\r\n") + 2
    return [arrived[:at], arrived[at:]]


def _within_a_frame(arrived: bytes) -> list[bytes]:
    at = arrived.index(b"\r\n\r\n") + 14
    return [arrived[:at], arrived[at:]]


@pytest.mark.parametrize("cut", [_whole, _bytewise, _within_the_headers_end, _within_a_frame])
async def test_messages_are_heard_in_order_however_they_arrive(cut: Callable[[bytes], list[bytes]]) -> None:
    """Text, pings and fragments behind the answer to the handshake, in one piece, in many, or cut within a frame."""
    frames = [
        Frame(Opcode.TEXT, b'{"number": 1}'),
        Frame(Opcode.PING, b"are you there"),
        Frame(Opcode.TEXT, b"x" * 300),
        Frame(Opcode.TEXT, b"in two ", fin=False),
        Frame(Opcode.CONT, b"parts"),
        Frame(Opcode.TEXT, b"last"),
    ]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(line.partition(": ")[2] for line in request.splitlines() if line.startswith("Sec-WebSocket-Key"))
        answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        answer += f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
        for part in cut(answer.encode() + b"".join(frame.serialize(mask=False) for frame in frames)):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read(4)  # the pong
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        heard: list[str | bytes] = []
        connection = await connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", {}, on_text=heard.append)
        with contextlib.suppress(ConnectionLost):
            while True:
                heard.append(await asyncio.wait_for(connection.receive(), 5))
        await connection.close()
    assert heard == ['{"number": 1}', "x" * 300, "in two parts", "last"]
