"""The lab as a server: bound, told where it is, and ended within two seconds of being asked to."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import FrameType

import uvicorn

from evalkit import event_loop
from evalkit.errors import ConfigError
from evalkit.heap import freeze_heap
from evalkit.lab.application import make_application, open_lab
from evalkit.lab.lab import Lab
from evalkit.lab.settings import LabSettings

_GRACE_S = 1
_LAST_RESORT_S = 1.8


def serve(settings: LabSettings, when_up: Callable[[Lab], None]) -> None:
    """Serve the lab of `settings` until interrupted; call `when_up` with it once it answers, its port filled in.

    Raises ConfigError when the address cannot be listened at, or the lab's home cannot be used; and what kept a service
    from starting.
    """
    with _listen(settings.host, settings.port) as listener:
        lab = open_lab(replace(settings, port=listener.getsockname()[1]))
        application = make_application(lab)
        config = uvicorn.Config(
            application,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws_per_message_deflate=False,
            ws_max_size=64 * 1024,
            timeout_graceful_shutdown=_GRACE_S,
            lifespan="on",
        )
        server = _Server(config, lambda: when_up(lab))
        with suppress(KeyboardInterrupt):  # asked to end, it has ended
            event_loop.run(server.serve(sockets=[listener]))
        if failure := getattr(application.state, "failure", None):
            raise failure


class _Server(uvicorn.Server):
    """A server that says when it answers, and whose end nothing can hold up."""

    def __init__(self, config: uvicorn.Config, when_up: Callable[[], None]) -> None:
        super().__init__(config)
        self._when_up = when_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        log = logging.getLogger("uvicorn.error")
        log.disabled = True  # whoever called says it
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True
        finally:
            log.disabled = False
        if self.started:
            freeze_heap()  # a full collection looks at all objects there are, and meanwhile nobody is told anything
            self._when_up()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if not self.should_exit:
            threading.Thread(target=_leave, daemon=True).start()
        super().handle_exit(sig, frame)


def _leave() -> None:
    """End the process although something does not let go: a handler in a thread of its own, a socket that hangs."""
    time.sleep(_LAST_RESORT_S)
    os._exit(0)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        what = f"evalkit lab cannot listen at {host} port {port} ({error.strerror or error})"
        raise ConfigError(f"{what}; --port 0 takes a free port, --host another address") from error
    return listener
