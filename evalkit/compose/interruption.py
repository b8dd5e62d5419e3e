"""Ctrl-C and a request to end while jobs run in other processes: passed on to them, and waited for.

The first signal lets no further job begin and asks the running ones to end; so does the second, which they take as
urgent. The third ends the waiting at once. Jobs are out of reach of the terminal's own signal, so that each signal
comes to them once.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from evalkit.store.running_jobs import RunningJobs

_SIGNALS_BEFORE_STOP = 2
_log = logging.getLogger(__name__)


class SweepInterruption:
    """The interruptions of a sweep so far. `forward` passes one signal on to the jobs; a launcher may set its own."""

    def __init__(self, jobs: RunningJobs) -> None:
        self._jobs = jobs
        self.count = 0
        self.forward: Callable[[], None] = self.signal_local_jobs

    def signal_local_jobs(self) -> None:
        """Interrupt every job that runs on this machine in another process."""
        for pid in self._jobs.find_pids().values():
            if pid != os.getpid():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)

    def handle(self, *_: object) -> None:
        """Take one signal."""
        self.count += 1
        if self.count > _SIGNALS_BEFORE_STOP:
            raise KeyboardInterrupt
        self._jobs.stop()
        again = "interrupt again to stop them at once" if self.count == 1 else "once more: stop waiting for them"
        _log.warning("evalkit: interrupted; no further job begins, waiting for those that run (%s)", again)
        self.forward()


_current: SweepInterruption | None = None


def current_interruption() -> SweepInterruption | None:
    """Return the interruptions of the sweep that this process launches; None when it launches none."""
    return _current


@contextmanager
def forwarding_interruptions(jobs: RunningJobs) -> Iterator[SweepInterruption]:
    """Pass interruptions on to `jobs` until the block ends, which then raises KeyboardInterrupt if there was one."""
    global _current  # noqa: PLW0603  launchers are made by Hydra, which passes them nothing of ours
    interruption = SweepInterruption(jobs)
    is_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    saved = {number: signal.signal(number, interruption.handle) for number in signals}
    _current = interruption
    try:
        yield interruption
    finally:
        _current = None
        for number, handler in saved.items():
            signal.signal(number, handler)
    if interruption.count:
        raise KeyboardInterrupt


@contextmanager
def children_ignoring_interrupts() -> Iterator[None]:
    """Keep the terminal's Ctrl-C from processes started in the block: it is passed on to them explicitly.

    Submitit's controller would answer one by killing its job a second later.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    saved = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, saved)


def become_a_worker() -> None:
    """Leave the terminal's foreground, and handle interruptions even where the parent process ignores them."""
    if hasattr(os, "setpgid") and os.getpid() != os.getpgrp():
        with suppress(PermissionError):  # a session's leader, which no terminal's signal reaches anyway
            os.setpgid(0, 0)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
