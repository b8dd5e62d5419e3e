"""The service as a process: binds, warms its engines, says in one line where it is, and serves.

It leaves with its parent, or when nobody has used it for a while. The line on stdout is JSON, ``{"url":
"http://127.0.0.1:PORT/v1", "pid": …, "speech": …, "transcription": …, "models": […], "token": …}``. It is printed once,
when requests are answered and engines are warm; everything else goes to stderr.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from evalkit import event_loop
from evalkit.errors import ConfigError
from evalkit.service.app import create_app
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.child import ENGINES
from evalkit.service.endpoint import is_loopback
from evalkit.service.engines import EngineChoice, build_brain, build_speech, build_transcription
from evalkit.service.faults.plan import FaultPlan
from evalkit.service.line import LineProtocol
from evalkit.service.warm import Unused, closed_to_others, is_used

MAX_FRAME_BYTES = 32 * 1024 * 1024
LOOPBACK = "127.0.0.1"
_GRACE_S = 1
_LAST_RESORT_S = 3.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerOptions:
    """How to serve.

    Attributes:
        host: The address to bind.
        port: The port; 0 takes a free one.
        key: The key clients must send; None asks for none.
        leave_with_stdin: Exit as soon as stdin closes, which it does when the parent is gone.
        keep_alive_s: Exit when nobody has used it for as long; None: never.
        use_file: The file that is locked by those who use it.
        warm: The engines to load before it is ready.
        aliases: Other names of its models, as ``NAME=MODEL``.

    """

    host: str = LOOPBACK
    port: int = 0
    key: str | None = None
    leave_with_stdin: bool = False
    keep_alive_s: float | None = None
    use_file: Path | None = None
    warm: tuple[str, ...] = ENGINES
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Backstage:
    """What a server does out of sight.

    Attributes:
        says: What the ready line says beside address and process.
        warm: Makes it ready; awaited before the ready line.
        close: Lets everything go when `warm` failed.

    """

    says: Mapping[str, Any]
    warm: Callable[[], Awaitable[None]]
    close: Callable[[], None]


def serve(options: ServerOptions, choice: EngineChoice, faults: FaultPlan | None = None) -> None:
    """Serve until told to stop; raises :class:`evalkit.errors.UserError` when it cannot start."""
    if not is_loopback(options.host):
        _log.warning("listening on %s: whoever reaches this address can use the service", options.host)
    engines = AudioEngines(build_speech(choice), build_transcription(choice))
    app = create_app(
        brain=build_brain(choice), engines=engines, key=options.key, faults=faults, aliases=options.aliases
    )
    known = list(app.state.service.answered_models)
    says = {
        "speech": engines.speech.name,
        "transcription": engines.transcription.name,
        "models": known,
        "token": app.state.service.token,
    }
    serve_app(options, app, Backstage(says, partial(engines.warm, options.warm), engines.close))


def serve_app(options: ServerOptions, app: Starlette, backstage: Backstage) -> None:
    """Serve `app` until told to stop; raises :class:`evalkit.errors.ConfigError` when the port is taken."""
    with _bind(options.host, options.port) as listener:
        event_loop.run(_serve(options, app, backstage, listener))


class _Server(uvicorn.Server):
    """A server that says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, ready: Mapping[str, Any]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(json.dumps(self._ready) + "\n")
        sys.stdout.flush()


async def _serve(options: ServerOptions, app: Starlette, backstage: Backstage, listener: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws=LineProtocol,
        ws_max_size=MAX_FRAME_BYTES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_GRACE_S,
        lifespan="on",
    )
    server = _Server(config, {"url": _url(listener), "pid": os.getpid(), **backstage.says})
    if options.keep_alive_s is not None and options.use_file is not None:
        watching = (server, options.keep_alive_s, options.use_file)
        threading.Thread(target=_leave_when_unused, args=watching, daemon=True).start()
    if options.leave_with_stdin:
        threading.Thread(target=_leave_with_stdin, args=(server,), daemon=True).start()
    try:
        await backstage.warm()
    except BaseException:
        backstage.close()
        raise
    await server.serve(sockets=[listener])


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle off only for sockets that name their protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror}; choose another --port") from error
    return listener


def _leave_with_stdin(server: uvicorn.Server) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    _leave(server)


def _leave_when_unused(server: uvicorn.Server, keep_alive_s: float, use_file: Path) -> None:
    unused = Unused(keep_alive_s, time.monotonic())
    served = server.server_state.total_requests
    while True:
        time.sleep(min(1.0, keep_alive_s / 4))
        before, served = served, server.server_state.total_requests
        if unused.is_over(time.monotonic(), used=served != before or is_used(use_file)):
            with closed_to_others(use_file) as nobody_uses_it:
                if nobody_uses_it:
                    _leave(server)


def _leave(server: uvicorn.Server) -> None:
    server.should_exit = True
    time.sleep(_LAST_RESORT_S)
    os._exit(0)
