"""The tool host of a run: one server that answers for the mocked tools of every call that is open."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.util import find_spec
from types import TracebackType
from urllib.parse import quote

from evalkit.clock import Clock, MonotonicClock
from evalkit.errors import ConfigError, printable
from evalkit.mocks.session import MockSession
from evalkit.settings.addresses import Addresses
from evalkit.settings.types import ToolHostSettings
from evalkit.tool_host.hosted_call import (
    CALL_PARAMETER,
    MCP_PARAMETER,
    TOOLS_PARAMETER,
    HostedAnswer,
    HostedCall,
    UnknownCall,
)  # fmt: skip
from evalkit.tool_host.open_calls import OpenCalls

_PACKAGES = ("mcp", "starlette", "uvicorn")
_LOGGED = 300
_log = logging.getLogger(__name__)


class ToolHost:
    """Serves the tools of calls; an async context manager, within the loop that it serves from.

    ::

        async with ToolHost(settings) as host:
            with host.open_call("CA1", MockSession(mocks, tools), now_ms=…, on_answer=…) as call:
                ...  # the agent is handed call.parameters, and calls tools

    Args:
        settings: Where it listens, and under which address agents reach it.
        clock: What the delays of mocks are waited on.
        on_unknown: Is given each call of a tool that belongs to no call that is open; without it, the log is.

    Attributes:
        url: Where agents reach it, without a slash at the end; empty before it listens.
        port: Where it listens; 0 before it does.

    """

    def __init__(
        self,
        settings: ToolHostSettings,
        *,
        clock: Clock | None = None,
        on_unknown: Callable[[UnknownCall], None] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or MonotonicClock()
        self._calls = OpenCalls(on_unknown or _log_unknown)
        self._stack = AsyncExitStack()
        self.url, self.port = "", 0

    async def __aenter__(self) -> ToolHost:
        """Listen, and return itself.

        Raises:
            ConfigError: Packages are missing, or the address cannot be listened at.

        """
        if problems := find_missing_packages():
            raise ConfigError(problems)
        listener = _listen(self._settings)
        try:
            await self._serve(listener)
        except BaseException:
            listener.close()
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        await self._stack.aclose()

    def open_call(
        self,
        call_id: str,
        mocks: MockSession,
        now_ms: Callable[[], float],
        on_answer: Callable[[HostedAnswer], None],
    ) -> HostedCall:
        """Return a call whose tools are served until it ends, which it does as a context manager.

        Args:
            call_id: Names it among the calls of this host; best the id that the agent knows the telephone call by.
            mocks: What its tools answer.
            now_ms: The call's clock.
            on_answer: Is given each call of a tool once: as it is answered, or when the call ends.

        Raises:
            ValueError: The id cannot stand in a path, or a call of that id is open.

        """
        if call_id in ("", ".", ".."):
            raise ValueError(f"{call_id!r} cannot name a call")
        path = quote(call_id, safe="")
        call = HostedCall(
            call_id,
            mocks,
            now_ms=now_ms,
            on_answer=on_answer,
            clock=self._clock,
            parameters={
                CALL_PARAMETER: call_id,
                TOOLS_PARAMETER: f"{self.url}/tools/{path}",
                MCP_PARAMETER: f"{self.url}/mcp/{path}",
            },
            leave=self._calls.remove,
        )
        self._calls.add(call)
        return call

    async def _serve(self, listener: socket.socket) -> None:
        from evalkit.gateway.loop_server import LoopServer
        from evalkit.tool_host.app import ToolHostApp
        from evalkit.tool_host.mcp_server import McpServer

        self.port = listener.getsockname()[1]
        addresses = Addresses(self._settings.bind, self.port)
        public_url = self._settings.public_url
        self.url = (public_url or addresses.url).rstrip("/")
        mcp = McpServer(self._calls)
        await self._stack.enter_async_context(mcp.run())
        server = LoopServer(ToolHostApp(self._calls, mcp, addresses, public_url))
        serving = await server.begin([listener])

        async def end() -> None:
            server.end()
            await asyncio.wait({serving})

        self._stack.push_async_callback(end)


def _log_unknown(unknown: UnknownCall) -> None:
    asked = unknown.asked
    said = printable(f"{asked.name[:_LOGGED]} {asked.raw_arguments[:_LOGGED]}")
    _log.warning("a tool was called by %s and not answered: %s: %s", asked.via, said, printable(unknown.why))


def find_missing_packages() -> list[str]:
    """Return a message where packages are missing that the tool host needs."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if not missing:
        return []
    found = f"the tool host needs packages that are not installed: {', '.join(missing)}"
    return [f"{found}; install them with: pip install '.[tools]'"]


def _listen(settings: ToolHostSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.bind else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.bind, settings.port or 0))
    except OSError as error:
        listener.close()
        where = f"{settings.bind} port {settings.port or 0}"
        reason = error.strerror or str(error)
        raise ConfigError(
            f"tool_host: cannot listen on {where}: {reason}; name another tool_host.port or tool_host.bind, "
            "or tool_host.port=null for a free port"
        ) from error
    return listener
