"""The one door to endpoints over HTTP: a client for each, built when first used; what goes wrong becomes a CaseFailure.

Keys and organisations come from the endpoint and the given environment alone, so that a key for one provider never
travels to another. How a request is made, and how much is read of its answer, is in ``http_exchange``.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.errors import CaseFailure
from evalkit.providers.endpoints import ProviderEndpoint, http_base_url, redact, request_headers
from evalkit.records.faults import POLICIES
from evalkit.records.http_failures import causes_of, retry_after_s

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

_MESSAGE_CHARACTERS = 500


# What an endpoint may say in an answer, and what is not its own trouble.
_KINDS_OF_ITS_OWN = frozenset({"context_length_exceeded", "content_filter", "invalid_prompt", "invalid_request"})
_STATUS = re.compile(r"[45]\d\d")
# Who pays, for the endpoint named openai.
_PAYERS = {"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"}

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
        self._clients: dict[ProviderEndpoint, AsyncClient] = {}

    @staticmethod
    def warm() -> None:
        """Import what clients need, which takes a tenth of a second: a run that keeps time does it before it begins."""
        from evalkit.providers.http_exchange import build_client

        build_client("http://127.0.0.1", {})

    @asynccontextmanager
    async def ask(
        self,
        stage: str,
        endpoint: ProviderEndpoint,
        url: str,
        *,
        method: str = "POST",
        timeout_s: float | None = None,
        **content: Any,
    ) -> AsyncIterator[Response]:
        """Make one request and yield its answer, of which nothing but the head has come; it is closed with the block.

        Args:
            stage: The stage of a failure.
            endpoint: Who is asked, with its key.
            url: The whole URL.
            method: The HTTP method.
            timeout_s: How long it may be silent; None: as long as in any request.
            content: What is sent: ``json``, or ``data`` and ``files``; and ``headers`` besides its own.

        Raises:
            CaseFailure: It refused, or what the block read of the answer failed; without any key in it.
            ConfigError: The endpoint's key is missing, or its URL is wrong.

        """
        from evalkit.providers.http_exchange import bound, timeout

        silence_s = self._timeout_s if timeout_s is None else timeout_s
        with self._failures_at(stage, endpoint, silence_s):
            client = self._client(endpoint)
            async with client.stream(method, url, timeout=timeout(silence_s), **content) as answer:
                bound(answer)
                if not answer.is_success:
                    await answer.aread()
                    raise self._explain_answer(stage, endpoint, answer)
                yield answer

    async def aclose(self) -> None:
        """Close every connection."""
        clients = list(self._clients.values())
        self._clients.clear()
        await asyncio.gather(*(client.aclose() for client in clients))

    def _client(self, endpoint: ProviderEndpoint) -> AsyncClient:
        from evalkit.providers.http_exchange import build_client

        if endpoint not in self._clients:
            payers = _PAYERS if endpoint.name == "openai" else {}
            paying = {header: self._environ[name] for header, name in payers.items() if self._environ.get(name)}
            headers = {**request_headers(endpoint, self._environ), **paying}
            self._clients[endpoint] = build_client(http_base_url(endpoint), headers)
        return self._clients[endpoint]

    @contextmanager
    def _failures_at(self, stage: str, endpoint: ProviderEndpoint, silence_s: float) -> Iterator[None]:
        from httpx2 import HTTPError, InvalidURL

        from evalkit.providers.http_exchange import AnswerTooLarge

        try:
            yield
        except AnswerTooLarge as error:
            where = f"{endpoint.name} ({http_base_url(endpoint)})"
            raise CaseFailure(stage, "answer_too_large", f"{where} {error}") from None
        except (ValueError, RecursionError) as error:  # a body that claims to be JSON and is not
            message = f"{endpoint.name} answered with something unreadable: {self._clean(endpoint, str(error))}"
            raise CaseFailure(stage, "invalid_response", message) from None
        except (HTTPError, InvalidURL, OSError) as error:  # some failures of TLS come as they are
            raise self._explain_connection(stage, endpoint, error, silence_s) from None

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

    def _explain_answer(self, stage: str, endpoint: ProviderEndpoint, answer: Response) -> CaseFailure:
        """Return the failure that an answer with another status than success tells of; it has been read."""
        status, headers = answer.status_code, answer.headers
        if status < 400:
            target = self._clean(endpoint, headers.get("location", "elsewhere"))
            return CaseFailure(stage, "redirected", f"{endpoint.name} redirects to {target}; put that into base_url")
        try:
            whole = json.loads(answer.text)
        except (ValueError, RecursionError):
            whole = answer.text.strip() if headers.get("content-type", "").startswith("text/plain") else None
        error = whole.get("error", whole) if isinstance(whole, Mapping) else whole
        body: Mapping[str, Any] = error if isinstance(error, Mapping) else {"message": error}
        code, message = str(body.get("code") or ""), body.get("message") or body.get("detail")
        words = message if isinstance(message, str) else json.dumps(message) if message else ""
        said = f"Error code: {status} - {words}" if words else f"Error code: {status}"
        kind = "" if _STATUS.fullmatch(code) else code
        told = _Refusal(status, kind, self._clean(endpoint, said), _waits_s(body, headers), body)
        return self._explain_refusal(stage, endpoint, told)

    def _explain_connection(
        self, stage: str, endpoint: ProviderEndpoint, error: Exception, silence_s: float
    ) -> CaseFailure:
        from evalkit.providers.http_exchange import CONNECT_TIMEOUT_S

        where, chain = f"{endpoint.name} ({http_base_url(endpoint)})", [error, *causes_of(error)]
        if any("Timeout" in type(cause).__name__ for cause in chain):
            connecting = any(type(cause).__name__ == "ConnectTimeout" for cause in chain)
            kind, waited_s = ("connect_timeout", CONNECT_TIMEOUT_S) if connecting else ("request_timeout", silence_s)
            return CaseFailure(stage, kind, f"{where} was silent for {waited_s:g} s")
        kind = _connection_kind(chain)
        if kind == "connection_refused":
            return CaseFailure(stage, kind, f"{where} refused the connection; is the server running there?")
        happened = "ended the connection" if kind == "connection_closed" else "could not be reached"
        return CaseFailure(stage, kind, f"{where} {happened}: {self._clean(endpoint, str(error))}")

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


def _connection_kind(causes: Sequence[BaseException]) -> str:
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return "connection_refused"
    if any(type(cause).__name__ in ("RemoteProtocolError", "ReadError", "WriteError") for cause in causes):
        return "connection_closed"
    return "connection_failed"
