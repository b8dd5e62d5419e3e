"""The gateway as an ASGI application: finds the session, holds it to its limits, and passes on what may pass."""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote
from zlib import crc32

import httpx2

from evalkit.clock import Clock
from evalkit.gateway.agent_side import AgentSide, ClientGone, Receive, Send, answer_error, read_body, while_connected
from evalkit.gateway.calls import (
    BUDGET,
    GAVE_UP,
    MAX_ANSWER_BYTES,
    REPLAY_MISMATCH,
    REQUEST_TOO_LARGE,
    SESSION_CLOSED,
    UNREADABLE_REQUEST,
    OpenCall,
)
from evalkit.gateway.content_coding import CodingError, Unpacker, unpack
from evalkit.gateway.key_filter import FilteredStream
from evalkit.gateway.protocols import Operation, RequestKind, recognise
from evalkit.gateway.provider_errors import ProviderError, error_of_exception, error_of_status
from evalkit.gateway.replay import ReplayMismatch, ReplayPosition
from evalkit.gateway.requests import ModelRequest
from evalkit.gateway.sessions import GatewaySession
from evalkit.gateway.upstream import Upstream, answer_headers, query_without_key

Scope = MutableMapping[str, Any]

_PATH = re.compile(r"/w/([^/]+)(/.*)?", re.DOTALL)
_CONNECT_TIMEOUT_S = 10.0
_TIMEOUTS = frozenset({"request_timeout", "connect_timeout"})
_KEPT_PATHS = 100
_LET_THROUGH = (
    "POST …/chat/completions, …/responses, …/messages, …/messages/count_tokens, …/models/M:generateContent, "
    ":streamGenerateContent, :countTokens, and GET …/models"
)


class GatewayApp:
    """What answers requests.

    Args:
        sessions: The open sessions by id.
        upstream: The provider; None: every session is replayed.
        clients: HTTP clients for it; each session uses one of them.
        clock: Times every call.
        request_limit_bytes: How long a request's body may be.

    """

    def __init__(
        self,
        sessions: MutableMapping[str, GatewaySession],
        upstream: Upstream | None,
        clients: Sequence[httpx2.AsyncClient],
        *,
        clock: Clock,
        request_limit_bytes: int,
    ) -> None:
        self._sessions = sessions
        self._upstream = upstream
        self._clients = clients
        self._clock = clock
        self._request_limit_bytes = request_limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
        path = scope["raw_path"].decode("latin-1")
        found = _PATH.fullmatch(path)
        rest = (found[2] or "/") if found else path
        kind = recognise(scope["method"], rest, dict(headers))
        session = self._sessions.get(unquote(found[1])) if found else None
        protocol = kind.protocol if kind else None
        if session is None:
            message = "no such session; requests begin with /w/SESSION/ and go to a session that is open"
            await answer_error(send, protocol, 404, "unknown_session", message)
        elif kind is None:
            if len(session.other_paths) < _KEPT_PATHS:
                session.other_paths[f"{scope['method']} {rest[:200]}"] += 1
            message = f"{scope['method']} {rest[:200]} is not let through; what is: {_LET_THROUGH}"
            await answer_error(send, protocol, 404, "unknown_path", message)
        else:
            query = query_without_key(scope["query_string"].decode("latin-1"))
            await self._answer(session, kind, (rest, query, headers), receive, send)

    async def _answer(
        self,
        session: GatewaySession,
        kind: RequestKind,
        asked: tuple[str, str, tuple[tuple[str, str], ...]],
        receive: Receive,
        send: Send,
    ) -> None:
        path, query, headers = asked
        try:
            packed = await read_body(receive, self._request_limit_bytes)
        except ClientGone:
            return
        problem = None
        try:
            body = (
                None
                if packed is None
                else unpack(_value(headers, "content-encoding"), packed, self._request_limit_bytes)
            )
        except CodingError as error:
            problem, body = (415, UNREADABLE_REQUEST, str(error)), b""
        if body is None:
            said = f"the request's body is longer than {self._request_limit_bytes} bytes"
            problem, body = (413, REQUEST_TOO_LARGE, said), b""
        request = ModelRequest(kind, path, query, body, headers)
        if problem is None and request.content is None:
            problem = (400, UNREADABLE_REQUEST, "the request's body is not a JSON object")
        if session.is_closed:
            await answer_error(send, kind.protocol, 404, "unknown_session", "the session is closed")
            return
        call = session.begin(request)
        work = self._serve(session, call, AgentSide(send, call, self._clock), problem)
        await while_connected(receive, work, lambda task: session.attach(call, task))
        if call.status == 0:  # the session was closed before anything came; an agent that has left hears nothing
            await answer_error(send, kind.protocol, 503, SESSION_CLOSED, "the session ended before the answer")

    async def _serve(
        self, session: GatewaySession, call: OpenCall, agent: AgentSide, problem: tuple[int, str, str] | None
    ) -> None:
        try:
            if problem is not None:
                await _refuse(session, call, agent, problem, for_good=True)
            elif (limit := session.find_limit(call.request)) is not None:
                await _refuse(session, call, agent, (429, BUDGET, limit), for_good=True)
            elif session.replay is not None:
                await _replay(session, session.replay, call, agent)
            elif self._upstream is not None:
                await self._forward(self._upstream, session, call, agent)
        except asyncio.CancelledError:
            if call.is_complete:  # clients may leave as soon as they have seen the last event
                self._conclude(session, call)
            session.end(call, ProviderError(GAVE_UP, "the agent ended the request before the answer's end"), cut=True)
            raise

    async def _forward(self, upstream: Upstream, session: GatewaySession, call: OpenCall, agent: AgentSide) -> None:
        call.was_sent = True
        try:
            client = self._clients[crc32(session.session_id.encode()) % len(self._clients)]
            response = await client.send(self._build(upstream, call.request), stream=True)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            await self._fail(session, call, agent, error_of_exception(error, upstream.timeout_s))
            return
        try:
            await self._pass_on(upstream, response, session, call, agent)
        finally:
            await response.aclose()

    def _build(self, upstream: Upstream, request: ModelRequest) -> httpx2.Request:
        method = "GET" if request.kind.operation is Operation.LIST_MODELS else "POST"
        waits = httpx2.Timeout(upstream.timeout_s, connect=min(_CONNECT_TIMEOUT_S, upstream.timeout_s), pool=None)
        return httpx2.Request(
            method,
            upstream.url_for(request.path, request.query),
            headers=upstream.request_headers(request.kind.protocol, request.headers),
            content=request.body if method == "POST" else None,
            extensions={"timeout": waits.as_dict()},
        )

    async def _pass_on(
        self, upstream: Upstream, response: httpx2.Response, session: GatewaySession, call: OpenCall, agent: AgentSide
    ) -> None:
        keys = upstream.key_filter
        headers = [(name.lower(), value) for name, value in response.headers.multi_items()]
        call.was_refused = response.status_code >= 300
        if 300 <= response.status_code < 400:
            told = error_of_status(response.status_code, dict(headers), "", has_key=upstream.has_key)
            await self._fail(session, call, agent, told or ProviderError("redirected", "the provider redirects"))
            return
        try:
            unpacker = Unpacker(_value(headers, "content-encoding"))
        except CodingError as error:
            await self._fail(session, call, agent, ProviderError("invalid_response", f"the provider's {error}"))
            return
        await agent.begin(response.status_code, answer_headers(headers, keys))
        filtered = keys.stream()
        broken = await self._pass_body(upstream, response, unpacker, filtered, call, agent)
        await agent.give(filtered.finish())
        if broken is not None:
            call.read_rest()
            session.end(call, self._clean(broken), cut=True)
            return  # without its end: the agent sees what it would have seen without us
        self._conclude(session, call)
        await agent.finish()

    async def _pass_body(
        self,
        upstream: Upstream,
        response: httpx2.Response,
        unpacker: Unpacker,
        filtered: FilteredStream,
        call: OpenCall,
        agent: AgentSide,
    ) -> ProviderError | None:
        """Pass the body on as it comes; return why it broke off, or None where it came to its end."""
        try:
            async for chunk in response.aiter_raw():
                for piece in unpacker.feed(chunk):
                    await agent.give(filtered.feed(piece))
                    if call.bytes_out > MAX_ANSWER_BYTES:
                        said = f"the provider answered with more than {MAX_ANSWER_BYTES} bytes"
                        return ProviderError("answer_too_large", said)
            unpacker.finish()
        except httpx2.HTTPError as error:
            return error_of_exception(error, upstream.timeout_s)
        except CodingError as error:
            return ProviderError("invalid_response", f"the provider's answer cannot be unpacked: {error}")
        return None

    def _conclude(self, session: GatewaySession, call: OpenCall) -> None:
        """Note the end of an answer that came to its end, whatever it says."""
        has_key = self._upstream is not None and self._upstream.has_key
        call.read_rest()
        error = error_of_status(call.status, dict(call.headers), call.body.decode(errors="replace"), has_key=has_key)
        cut = False
        if error is None:
            error, cut = call.find_problem(has_key)
        session.end(call, None if error is None else self._clean(error), cut=cut)

    async def _fail(self, session: GatewaySession, call: OpenCall, agent: AgentSide, error: ProviderError) -> None:
        """Answer a call that the provider has not answered, or has not answered so that it can be passed on."""
        error = self._clean(error)
        status = 504 if error.kind in _TIMEOUTS else 502
        await agent.refuse(status, error.kind, error.message)
        session.end(call, error)
        await agent.finish()

    def _clean(self, error: ProviderError) -> ProviderError:
        if self._upstream is None:
            return error
        keys = self._upstream.key_filter
        return ProviderError(keys.text(error.kind), keys.text(error.message), error.retry_after_s)


async def _refuse(
    session: GatewaySession, call: OpenCall, agent: AgentSide, why: tuple[int, str, str], *, for_good: bool
) -> None:
    status, kind, message = why
    await agent.refuse(status, kind, message, for_good=for_good)
    session.end(call, ProviderError(kind, message))
    await agent.finish()


async def _replay(session: GatewaySession, position: ReplayPosition, call: OpenCall, agent: AgentSide) -> None:
    try:
        stored = position.take(call.request)
    except ReplayMismatch as error:
        await _refuse(session, call, agent, (502, REPLAY_MISMATCH, str(error)), for_good=True)
        return
    if stored.status:
        await agent.begin(stored.status, [pair for pair in stored.headers if pair[0] != "content-length"])
        await agent.give(stored.body or b"")
    if stored.was_left:
        await asyncio.Event().wait()  # until the agent leaves again, or its session is closed
    call.read_rest()
    told = ProviderError(stored.error_type, stored.message, stored.retry_after_s) if stored.error_type else None
    session.end(call, told, cut=stored.cut)
    if not stored.cut:
        await agent.finish()


def _value(headers: tuple[tuple[str, str], ...] | list[tuple[str, str]], name: str) -> str:
    return next((value for key, value in headers if key == name), "")
