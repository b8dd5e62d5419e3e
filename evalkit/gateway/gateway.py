"""The gateway of a run: where it listens, which sessions it has, and how it ends.

A box reaches it through a unix socket and :mod:`evalkit.gateway.forwarder`; an agent without a box through a port of
127.0.0.1. An agent's base URL is ``http://127.0.0.1:8099/w/SESSION/v1`` (OpenAI's protocols) or
``http://127.0.0.1:8099/w/SESSION`` (Anthropic's and Gemini's), and its key any word: the real one is here.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from evalkit.clock import Clock, MonotonicClock
from evalkit.errors import ConfigError, ProtocolError
from evalkit.gateway.calls import PriceOf
from evalkit.gateway.key_filter import KeyFilter
from evalkit.gateway.replay import Replay
from evalkit.gateway.sessions import GatewaySession
from evalkit.gateway.upstream import Upstream
from evalkit.settings.hosts import is_this_machine

if TYPE_CHECKING:
    import httpx2

    from evalkit.gateway.app import GatewayApp
    from evalkit.gateway.loop_server import LoopServer

_LOOPBACK = "127.0.0.1"
_SESSION_ID = re.compile(r"[A-Za-z0-9._~-]{1,200}")
_IDLE_TO_PROVIDER_S = 15.0
# The library looks through a whole pool for each request: many small ones are faster than a large one.
_POOLS = 16
_KEPT_PER_POOL = 10


class Gateway:
    """One run's door to its models. Use it as an async context manager, within the loop that it serves from.

    Args:
        upstream: The provider; None where every session is replayed.
        price: What tokens of a model cost in USD; None where that is unknown.
        clock: Times every call.
        request_limit_bytes: How long a request's body may be, unpacked.

    """

    def __init__(
        self,
        upstream: Upstream | None,
        *,
        price: PriceOf,
        clock: Clock | None = None,
        request_limit_bytes: int = 32 * 1024 * 1024,
    ) -> None:
        self._upstream = upstream
        self._price = price
        self._clock = clock or MonotonicClock()
        self._request_limit_bytes = request_limit_bytes
        self._sessions: dict[str, GatewaySession] = {}
        self._clients: list[httpx2.AsyncClient] = []
        self._servers: list[tuple[LoopServer, asyncio.Task[None]]] = []
        self._unix_paths: list[Path] = []
        self._tcp_url = ""

    async def __aenter__(self) -> Gateway:
        """Return itself; :meth:`listen` is called apart."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.aclose()

    @property
    def tcp_url(self) -> str:
        """``http://127.0.0.1:PORT``, without a slash at its end. Raises ProtocolError where it does not listen so."""
        if not self._tcp_url:
            raise ProtocolError("the gateway does not listen on TCP; call listen(tcp=True)")
        return self._tcp_url

    async def listen(self, *, unix_path: Path | None = None, tcp: bool = False) -> None:
        """Answer requests from now on, on a unix socket that every user of the machine may use, on loopback, or both.

        Raises:
            ConfigError: The path is too long for a socket, or nothing can be made there.

        """
        from evalkit.gateway.loop_server import LoopServer

        app = self._app()
        if unix_path is not None:
            with _explained(unix_path):
                await self._serve(LoopServer(app, unix_path), None)
            self._unix_paths.append(unix_path)
        if tcp:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            listener.bind((_LOOPBACK, 0))
            self._tcp_url = f"http://{_LOOPBACK}:{listener.getsockname()[1]}"
            await self._serve(LoopServer(app), [listener])

    def open_session(
        self,
        session_id: str,
        *,
        budget_usd: float | None = None,
        max_calls: int | None = None,
        log_path: Path | None = None,
        replay: Replay | None = None,
    ) -> GatewaySession:
        """Return a session whose requests come below ``/w/<session_id>/``.

        Args:
            session_id: Letters, digits and ``._~-``; boxes share the socket, so make it hard to guess.
            budget_usd: What it may spend before no more calls begin; None: no limit.
            max_calls: How many answers it may ask for; None: no limit.
            log_path: Where its calls are written, one JSON object a line; None: nowhere.
            replay: The stored session that answers in the provider's place; None: the provider does.

        Raises:
            ValueError: The id is not one, is in use, or there is neither a provider nor a replay.

        """
        if not _SESSION_ID.fullmatch(session_id) or session_id in (".", ".."):
            raise ValueError(f"{session_id!r} cannot be a session's id; use letters, digits and ._~-")
        if session_id in self._sessions and not self._sessions[session_id].is_closed:
            raise ValueError(f"session {session_id!r} is open already")
        if replay is None and self._upstream is None:
            raise ValueError("a gateway without a provider needs a replay for each session")
        session = GatewaySession(
            session_id,
            clock=self._clock,
            price=self._price,
            key_filter=KeyFilter(()) if self._upstream is None else self._upstream.key_filter,
            budget_usd=budget_usd,
            max_calls=max_calls,
            log_path=log_path,
            replay=replay,
        )
        self._sessions[session_id] = session
        return session

    async def aclose(self) -> None:
        """Close every session, stop listening, and let the connections to the provider go.

        Raises:
            StorageError: The log of a session that was still open could not be written; all else is closed.

        """
        problems: list[Exception] = []
        for session in self._sessions.values():
            try:
                session.close()
            except Exception as error:  # noqa: BLE001 - it is raised below, once everything is closed
                problems.append(error)
        for server, _ in self._servers:
            server.end()
        await asyncio.gather(*(task for _, task in self._servers))
        self._servers.clear()
        await asyncio.gather(*(client.aclose() for client in self._clients))
        self._clients.clear()
        for path in self._unix_paths:
            path.unlink(missing_ok=True)
        self._unix_paths.clear()
        if problems:
            raise problems[0]

    def _app(self) -> GatewayApp:
        import httpx2

        from evalkit.gateway.app import GatewayApp

        if not self._clients:
            is_far = self._upstream is not None and not is_this_machine(self._upstream.base_url)
            # Certificates are loaded, once, where they will be checked only.
            is_secure = self._upstream is not None and self._upstream.base_url.startswith("https:")
            verify = httpx2.create_ssl_context(trust_env=is_far) if is_secure else False
            limits = httpx2.Limits(
                max_connections=None, max_keepalive_connections=_KEPT_PER_POOL, keepalive_expiry=_IDLE_TO_PROVIDER_S
            )
            self._clients = [
                httpx2.AsyncClient(trust_env=is_far, verify=verify, follow_redirects=False, limits=limits)
                for _ in range(_POOLS)
            ]
        return GatewayApp(
            self._sessions,
            self._upstream,
            self._clients,
            clock=self._clock,
            request_limit_bytes=self._request_limit_bytes,
        )

    async def _serve(self, server: LoopServer, sockets: list[socket.socket] | None) -> None:
        self._servers.append((server, await server.begin(sockets)))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"cannot listen on the unix socket {path}: {reason}; choose a shorter path") from error
