"""A gateway in front of a scripted endpoint, and an agent's questions in each protocol."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
from scripted_endpoint import Rule, ScriptedEndpoint

from evalkit.gateway.answers import TokenCount
from evalkit.gateway.gateway import Gateway
from evalkit.gateway.protocols import recognise
from evalkit.gateway.requests import ModelRequest
from evalkit.gateway.sessions import GatewaySession
from evalkit.gateway.upstream import Upstream

KEY = "sk-the-real-key/0123456789"
PROTOCOLS = ("chat", "responses", "messages", "gemini")
TLS = ssl.create_default_context()
"""Made once: it takes longer than a test."""
WAYS = [(protocol, streams) for protocol in PROTOCOLS for streams in (False, True)]


def cents(_: str, tokens: TokenCount) -> float | None:
    """Price every token at one cent."""
    return ((tokens.input_tokens or 0) + (tokens.output_tokens or 0)) / 100


@dataclass
class Partner:
    """One session, and what is needed to talk through it."""

    gateway: Gateway
    session: GatewaySession
    endpoint: ScriptedEndpoint
    client: httpx2.AsyncClient

    async def ask(self, protocol: str, text: str, *, stream: bool = False, session: str = "s1") -> httpx2.Response:
        """Ask as an agent does."""
        path, body, headers = question(protocol, text, stream=stream)
        return await self.client.post(f"{self.gateway.tcp_url}/w/{session}{path}", json=body, headers=headers)


def question(protocol: str, text: str, *, stream: bool = False) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Return path, body and headers of a question."""
    said = [{"role": "user", "content": text}]
    match protocol:
        case "chat":
            return "/v1/chat/completions", {"model": "m", "messages": said, "stream": stream}, bearer()
        case "responses":
            return "/v1/responses", {"model": "m", "input": said, "stream": stream}, bearer()
        case "messages":
            body = {"model": "m", "max_tokens": 100, "messages": said, "stream": stream}
            return "/v1/messages", body, {"x-api-key": "dummy", "anthropic-version": "2023-06-01"}
        case _:
            call = "streamGenerateContent?alt=sse&key=dummy" if stream else "generateContent?key=dummy"
            body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
            return f"/v1beta/models/m:{call}", body, {"x-goog-api-key": "dummy"}


def bearer() -> dict[str, str]:
    """Return the header with the key that a box has."""
    return {"authorization": "Bearer dummy"}


def request_of(protocol: str, text: str = "hi", *, stream: bool = False, **more: Any) -> ModelRequest:
    """Return a request as the gateway would have read it."""
    path, body, _ = question(protocol, text, stream=stream)
    where, _, query = path.partition("?")
    kind = recognise("POST", where, {})
    assert kind is not None
    return ModelRequest(kind, where, query, json.dumps({**body, **more}).encode())


def error_text(protocol: str, body: Mapping[str, Any]) -> str:
    """Return the message of an error, read where a client of `protocol` looks for it."""
    error = body["error"]
    if protocol == "messages":
        assert body["type"] == "error"
        assert error["type"]
    if protocol == "gemini":
        assert isinstance(error["code"], int)
        assert error["status"].isupper()
    return str(error["message"])


@asynccontextmanager
async def talking(
    rules: Sequence[Rule] = (),
    *,
    timeout_s: float = 10.0,
    upstream: Upstream | None = None,
    endpoint_key: str | None = KEY,
    extra_headers: Mapping[str, str] | None = None,
    request_limit_bytes: int = 1_000_000,
    price: Callable[[str, TokenCount], float | None] = cents,
    **session: Any,
) -> AsyncIterator[Partner]:
    """Run a gateway on TCP in front of a scripted endpoint, with the session ``s1``."""
    with ScriptedEndpoint(rules, key=endpoint_key, extra_headers=extra_headers) as endpoint:
        to = upstream or Upstream(endpoint.url, KEY, timeout_s=timeout_s)
        async with Gateway(to, price=price, request_limit_bytes=request_limit_bytes) as gateway:
            await gateway.listen(tcp=True)
            opened = gateway.open_session("s1", **session)
            async with httpx2.AsyncClient(timeout=20.0, trust_env=False, verify=TLS) as client:
                yield Partner(gateway, opened, endpoint, client)


@asynccontextmanager
async def raw_provider(answer: Sequence[bytes], *, pause_s: float = 0.0, closes: bool = True) -> AsyncIterator[str]:
    """Answer every request with these pieces, written apart, whatever it says; gives the base URL."""
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
            for piece in answer:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause_s)
            if not closes:
                await left.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        left.set()
        server.close()
        await server.wait_closed()


def plain_answer(
    body: bytes, content_type: str = "application/json", extra: bytes = b"", status: str = "200 OK"
) -> bytes:
    """Return a whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n".encode()
    return head + extra + b"\r\n" + body


def sse(*values: Any) -> bytes:
    """Return events as a stream has them."""
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until `condition` holds; fail when it does not in time."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that in time")
