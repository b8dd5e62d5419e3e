"""A ``/chat/completions`` endpoint, over HTTP: bodies in, chunks out, failures in one shape.

A request is made once and goes where its URL says: a redirection is an answer, and no proxy stands before this machine.
Whoever asks no endpoint does not import this: its HTTP library takes a tenth of a second.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from httpx2 import (
    AsyncByteStream,
    AsyncClient,
    EventSource,
    HTTPError,
    InvalidURL,
    Limits,
    Response,
    Timeout,
    create_ssl_context,
)

from evalkit import __version__
from evalkit.errors import ConfigError, EvalkitError
from evalkit.service.brain.chat.failures import BrainFailure, FailureTeller
from evalkit.service.endpoint import find_key_problems, find_url_problems, is_loopback, read_key

CONNECT_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 45.0
"""How long an endpoint may send nothing: less than clients wait for an answer, so that they are told why."""
MAX_ANSWER_BYTES = 8 * 1024 * 1024
"""More than any answer that is to be spoken, each word of it in a chunk of its own."""

_REST_TIMEOUT_S = 0.1

OWN_FIELDS = frozenset({
    "model", "messages", "tools", "tool_choice", "functions", "function_call", "response_format", "stream",
    "stream_options", "n",
})  # fmt: skip
"""Fields of a request that a brain fills in as a conversation wants it, so that nobody else may."""
_WANTED = "needed for service.brain=chat; name the endpoint, ending in /v1"

Chunk = Mapping[str, Any]


@dataclass
class ChatEndpoint:
    """One place that speaks chat completions.

    Attributes:
        base_url: For example ``http://127.0.0.1:1234/v1``.
        key: The key to send; None sends none.
        key_name: The variable that it comes from.
        options: Further fields of every request: temperature, seed and the like, as the endpoint names them.
        silence_timeout_s: How long it may send nothing.

    """

    base_url: str
    key: str | None = field(default=None, repr=False)
    key_name: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    silence_timeout_s: float = SILENCE_TIMEOUT_S
    _tells_usage: bool = field(default=True, init=False)

    async def complete(self, body: Mapping[str, Any]) -> AsyncGenerator[Chunk, None]:
        """Yield the chunks that answer `body`, as they come; the one of an endpoint that does not stream.

        Closing the generator closes the connection. Raises :class:`BrainFailure`.
        """
        try:
            answer = await self._open(body)
        except BrainFailure as failure:
            if not (self._tells_usage and failure.refuses("stream_options")):
                raise
            self._tells_usage = False
            answer = await self._open(body)
        try:
            if "event-stream" in answer.headers.get("content-type", ""):
                async for chunk in self._read(answer):
                    yield chunk
            else:
                yield await self._read_whole(answer)
        finally:
            await answer.aclose()

    def redacted(self, text: str) -> str:
        """Return what the endpoint said without the key, should it have quoted it."""
        return text.replace(self.key, "…") if self.key else text

    async def aclose(self) -> None:
        """Close every connection."""
        if "_client" in self.__dict__:
            await self._client.aclose()

    @cached_property
    def _client(self) -> AsyncClient:
        is_far = not is_loopback(urlsplit(self.base_url).hostname or "")
        return AsyncClient(
            headers={
                "User-Agent": f"evalkit/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                **({"Authorization": f"Bearer {self.key}"} if self.key else {}),
            },
            timeout=Timeout(self.silence_timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=Limits(max_connections=1000, max_keepalive_connections=100),
            verify=create_ssl_context(trust_env=is_far) if self.base_url.startswith("https:") else False,
            trust_env=is_far,
            follow_redirects=False,
        )

    @cached_property
    def _teller(self) -> FailureTeller:
        return FailureTeller(self.base_url, self.key_name, self.key)

    async def _open(self, body: Mapping[str, Any]) -> Response:
        """Return a successful answer, of which nothing but the head has come; it must be closed."""
        usage = {"stream_options": {"include_usage": True}} if self._tells_usage else {}
        asked = {**self.options, **body, "stream": True, **usage}
        with self._failures():
            request = self._client.build_request("POST", f"{self.base_url.rstrip('/')}/chat/completions", json=asked)
            answer = await self._client.send(request, stream=True)
            answer.stream = _BoundedStream(answer.stream)
            if answer.is_success:
                return answer
            await answer.aread()
        try:
            told = json.loads(answer.text)
        except (ValueError, RecursionError):
            told = answer.text.strip()
        raise self._teller.refusal(answer.status_code, told)

    async def _read(self, answer: Response) -> AsyncIterator[Chunk]:
        # Whatever it is called: an event stream is UTF-8, and may begin with a byte order mark.
        answer.headers["content-type"] = "text/event-stream; charset=utf-8-sig"
        events = aiter(EventSource(answer, max_event_size=None))
        has_ended = False
        while True:
            with self._failures():
                event = await anext(events, None)
                if event is None or event.data.startswith("[DONE]"):
                    break
                if not event.data:
                    continue
                chunk = json.loads(event.data)
            told = chunk if isinstance(chunk, Mapping) else {}
            self._require_no_error(told)
            has_ended = has_ended or _finish(told) is not None
            yield told
        if not has_ended:
            raise self._teller.failed("ended the stream before the answer: it never said why", "connection_closed")
        # The next request has the connection only where this answer is read to its end, which is near.
        with suppress(TimeoutError, HTTPError, _TooLargeError):
            async with asyncio.timeout(_REST_TIMEOUT_S):
                async for _ in events:
                    pass

    async def _read_whole(self, answer: Response) -> Chunk:
        with self._failures():
            body = json.loads(await answer.aread())
        told = body if isinstance(body, Mapping) else {}
        self._require_no_error(told)
        if not isinstance(told.get("choices"), list):
            raise self._teller.failed("answered without a chat completion", "invalid_response")
        return told

    def _require_no_error(self, told: Chunk) -> None:
        """Raise for an error that stands in an answer: what failed after the status had been sent."""
        for holder in (told, _first_choice(told)):
            if holder.get("error"):
                raise self._teller.in_answer(holder["error"])
        if _finish(told) == "error":
            raise self._teller.in_answer("")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what goes wrong in a request into a :class:`BrainFailure`."""
        try:
            yield
        except (ValueError, RecursionError) as error:  # a body that claims to be JSON and is not
            what = "answered with something unreadable"
            raise self._teller.failed(what, "invalid_response", detail=str(error)) from None
        except (HTTPError, InvalidURL, OSError, _TooLargeError) as error:  # some failures of TLS come as they are
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> BrainFailure:
        """Return the failure of a connection that ended as `error`."""
        chain = [error, *_causes(error)]
        names = {type(cause).__name__ for cause in chain}
        if isinstance(error, _TooLargeError):
            return self._teller.failed(f"answered with more than {MAX_ANSWER_BYTES} bytes", "answer_too_large")
        if "ConnectTimeout" in names:
            return self._teller.failed(f"was not reached within {CONNECT_TIMEOUT_S:g} s", "connect_timeout")
        if any("Timeout" in name for name in names):
            return self._teller.failed(f"was silent for {self.silence_timeout_s:g} s", "request_timeout")
        if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
            return self._teller.failed("cannot be reached: is the server running there?", "connection_refused")
        if names & {"RemoteProtocolError", "ReadError", "WriteError"}:
            return self._teller.failed("ended the connection", "connection_closed", detail=str(error))
        return self._teller.failed("cannot be reached", "connection_failed", detail=str(error))


def chat_endpoint(base_url: str | None, api_key_env: str | None, options: str | None = None) -> ChatEndpoint:
    """Return the endpoint of ``service.brain=chat``; raises :class:`ConfigError` for what is missing or wrong.

    Args:
        base_url: Where it is.
        api_key_env: The variable that holds its key; None: it is sent none.
        options: Further fields of every request, as a JSON object; None: none.

    """
    problems = [
        *find_url_problems("service.brain_url (--brain-url)", base_url, _WANTED),
        *find_key_problems("service.brain_api_key_env (--brain-api-key-env)", api_key_env),
    ]
    fields: Mapping[str, Any] = {}
    try:
        fields = _read_options(options or "{}")
    except ValueError as error:
        problems.append(f"service.brain_options (--brain-options): {error}")
    if base_url is None or problems:
        raise ConfigError(problems)
    return ChatEndpoint(base_url, read_key(api_key_env), api_key_env, fields)


def _read_options(text: str) -> Mapping[str, Any]:
    """Return the fields that `text` names, but those that are null; raises ValueError, which says what is wrong."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise ValueError(f'{text!r} is not a JSON object; expected for example {{"temperature": 0}}')
    if taken := sorted(OWN_FIELDS & fields.keys()):
        raise ValueError(f"{', '.join(taken)}: what a conversation is asked with is no option; leave it out")
    return {name: value for name, value in fields.items() if value is not None}


class _TooLargeError(EvalkitError):
    """An answer is longer than anything that is asked for."""


class _BoundedStream(AsyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read_bytes = 0
        async for piece in self._stream:
            read_bytes += len(piece)
            if read_bytes > MAX_ANSWER_BYTES:
                raise _TooLargeError
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _causes(error: BaseException) -> list[BaseException]:
    """Return what led to `error`, the nearest first; groups are entered."""
    inner: list[BaseException | None] = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    direct = [cause for cause in (error.__cause__ or error.__context__, *inner) if cause is not None]
    return [found for cause in direct for found in (cause, *_causes(cause))]


def _first_choice(told: Chunk) -> Mapping[str, Any]:
    choices = told.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def _finish(told: Chunk) -> str | None:
    finish = _first_choice(told).get("finish_reason")
    return finish if isinstance(finish, str) else None
