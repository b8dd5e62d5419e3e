"""Starts one command without a namespace of its own, and ends all that came of it. A process of its own.

Started as ``python -I -B keeper.py FD`` by :mod:`evalkit.sandbox.host_box`; FD reads as JSON, the fields of
:class:`Kept`. It gives up root, becomes the parent of every orphan below it, runs the command, and leaves with its exit
code when the last process is gone. SIGTERM, or the end of its parent, makes it end all at once.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Kept:
    """What a keeper is told."""

    command: list[str]
    environment: dict[str, str]
    workspace: str
    parent: int
    """Process id of whoever started it."""
    drop_to: int | None
    """User and group that it becomes."""
    sandlock: dict[str, Any] | None
    """Arguments of ``sandlock.Sandbox``; None: nothing keeps the command in."""


def main() -> int:
    """Run what the descriptor tells, and return the command's exit code."""
    from evalkit.sandbox.processes import find_descendants

    with os.fdopen(int(sys.argv[1])) as told:
        kept = Kept(**json.load(told))
    sandlock = None if kept.sandlock is None else importlib.import_module("sandlock")  # while they can be read
    find_descendants(os.getpid())  # once, so that nothing of it is loaded later
    libc = ctypes.CDLL(None)
    if kept.drop_to is not None:
        os.setgroups([])
        os.setresgid(kept.drop_to, kept.drop_to, kept.drop_to)
        os.setresuid(kept.drop_to, kept.drop_to, kept.drop_to)
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # sandlock reads its own /proc
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.chdir(kept.workspace)
    os.umask(0o022)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    if os.getppid() != kept.parent:
        return 1
    codes: list[int] = []
    run = _run_bare if sandlock is None else _run_in(sandlock)
    runner = threading.Thread(target=lambda: _tell(codes, run, kept, wake), daemon=True)
    runner.start()
    select.select([woken], [], [])
    _end_all(find_descendants)
    return codes[0] if codes else 1


def _tell(codes: list[int], run: Callable[[Kept], int], kept: Kept, wake: int) -> None:
    """Run the command, note its exit code, and wake the main thread."""
    try:
        codes.append(run(kept))
    finally:
        os.write(wake, b"x")


def _run_bare(kept: Kept) -> int:
    """Run the command with nothing that keeps it in."""
    process = subprocess.Popen(kept.command, env=kept.environment, start_new_session=True)
    _let_go()
    code = process.wait()
    return code if code >= 0 else 128 - code


def _run_in(sandlock: Any) -> Callable[[Kept], int]:
    """Return a function that runs the command in sandlock."""

    def run(kept: Kept) -> int:
        box = sandlock.Sandbox(**(kept.sandlock or {}), env=kept.environment, cwd=kept.workspace, clean_env=True)
        process = box.popen(kept.command)
        _let_go()
        result = process.wait()
        if result.signal > 0:
            return 128 + int(result.signal)
        return int(result.exit_code)

    return run


def _let_go() -> None:
    """Leave standard input to the command alone, so that it is seen when nobody reads it any more."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _end_all(find_descendants: Callable[[int], list[int]]) -> None:
    """Kill everything below this process until nothing is left."""
    while below := [pid for pid in find_descendants(os.getpid()) if pid != os.getpid()]:
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            continue


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    code = main()
    sys.stdout.flush()
    os._exit(code)
