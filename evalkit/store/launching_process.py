"""One process at a time launches a sweep and waits for its jobs.

The folder ``.jobs`` in the sweep's root has ``launcher.json`` (the process and its machine), ``launcher.lock``, locked
while it lives, and ``launcher.beat``, a counter that moves while it does (:mod:`evalkit.store.heartbeat`): what a lock
says of another machine's process depends on the file system. A process that comes to its end takes ``launcher.json``
away; one that was killed leaves it, and on another machine it takes a while to know that it has gone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from evalkit.clock import Clock
from evalkit.errors import ConfigError
from evalkit.store.files import write_atomically
from evalkit.store.heartbeat import BEAT_S, Heartbeats, beating
from evalkit.store.host import host_identity

_LOOK_EVERY_S = 1.0
_LOCK_TIMEOUT_S = 0.5


@contextmanager
def launching_alone(
    root: Path,
    clock: Clock,
    *,
    lost_after_s: float,
    say: Callable[[str], object],
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[None]:
    """Be the process that launches the sweep in `root` until the block ends.

    Where the one before was killed on another machine it is waited for `lost_after_s` without a sign of its life; `say`
    tells a person so.

    Raises ConfigError where another process launches it.
    """
    folder = root / ".jobs"
    folder.mkdir(parents=True, exist_ok=True)
    mark, beat = folder / "launcher.json", folder / "launcher.beat"
    try:
        with FileLock(folder / "launcher.lock", timeout=_LOCK_TIMEOUT_S):
            if _lives_elsewhere(mark, beat, Heartbeats(clock), lost_after_s, say, sleep):
                raise ConfigError(_refusal(root, mark))
            with beating(beat):
                write_atomically(mark, json.dumps({"pid": os.getpid(), "host": host_identity()}) + "\n")
                try:
                    yield
                finally:
                    mark.unlink(missing_ok=True)
    except Timeout:
        raise ConfigError(_refusal(root, mark)) from None


def has_been_closed(root: Path) -> bool:
    """Tell whether the process that launched the sweep in `root` last has come to its end, and said how all stands."""
    return not (root / ".jobs" / "launcher.json").exists()


def is_being_launched(root: Path, clock: Clock, sleep: Callable[[float], object] = time.sleep) -> bool:
    """Tell whether a process launches the sweep in `root` now; of another machine's as far as two beats can tell."""
    folder = root / ".jobs"
    host = _read(folder / "launcher.json").get("host")
    if host is None:
        return False
    if host == host_identity():
        try:
            with FileLock(folder / "launcher.lock", timeout=0):
                return False
        except Timeout:
            return True
    return _lives_elsewhere(
        folder / "launcher.json", folder / "launcher.beat", Heartbeats(clock), 2 * BEAT_S, None, sleep
    )


def _lives_elsewhere(
    mark: Path,
    beat: Path,
    heartbeats: Heartbeats,
    lost_after_s: float,
    say: Callable[[str], object] | None,
    sleep: Callable[[float], object],
) -> bool:
    """Tell whether another machine's process launches the sweep, by whether its counter moves."""
    host = _read(mark).get("host")
    if host in (None, host_identity()):  # there is none, or it is here, and has left its lock
        return False
    heartbeats.silent_s(beat)
    if say is not None:
        say(f"looking for up to {lost_after_s:g} s whether the launching process on {_name(host)} still lives")
    while heartbeats.silent_s(beat) < lost_after_s:
        if heartbeats.has_moved(beat):
            return True
        sleep(_LOOK_EVERY_S)
    return False


def _refusal(root: Path, mark: Path) -> str:
    found = _read(mark)
    who = f" (process {found['pid']} on {_name(found['host'])})" if found else ""
    return f"{root}: another process launches this sweep and waits for its jobs{who}; wait for it, or end it first"


def _read(mark: Path) -> dict[str, str]:
    try:
        content: dict[str, str] = json.loads(mark.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content


def _name(host: str) -> str:
    return host.partition(":")[0]
