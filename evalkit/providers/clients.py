"""The openai package's clients: one per endpoint, built when first used; its exceptions become CaseFailures.

Five of the package's defaults are turned off: it retries (the engine does, where it is counted), it reads keys and
organisations from the process environment (ours come from the endpoint alone, so that a key for one provider never
travels to another), it follows redirects (with Azure's key in hand), it goes through a proxy even to this machine, and
it reads an answer of any length (ours end at 64 MiB, at 256 KiB where they come compressed although we ask for plain
ones).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from email.utils import parsedate_to_datetime
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from evalkit.errors import CaseFailure, EvalkitError
from evalkit.providers.endpoints import ProviderEndpoint, http_base_url, redact, request_headers
from evalkit.settings.hosts import is_this_machine

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI, OpenAIError

_CONNECT_TIMEOUT_S = 10.0
_MESSAGE_CHARACTERS = 500
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_PACKED_BYTES = 256 * 1024


Slot = Callable[[], AbstractAsyncContextManager[None]]


class Clients:
    """Clients by endpoint, for one event loop. Close it with :meth:`aclose`.

    Args:
        environ: Where keys are read from.
        timeout_s: How long a peer may be silent within one request.
        slot: Gives what must be held while a request is under way; None: any number may be.

    """

    def __init__(self, environ: Mapping[str, str], *, timeout_s: float = 60.0, slot: Slot | None = None) -> None:
        self.slot: Slot = slot or nullcontext
        self._environ = environ
        self._timeout_s = timeout_s
        self._clients: dict[ProviderEndpoint, AsyncOpenAI] = {}

    @staticmethod
    def warm() -> None:
        """Import what clients need, which takes a second: a run that keeps time does it before it begins."""
        import openai  # noqa: F401

    def get(self, endpoint: ProviderEndpoint) -> AsyncOpenAI:
        """Return the client of `endpoint`. Raises ConfigError when its key is missing or its URL is wrong."""
        if endpoint not in self._clients:
            self._clients[endpoint] = self._build(endpoint)
        return self._clients[endpoint]

    @contextmanager
    def failures_at(self, stage: str, endpoint: ProviderEndpoint) -> Iterator[None]:
        """Turn what goes wrong in a request to `endpoint` into a CaseFailure of `stage`, without any key in it."""
        from openai import OpenAIError

        try:
            yield
        except OpenAIError as error:
            raise self._explain(stage, endpoint, error) from None
        except AnswerTooLarge as error:
            where = f"{endpoint.name} ({http_base_url(endpoint)})"
            raise CaseFailure(stage, "answer_too_large", f"{where} {error}") from None
        except ValueError as error:  # a body that claims to be JSON and is not
            message = f"{endpoint.name} answered with something unreadable: {self._clean(endpoint, str(error))}"
            raise CaseFailure(stage, "invalid_response", message) from None

    async def aclose(self) -> None:
        """Close every connection."""
        clients = list(self._clients.values())
        self._clients.clear()
        await asyncio.gather(*(client.close() for client in clients))

    def _build(self, endpoint: ProviderEndpoint) -> AsyncOpenAI:
        from openai import AsyncAzureOpenAI, AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

        base_url = http_base_url(endpoint)
        headers = request_headers(endpoint, self._environ)
        unwanted = [] if "Authorization" in headers else [_drop_authorization]
        options: dict[str, Any] = {
            "api_key": headers.get("api-key", "none"),
            "timeout": Timeout(self._timeout_s, connect=_CONNECT_TIMEOUT_S),
            "max_retries": 0,
            "default_headers": {**headers, "Accept-Encoding": "identity"},
            "http_client": DefaultAsyncHttpxClient(
                trust_env=not is_this_machine(base_url),
                follow_redirects=False,
                event_hooks={"request": unwanted, "response": [_bound_answer]},
            ),
        }
        client: AsyncOpenAI
        if endpoint.is_preview:
            client = AsyncAzureOpenAI(azure_endpoint=base_url, api_version=endpoint.api_version, **options)
        else:
            client = AsyncOpenAI(base_url=base_url, admin_api_key="", webhook_secret="", **options)
        if endpoint.name == "openai":
            client.organization = self._environ.get("OPENAI_ORG_ID")
            client.project = self._environ.get("OPENAI_PROJECT_ID")
        else:
            client.organization = client.project = None
        return client

    def _explain(self, stage: str, endpoint: ProviderEndpoint, error: OpenAIError) -> CaseFailure:
        from openai import APIConnectionError, APIResponseValidationError, APIStatusError, APITimeoutError

        where = f"{endpoint.name} ({http_base_url(endpoint)})"
        if isinstance(error, APIStatusError):
            return self._explain_status(stage, endpoint, error)
        if isinstance(error, APITimeoutError):
            connecting = any(type(cause).__name__ == "ConnectTimeout" for cause in _causes(error))
            kind, waited_s = (
                ("connect_timeout", _CONNECT_TIMEOUT_S) if connecting else ("request_timeout", self._timeout_s)
            )
            return CaseFailure(stage, kind, f"{where} was silent for {waited_s:g} s")
        if isinstance(error, APIConnectionError):
            kind = _connection_kind(error)
            detail = self._clean(endpoint, str(next(iter(_causes(error)), error)))
            return CaseFailure(stage, kind, f"{where} could not be reached: {detail}")
        kind = "invalid_response" if isinstance(error, APIResponseValidationError) else "request_failed"
        return CaseFailure(stage, kind, f"{where}: {self._clean(endpoint, str(error))}")

    def _explain_status(self, stage: str, endpoint: ProviderEndpoint, error: APIStatusError) -> CaseFailure:
        status = error.status_code
        said = self._clean(endpoint, str(error))
        wait_s = retry_after_s(error.response.headers)
        if status in (401, 403):
            # The peer's own words often quote the key, so they are not repeated.
            source = f"the key in {endpoint.api_key_env}" if endpoint.api_key_env else "a request without a key"
            message = f"{endpoint.name} refused {source} (HTTP {status})"
            return CaseFailure(stage, "authentication_failed", message)
        if status == 429:
            kind = "insufficient_quota" if error.code == "insufficient_quota" else "rate_limited"
            return CaseFailure(stage, kind, said, retry_after_s=wait_s)
        if status >= 500 or status in (408, 409):
            return CaseFailure(stage, "server_error", said, retry_after_s=wait_s)
        if status < 400:
            target = self._clean(endpoint, error.response.headers.get("location", "elsewhere"))
            return CaseFailure(stage, "redirected", f"{endpoint.name} redirects to {target}; put that into base_url")
        return CaseFailure(stage, self._clean(endpoint, str(error.code or "invalid_request")), said)

    def redacted(self, endpoint: ProviderEndpoint, text: str) -> str:
        """Return what `endpoint` said without its key, should it have quoted it."""
        return redact(text, self._environ, [endpoint.api_key_env])

    def _clean(self, endpoint: ProviderEndpoint, text: str) -> str:
        text = self.redacted(endpoint, text)
        return text if len(text) <= _MESSAGE_CHARACTERS else f"{text[:_MESSAGE_CHARACTERS]}…"


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return what ``Retry-After`` (or ``retry-after-ms``) asks for, in seconds; None when it is absent or senseless.

    A date counts from the response's own ``Date``, so that the two machines' clocks need not agree.
    """
    try:
        if "retry-after-ms" in headers:
            return _not_negative(float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdecimal():
            return _not_negative(float(value))
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
        return _not_negative(wait.total_seconds())
    except (ValueError, TypeError):
        return None


class AnswerTooLarge(EvalkitError):
    """An answer is longer than anything we ask for."""


async def _bound_answer(response: Any) -> None:
    """Let the answer be read up to its limit. What unpacks to a thousand times its size has a limit of its own."""
    is_packed = response.headers.get("content-encoding", "identity") != "identity"
    limit = _MAX_PACKED_BYTES if is_packed else _MAX_ANSWER_BYTES
    response.stream = _bounded_stream(type(response).__module__.partition(".")[0])(response.stream, limit)


@cache
def _bounded_stream(library: str) -> Callable[[Any, int], Any]:
    """Return a stream that ends at a limit, of the kind that the package's HTTP library accepts."""
    base: Any = import_module(library).AsyncByteStream

    class Bounded(base):  # type: ignore[misc]
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

    return Bounded


async def _drop_authorization(request: Any) -> None:
    # The package insists on sending one; Azure would prefer it to the api-key.
    request.headers.pop("authorization", None)


def _not_negative(seconds: float) -> float | None:
    return max(0.0, seconds) if seconds < float("inf") else None


def _connection_kind(error: BaseException) -> str:
    causes = list(_causes(error))
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "connection_refused"
    if any(type(cause).__name__ in ("RemoteProtocolError", "ReadError", "WriteError") for cause in causes):
        return "connection_closed"
    return "connection_failed"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what led to `error`, the nearest first; groups are entered."""
    inner: list[BaseException | None] = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    for cause in [error.__cause__ or error.__context__, *inner]:
        if cause is not None:
            yield cause
            yield from _causes(cause)
