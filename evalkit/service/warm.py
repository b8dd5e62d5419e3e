"""A service that stays warm for a while after a run: the next run finds it, and it goes by itself.

There is one for each configuration: engines, brain, evalkit's code, interpreter and machine. Its files are in a folder
that nobody but the user may enter, and hold no secret; a service that was given a key or a fault plan is never kept.

================== =======================================================================================
file               what
================== =======================================================================================
``NAME.json``      where the service is: address, process, the token by which it is told from any other
``NAME.use``       locked (shared) by every run that uses the service; it leaves when nobody has for long enough
``NAME.start``     locked by the run that is looking for the service or starting it
``NAME.log``       what the service wrote to stderr
================== =======================================================================================

Locks end with the process that holds them, so a run that was killed holds no service up. Standard library only,
because the CLI imports this. Where the system has no such locks (Windows) nothing is kept.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import evalkit
from evalkit.service import child
from evalkit.service.child import ServiceChild, ServiceOptions

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LOOPBACK = "127.0.0.1"
_ANSWER_TIMEOUT_S = 2.0
_ONLY_MINE = 0o700


@dataclass
class WarmService:
    """A service that outlives who uses it; a context manager that lets it go.

    Attributes:
        url: The base URL, ending in ``/v1``.
        pid: Its process id.
        models: The models it offers.

    """

    url: str
    pid: int
    models: tuple[str, ...]
    _use: ExitStack = field(repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Use it no longer; it stays for the next run, for as long as it was told to."""
        self._use.close()


class Unused:
    """Tells when a service has not been used for long enough. Takes the time as an argument.

    Args:
        keep_alive_s: How long that is, in seconds.
        now_s: When it began.

    """

    def __init__(self, keep_alive_s: float, now_s: float) -> None:
        self._keep_alive_s = keep_alive_s
        self._last_used_s = now_s

    def is_over(self, now_s: float, *, used: bool) -> bool:
        """Take it that the service was `used` since the last call, or not; return whether it is time to leave."""
        if used:
            self._last_used_s = now_s
        return now_s - self._last_used_s >= self._keep_alive_s


def folder(environ: Mapping[str, str]) -> Path:
    """Return where the files of warm services are: with the cache, or in the user's runtime folder."""
    if environ.get("EVALKIT_CACHE"):
        return Path(environ["EVALKIT_CACHE"]).expanduser() / "services"
    if environ.get("XDG_RUNTIME_DIR"):
        return Path(environ["XDG_RUNTIME_DIR"]) / "evalkit"
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalkit" / "services"


def may_be_kept(options: ServiceOptions) -> bool:
    """Whether a service with these options may outlive a run: asked to, with no key and no faults of its own."""
    secrets = (options.api_key_env, options.brain_api_key_env, options.require_key_env, options.faults)
    return options.keep_alive_s > 0 and set(secrets) == {None} and fcntl is not None


def find_or_start(options: ServiceOptions, directory: Path, machine: str) -> WarmService | ServiceChild:
    """Return the service with these options that an earlier run left, else start one that stays.

    One of its own, which ends with the run, where `directory` cannot be kept from others.

    Raises:
        ConfigError: A package is missing, or an engine's options are wrong.
        ServiceStartError: It ended or was not ready in time.

    """
    child.check_installed(options)
    if not _is_mine(directory):
        return child.start(options)
    base = directory / _name(options, machine)
    with ExitStack() as stack, _locked(base.with_suffix(".start"), shared=False):
        stack.enter_context(_locked(base.with_suffix(".use"), shared=True))
        place = _read(base) or _start(options, base)
        _warm(place["url"], options.warm)
        return WarmService(place["url"], place["pid"], tuple(place["models"]), stack.pop_all())


def stop_all(directory: Path) -> list[int]:
    """Stop every warm service of this user, used or not; return their process ids."""
    stopped = []
    for path in sorted(directory.glob("*.json")):
        place = _read(path.with_suffix(""))
        if place is not None:
            os.kill(place["pid"], signal.SIGTERM)
            stopped.append(int(place["pid"]))
        path.unlink(missing_ok=True)
    return stopped


def is_used(use_file: Path) -> bool:
    """Whether any run uses the service of that file."""
    with use_file.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def closed_to_others(use_file: Path) -> Iterator[bool]:
    """Keep runs from taking the service of that file while the block lasts; give whether nobody uses it."""
    with use_file.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        use_file.with_suffix(".json").unlink(missing_ok=True)
        yield True


def _start(options: ServiceOptions, base: Path) -> dict[str, Any]:
    keeping = ["--keep-alive", str(options.keep_alive_s), "--use-file", str(base.with_suffix(".use"))]
    command = [sys.executable, "-m", "evalkit.service", *options.arguments(), *keeping]
    with open(base.with_suffix(".log"), "w+b", opener=_private) as log:
        ready = child.launch_detached(command, log)
    place = {name: ready[name] for name in ("url", "pid", "models", "token")}
    with open(base.with_suffix(".json"), "w", encoding="utf-8", opener=_private) as file:
        json.dump(place, file)
    return place


def _read(base: Path) -> dict[str, Any] | None:
    """Return where the service is, None when it is not there, or somebody else is in its place."""
    try:
        place: dict[str, Any] = json.loads(base.with_suffix(".json").read_text(encoding="utf-8"))
        told = _ask(place["url"], "GET", "/healthz")
        return place if told["token"] == place["token"] else None
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None


def _warm(url: str, engines: Sequence[str]) -> None:
    """Have `engines` loaded: an earlier run may not have needed them."""
    if engines:
        _ask(url, "POST", "/warm", {"engines": list(engines)}, timeout_s=child.START_TIMEOUT_S)


def _ask(url: str, method: str, path: str, body: object = None, timeout_s: float = _ANSWER_TIMEOUT_S) -> dict[str, Any]:
    address = urlsplit(url)
    if address.hostname != _LOOPBACK:
        raise ValueError(f"{url} is not on this machine")
    connection = http.client.HTTPConnection(_LOOPBACK, address.port, timeout=timeout_s)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


def _name(options: ServiceOptions, machine: str) -> str:
    """Return what services with the same options, code, interpreter and machine have in common, and no others."""
    packages = {name: metadata.version(name) for name in child.engine_packages(options)}
    chosen = [
        replace(options, warm=()).arguments(),
        packages,
        evalkit.__version__,
        _code(),
        sys.executable,
        sys.version,
    ]
    return hashlib.sha256(json.dumps([*chosen, machine]).encode()).hexdigest()[:20]


def _code() -> list[tuple[str, int, int]]:
    """Return what changes when a line of evalkit does."""
    root = Path(evalkit.__file__).parent
    stats = [(str(path.relative_to(root)), path.stat()) for path in sorted(root.rglob("*.py"))]
    return [(name, stat.st_mtime_ns, stat.st_size) for name, stat in stats]


def _is_mine(directory: Path) -> bool:
    """Make `directory`, and return whether nobody but this user may enter it."""
    try:
        directory.mkdir(mode=_ONLY_MINE, parents=True, exist_ok=True)
        found = directory.lstat()
    except OSError:
        return False
    return found.st_uid == os.getuid() and found.st_mode & 0o777 == _ONLY_MINE


@contextmanager
def _locked(path: Path, *, shared: bool) -> Iterator[None]:
    with open(path, "ab", opener=_private) as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
