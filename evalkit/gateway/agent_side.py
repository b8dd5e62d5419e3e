"""The agent's side of one call: what it is given is noted in the call at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping, Sequence
from typing import Any

from evalkit.clock import Clock
from evalkit.gateway.calls import OpenCall
from evalkit.gateway.protocols import ModelProtocol, error_body

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_FORBIDS_RETRIES = ("x-should-retry", "false")
_DRAINED_PER_LIMIT = 8


class AgentSide:
    """Where the answer to one call goes.

    Args:
        send: The server's way to the client.
        call: What the answer is noted in.
        clock: Says when its first byte comes.

    """

    def __init__(self, send: Send, call: OpenCall, clock: Clock) -> None:
        self._send = send
        self._call = call
        self._clock = clock

    async def begin(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Begin the answer; `headers` have names in lower case."""
        self._call.begin_answer(status, headers)
        await begin_answer(self._send, status, headers)

    async def give(self, chunk: bytes) -> None:
        """Give a piece of the body; an empty one is nothing."""
        if chunk:
            self._call.take(chunk, self._clock.now())
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def finish(self) -> None:
        """End the answer as a whole one. An answer that is not finished is cut: the client sees the line break."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def refuse(self, status: int, kind: str, message: str, *, for_good: bool = False) -> None:
        """Give an error of the gateway's own, in the form of the call's protocol, all but its end.

        Args:
            status: The HTTP status.
            kind: What happened, in a word.
            message: What happened, for a person.
            for_good: Whether clients that listen are told not to try again.

        """
        body = error_body(self._call.request.kind.protocol, status, kind, message)
        await self.begin(status, _error_headers(body, for_good=for_good))
        await self.give(body)


async def answer_error(send: Send, protocol: ModelProtocol | None, status: int, kind: str, message: str) -> None:
    """Answer a request that is no call with an error, which ends it."""
    body = error_body(protocol, status, kind, message)
    await begin_answer(send, status, _error_headers(body, for_good=False))
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def begin_answer(send: Send, status: int, headers: Sequence[tuple[str, str]]) -> None:
    """Send status and headers."""
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})


async def read_body(receive: Receive, limit_bytes: int) -> bytes | None:
    """Return a request's body; None where it is longer than `limit_bytes`. Raises ClientGone."""
    pieces, total = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        total += len(piece)
        if total <= limit_bytes:
            pieces.append(piece)
        elif total > limit_bytes * _DRAINED_PER_LIMIT:
            return None
        else:
            pieces.clear()  # the rest is read so that the client comes to read the answer
        if not message.get("more_body"):
            return b"".join(pieces) if total <= limit_bytes else None


class ClientGone(Exception):
    """The client left before its request was whole."""


async def while_connected(
    receive: Receive, work: Coroutine[Any, Any, None], started: Callable[[asyncio.Task[None]], None]
) -> None:
    """Run `work` until it ends, and cancel it as soon as the client leaves.

    Args:
        receive: Tells that the client left; the request's body must have been read.
        work: What is done for the client.
        started: Is given the task of `work`, so that others can cancel it.

    """
    task = asyncio.ensure_future(work)
    started(task)
    leaving = asyncio.ensure_future(_leave(receive))
    try:
        await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        if not task.done():
            task.cancel()
        await asyncio.wait({task, leaving})
    if not task.cancelled():
        task.result()


async def _leave(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _error_headers(body: bytes, *, for_good: bool) -> list[tuple[str, str]]:
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    return [*headers, _FORBIDS_RETRIES] if for_good else headers
