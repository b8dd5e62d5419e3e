"""Who waits for input at a terminal, asked of Linux about processes that know nothing of it."""

from __future__ import annotations

import os
import platform
import re
from typing import TypeAlias

TerminalReader: TypeAlias = tuple[int, int]
"""A thread, and how often it had waited for something: one wait of it is told from the next."""

_WAITS = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)
_READ_CALLS = {"x86_64": "0", "aarch64": "63", "arm64": "63"}


def find_reader(root_pid: int, device: int) -> TerminalReader | tuple[()] | None:
    """Return who is blocked in reading its standard input, which is a terminal, and in which wait.

    Args:
        root_pid: A process; all that came from it are looked at too, with all of their threads.
        device: The device number of the terminal (``Terminal.device``).

    Returns:
        An empty tuple where nobody is. None where the system does not tell: outside Linux, on a processor whose calls
        are not known here, or for processes of somebody else.

    """
    call = _READ_CALLS.get(platform.machine())
    if call is None:
        return None
    told = False
    waiting = [root_pid]
    while waiting:
        pid = waiting.pop()
        for thread in _list(f"/proc/{pid}/task"):
            line = _read(f"/proc/{pid}/task/{thread}/syscall")
            if line is not None:
                told = True
                if line.split()[:2] == [call, "0x0"] and _is_device(f"/proc/{pid}/fd/0", device):
                    waits = _WAITS.search(_read(f"/proc/{pid}/task/{thread}/status") or "")
                    return int(thread), int(waits[1]) if waits else 0
            waiting += map(int, (_read(f"/proc/{pid}/task/{thread}/children") or "").split())
    return () if told else None


def _is_device(path: str, device: int) -> bool:
    try:
        return os.stat(path).st_rdev == device  # noqa: PTH116 - called many times a second
    except OSError:
        return False


def _list(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - called many times a second
    except OSError:
        return []


def _read(path: str) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(descriptor, 65536).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)
