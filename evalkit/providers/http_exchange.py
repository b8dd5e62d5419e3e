"""How requests go out and answers come in: httpx2's clients, and what is read of an answer.

A request is made once (the engine repeats it, where that is counted) and goes where its URL says: a redirection is an
answer, for a key is in hand, and no proxy stands before this machine. Answers are asked for unpacked and end at 64 MiB,
those that come packed all the same at 256 KiB. Imported by who really asks: it takes a tenth of a second.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from httpx2 import AsyncByteStream, AsyncClient, EventSource, HTTPError, Limits, Response, Timeout, create_ssl_context

from evalkit import __version__
from evalkit.errors import EvalkitError
from evalkit.settings.hosts import is_this_machine

CONNECT_TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_PACKED_BYTES = 256 * 1024
_REST_TIMEOUT_S = 0.1


class AnswerTooLarge(EvalkitError):
    """An answer is longer than anything we ask for."""


def build_client(base_url: str, headers: Mapping[str, str]) -> AsyncClient:
    """Return a client for requests below `base_url`, each with `headers`."""
    always = {"User-Agent": f"evalkit/{__version__}", "Accept": "application/json", "Accept-Encoding": "identity"}
    is_far = not is_this_machine(base_url)
    return AsyncClient(
        headers={**always, **headers},
        trust_env=is_far,
        verify=create_ssl_context(trust_env=is_far) if base_url.startswith("https:") else False,
        follow_redirects=False,
        limits=Limits(max_connections=1000, max_keepalive_connections=100),
    )


def timeout(silence_s: float) -> Timeout:
    """Return the time limits of a request whose peer may be silent for `silence_s` once it is connected."""
    return Timeout(silence_s, connect=CONNECT_TIMEOUT_S)


def bound(answer: Response) -> None:
    """Let `answer` be read up to its limit; beyond it, reading raises :class:`AnswerTooLarge`."""
    is_packed = answer.headers.get("content-encoding", "identity") != "identity"
    answer.stream = _BoundedStream(answer.stream, _MAX_PACKED_BYTES if is_packed else _MAX_ANSWER_BYTES)


async def read_events(answer: Response) -> AsyncIterator[Any]:
    """Yield the JSON of each server-sent event, until ``[DONE]``; events without data are passed over.

    Raises ValueError where an event is no JSON.
    """
    # Whatever it is called: an event stream is UTF-8, and may begin with a byte order mark.
    answer.headers["content-type"] = "text/event-stream; charset=utf-8-sig"
    events = aiter(EventSource(answer, max_event_size=None))
    async for event in events:
        if event.data.startswith("[DONE]"):
            # The next request has the connection only where this answer is read to its end, which is near.
            with suppress(TimeoutError, HTTPError):
                async with asyncio.timeout(_REST_TIMEOUT_S):
                    async for _ in events:
                        pass
            return
        if event.data:
            yield json.loads(event.data)


class _BoundedStream(AsyncByteStream):
    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._limit = stream, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read_bytes = 0
        async for piece in self._stream:
            read_bytes += len(piece)
            if read_bytes > self._limit:
                raise AnswerTooLarge(f"answered with more than {self._limit} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()
