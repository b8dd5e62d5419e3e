"""Processes that outlive the lab: started, found again, signalled, and seen to end.

Whether one still runs says a lock on a file in its folder: the process holds it from its first moment, and the system
gives it free when it ends, whatever way. Its number alone would not do: numbers are used again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from evalkit.errors import ConfigError
from evalkit.store.files import write_atomically
from evalkit.store.host import host_identity

_LOCK = "lock"
_IDENTITY = "process.json"
OUTPUT = "output.log"


@dataclass(frozen=True)
class ProcessIdentity:
    """A process that no other can be taken for.

    Attributes:
        pid: Its number, which is its group's too.
        started: When it started, as the system counts; empty where the system does not say.
        host: The machine, since it was started.

    """

    pid: int
    started: str
    host: str


def start_process(folder: Path, words: Sequence[str], working_dir: Path, environ: Mapping[str, str]) -> int:
    """Start ``evalkit WORDS…`` in a session of its own, its output added to a file in `folder`; return its number.

    Raises ConfigError where the folder's process runs already, and OSError where none can be started.
    """
    import fcntl  # there is none on Windows

    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (folder / _IDENTITY).unlink(missing_ok=True)
        with (folder / OUTPUT).open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "evalkit.lab.launch.child", str(folder), *words],
                cwd=working_dir,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=[lock],
            )
    except BlockingIOError:
        raise ConfigError(f"{folder}: its process still runs; wait for it, or stop it") from None
    finally:
        os.close(lock)  # the child has it open still
    _own[process.pid] = process
    return process.pid


_own: dict[int, subprocess.Popen[bytes]] = {}


def reap(pid: int) -> int | None:
    """Return the exit code of a child of this process that has ended; None for any other, and while it runs."""
    process = _own.get(pid)
    code = process.poll() if process else None
    if code is not None:
        del _own[pid]
    return code


def is_running(folder: Path) -> bool:
    """Return whether the process that was started with `folder` has not ended."""
    import fcntl

    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(lock)


def note_identity(folder: Path, pid: int) -> None:
    """Write who the process `pid` is into `folder`."""
    identity = ProcessIdentity(pid, _read_start(pid), host_identity())
    write_atomically(folder / _IDENTITY, json.dumps(asdict(identity)) + "\n")


def read_identity(folder: Path) -> ProcessIdentity | None:
    """Return who was started with `folder`; None where nobody has said so yet."""
    try:
        stored = json.loads((folder / _IDENTITY).read_text(encoding="utf-8"))
        return ProcessIdentity(int(stored["pid"]), str(stored["started"]), str(stored["host"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def signal_process(folder: Path, number: signal.Signals) -> bool:
    """Send a signal to the process of `folder` and its group; return whether there was one to send it to."""
    identity = read_identity(folder)
    if identity is None or not is_running(folder) or identity.host != host_identity():
        return False
    if _read_start(identity.pid) != identity.started:
        return False
    with suppress(ProcessLookupError):
        os.killpg(identity.pid, number)
        return True
    return False


def _read_start(pid: int) -> str:
    """Return when a process started, in ticks since this machine did; empty where there is no such process or file."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]
