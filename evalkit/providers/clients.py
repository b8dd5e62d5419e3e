"""The openai package's clients: one per endpoint, built when first used; its exceptions become CaseFailures.

Five of the package's defaults are turned off: it retries (the engine does, where it is counted), it reads keys and
organisations from the process environment (ours come from the endpoint alone, so that a key for one provider never
travels to another), it follows redirects (with Azure's key in hand), it goes through a proxy even to this machine, and
it reads an answer of any length (ours end at 64 MiB, at 256 KiB where they come compressed although we ask for plain
ones).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.errors import CaseFailure, EvalkitError
from evalkit.providers.endpoints import ProviderEndpoint, http_base_url, redact, request_headers
from evalkit.records.faults import POLICIES
from evalkit.records.http_failures import causes_of, retry_after_s
from evalkit.settings.hosts import is_this_machine

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAIError

_CONNECT_TIMEOUT_S = 10.0
_MESSAGE_CHARACTERS = 500
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_PACKED_BYTES = 256 * 1024


# What an endpoint may say in an answer, and what is not its own trouble.
_KINDS_OF_ITS_OWN = frozenset({"context_length_exceeded", "content_filter", "invalid_prompt", "invalid_request"})
_STATUS = re.compile(r"[45]\d\d")

Slot = Callable[[], AbstractAsyncContextManager[None]]


class _Refusal(NamedTuple):
    """What a peer said when it refused: HTTP status, code in words, message without key, wait, and the error object."""

    status: int
    code: str
    said: str
    wait_s: float | None
    body: Mapping[str, Any]


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
        except Exception as error:
            if not _is_of_http_library(error):  # which speaks for itself where a body is read without the package
                raise
            raise self._explain_connection(stage, endpoint, error) from None

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

    def failure_in_answer(self, stage: str, endpoint: ProviderEndpoint, error: object) -> CaseFailure:
        """Return the failure that an `error` object in an answer tells of, whose status had said that all was well.

        A code that is an HTTP status means what that status means. What no other name fits is the server's own error.
        """
        body: Mapping[str, Any] = error if isinstance(error, Mapping) else {"message": str(error)}
        code = str(body.get("code") or "")
        said = self._clean(endpoint, f"{endpoint.name} failed while it answered: {body.get('message') or code}")
        if _STATUS.fullmatch(code):
            told = _Refusal(int(code), "", said, _waits_s(body, {}), body)
            return self._explain_refusal(stage, endpoint, told)
        kind = code if code in POLICIES or code in _KINDS_OF_ITS_OWN else "server_error"
        return CaseFailure(stage, kind, said, retry_after_s=_waits_s(body, {}))

    def _explain(self, stage: str, endpoint: ProviderEndpoint, error: OpenAIError) -> CaseFailure:
        from openai import APIConnectionError, APIError, APIResponseValidationError, APIStatusError

        where = f"{endpoint.name} ({http_base_url(endpoint)})"
        if isinstance(error, APIStatusError):
            body: Mapping[str, Any] = error.body if isinstance(error.body, Mapping) else {}
            said, headers = self._clean(endpoint, str(error)), error.response.headers
            code = "" if _STATUS.fullmatch(str(error.code)) else str(error.code or "")
            if error.status_code < 400:
                target = self._clean(endpoint, headers.get("location", "elsewhere"))
                message = f"{endpoint.name} redirects to {target}; put that into base_url"
                return CaseFailure(stage, "redirected", message)
            told = _Refusal(error.status_code, code, said, _waits_s(body, headers), body)
            return self._explain_refusal(stage, endpoint, told)
        if isinstance(error, APIConnectionError):
            return self._explain_connection(stage, endpoint, error)
        if isinstance(error, APIResponseValidationError):
            return CaseFailure(stage, "invalid_response", f"{where}: {self._clean(endpoint, str(error))}")
        if isinstance(error, APIError):  # an error event of a stream
            return self.failure_in_answer(stage, endpoint, error.body)
        return CaseFailure(stage, "request_failed", f"{where}: {self._clean(endpoint, str(error))}")

    def _explain_connection(self, stage: str, endpoint: ProviderEndpoint, error: Exception) -> CaseFailure:
        where, chain = f"{endpoint.name} ({http_base_url(endpoint)})", [error, *causes_of(error)]
        if any("Timeout" in type(cause).__name__ for cause in chain):
            connecting = any(type(cause).__name__ == "ConnectTimeout" for cause in chain)
            kind, waited_s = (
                ("connect_timeout", _CONNECT_TIMEOUT_S) if connecting else ("request_timeout", self._timeout_s)
            )
            return CaseFailure(stage, kind, f"{where} was silent for {waited_s:g} s")
        kind = _connection_kind(chain)
        detail = self._clean(endpoint, str(next(iter(chain[1:]), error)))
        happened = "ended the connection" if kind == "connection_closed" else "could not be reached"
        return CaseFailure(stage, kind, f"{where} {happened}: {detail}")

    def _explain_refusal(self, stage: str, endpoint: ProviderEndpoint, told: _Refusal) -> CaseFailure:
        details = told.body.get("metadata")
        if told.status == 403 and isinstance(details, Mapping) and {"reasons", "flagged_input"} & set(details):
            return CaseFailure(stage, "input_flagged", told.said)
        if told.status in (401, 403):
            # The peer's own words often quote the key, so they are not repeated.
            source = f"the key in {endpoint.api_key_env}" if endpoint.api_key_env else "a request without a key"
            message = f"{endpoint.name} refused {source} (HTTP {told.status})"
            return CaseFailure(stage, "authentication_failed", message)
        if told.status == 402:
            return CaseFailure(stage, "insufficient_quota", told.said)
        if told.status == 429:
            kind = "insufficient_quota" if told.code == "insufficient_quota" else "rate_limited"
            return CaseFailure(stage, kind, told.said, retry_after_s=told.wait_s)
        if told.status >= 500 or told.status in (408, 409):
            return CaseFailure(stage, "server_error", told.said, retry_after_s=told.wait_s)
        kind = told.code or ("not_found" if told.status == 404 else "invalid_request")
        return CaseFailure(stage, self._clean(endpoint, kind), told.said)

    def redacted(self, endpoint: ProviderEndpoint, text: str) -> str:
        """Return what `endpoint` said without its key, should it have quoted it."""
        return redact(text, self._environ, [endpoint.api_key_env])

    def _clean(self, endpoint: ProviderEndpoint, text: str) -> str:
        text = self.redacted(endpoint, text)
        return text if len(text) <= _MESSAGE_CHARACTERS else f"{text[:_MESSAGE_CHARACTERS]}…"


def _waits_s(body: Mapping[str, Any], headers: Mapping[str, str]) -> float | None:
    """Return the wait that the headers ask for, else those that an aggregator passes on in its error's ``metadata``."""
    told = body.get("metadata")
    passed_on = told.get("headers") if isinstance(told, Mapping) else None
    lowered = passed_on.items() if isinstance(passed_on, Mapping) else ()
    waits = retry_after_s(headers)
    return retry_after_s({str(name).lower(): str(value) for name, value in lowered}) if waits is None else waits


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


def _is_of_http_library(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0].startswith("http")


def _connection_kind(causes: Sequence[BaseException]) -> str:
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "connection_refused"
    if any(type(cause).__name__ in ("RemoteProtocolError", "ReadError", "WriteError") for cause in causes):
        return "connection_closed"
    return "connection_failed"
