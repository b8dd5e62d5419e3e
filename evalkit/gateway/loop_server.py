"""uvicorn within a loop that runs already: it leaves the process's signals and its logs alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

_IDLE_S = 3600
_GRACE_S = 1
_BACKLOG = 1024


class LoopServer(uvicorn.Server):
    """A server that begins and ends without its process. It wakes up for requests only.

    Args:
        app: The ASGI application.
        unix_path: The unix socket to listen on, made for every user of the machine; None: sockets are given.

    """

    def __init__(self, app: Callable[..., Awaitable[None]], unix_path: Path | None = None) -> None:
        options: dict[str, Any] = {"uds": None if unix_path is None else str(unix_path)}
        config = uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # an answer that is cut on purpose is no error of the application
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_GRACE_S,
            **options,
        )
        super().__init__(config)
        self._begun = asyncio.Event()
        self._ending = asyncio.Event()

    async def begin(self, sockets: list[socket.socket] | None = None) -> asyncio.Task[None]:
        """Return the task that serves, once it does; :meth:`end` lets it end. Raises OSError when it cannot."""
        serving = asyncio.ensure_future(self.serve(sockets=sockets))
        begun = asyncio.ensure_future(self._begun.wait())
        try:
            await asyncio.wait({serving, begun}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()
        if serving.done():
            serving.result()
        return serving

    def end(self) -> None:
        """Stop listening, and end once the connections are closed, or a second is over."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """Wait for the end; what its tick would do each second is needed once."""
        await self.on_tick(0)
        await self._ending.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signals to those who run it."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        self._begun.set()
