"""Ctrl-C and a request to end while jobs run in other processes: passed on to them, and waited for, not for ever.

The first signal lets no further job begin and asks the running ones to end: they have ``limits.grace_s`` for the cases
under way. The second is passed on too, and they take it as urgent. The third ends the waiting at once. Jobs are out of
reach of the terminal's own signal, so that each signal comes to them once.

=============  ====================================== =====================================================
after          a wait for jobs that run elsewhere     whatever else a launcher is in the middle of
               ends (``must_end``)                    is broken off
=============  ====================================== =====================================================
the first      ``grace_s`` and 5 s                    ``grace_s`` and 30 s
the second     3 s                                    20 s
the third      at once                                at once
=============  ====================================== =====================================================

What is passed on is passed on from a thread of its own: a cluster that does not answer holds up nobody.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from evalkit.clock import Clock, MonotonicClock
from evalkit.store.running_jobs import RunningJobs

WAIT_MORE_S = (5.0, 3.0)
"""For how long jobs are waited for after the first signal (and ``limits.grace_s``), and after the second."""

_BREAK_OFF_S = (30.0, 20.0)
_SIGNALS_BEFORE_STOP = 2
_WATCH_EVERY_S = 0.1
_AGAIN_EVERY_S = 2.0
_TELL_MORE_S = 3.0
_log = logging.getLogger(__name__)


class SweepInterruption:
    """The interruptions of a sweep so far. `forward` passes one signal on to the jobs; a launcher may set its own.

    Args:
        jobs: Of the sweep.
        grace_s: For how long cases under way may go on after the first signal.
        clock: Of this process.

    """

    def __init__(self, jobs: RunningJobs, grace_s: float, clock: Clock) -> None:
        self._jobs, self._grace_s, self._clock = jobs, grace_s, clock
        self._came_at_s: list[float] = []
        self._is_over = False
        self.forward: Callable[[], None] = self.signal_local_jobs

    @property
    def count(self) -> int:
        """How many signals came."""
        return len(self._came_at_s)

    @property
    def must_end(self) -> bool:
        """Whether jobs have been waited for as long as an interruption allows."""
        return self._has_passed(WAIT_MORE_S)

    @property
    def must_break_off(self) -> bool:
        """Whether a launcher has had the time to come to its end by itself."""
        return self._has_passed(_BREAK_OFF_S)

    def signal_local_jobs(self) -> None:
        """Interrupt every job that runs on this machine in another process."""
        for pid in self._jobs.find_pids().values():
            if pid != os.getpid():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)

    def handle(self, *_: object) -> None:
        """Take one signal."""
        if self._is_over or self.count >= _SIGNALS_BEFORE_STOP:
            self._is_over = True
            raise KeyboardInterrupt
        self._came_at_s.append(self._clock.now())

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Do what signals ask for, until the block ends, in a thread that nothing in the block can hold up."""
        closed = threading.Event()
        thread = threading.Thread(target=self._serve, args=(closed,), name="interruption", daemon=True)
        thread.start()
        try:
            yield
        finally:
            closed.set()
            thread.join()

    def _serve(self, closed: threading.Event) -> None:
        passing_on: list[threading.Thread] = []
        is_closed = False
        while not is_closed:
            is_closed = closed.wait(_WATCH_EVERY_S)
            while self.count > len(passing_on):
                count = len(passing_on) + 1
                passing_on.append(threading.Thread(target=self._pass_on, args=(count,), name="forward", daemon=True))
                passing_on[-1].start()
            if self.must_break_off and not is_closed:
                self._is_over = True
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                closed.wait(_AGAIN_EVERY_S)
        until_s = self._clock.now() + (0.0 if self._is_over else _TELL_MORE_S)
        for thread in passing_on:  # a wait for jobs may have ended before all of them were told
            thread.join(max(0.0, until_s - self._clock.now()))

    def _pass_on(self, count: int) -> None:
        with suppress(OSError):
            self._jobs.stop()
        again = "interrupt again to stop them at once" if count == 1 else "once more: stop waiting for them"
        _log.warning("evalkit: interrupted; no further job begins, waiting for those that run (%s)", again)
        self.forward()

    def _has_passed(self, more_s: tuple[float, float]) -> bool:
        if not self._came_at_s:
            return False
        urgent = self.count > 1
        allowed_s = more_s[1] if urgent else self._grace_s + more_s[0]
        return self._clock.now() - self._came_at_s[-1] >= allowed_s


_current: SweepInterruption | None = None


def current_interruption() -> SweepInterruption | None:
    """Return the interruptions of the sweep that this process launches; None when it launches none."""
    return _current


@contextmanager
def forwarding_interruptions(
    jobs: RunningJobs, grace_s: float, clock: Clock | None = None
) -> Iterator[SweepInterruption]:
    """Pass interruptions on to `jobs` until the block ends; the third, or too long a wait, breaks the block off."""
    global _current  # noqa: PLW0603  launchers are made by Hydra, which passes them nothing of ours
    interruption = SweepInterruption(jobs, grace_s, clock or MonotonicClock())
    is_main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if is_main else ()
    saved = {number: signal.signal(number, interruption.handle) for number in signals}
    _current = interruption
    try:
        with interruption.serving():
            yield interruption
    finally:
        _current = None
        for number, handler in saved.items():
            signal.signal(number, handler)


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


_comes_again: Callable[[], bool] | None = None


def comes_again() -> bool:
    """Tell whether the queue that started this process will start its job again, which was interrupted."""
    return _comes_again is not None and _comes_again()


@contextmanager
def coming_again(tell: Callable[[], bool]) -> Iterator[None]:
    """Let `tell` answer :func:`comes_again` until the block ends."""
    global _comes_again  # noqa: PLW0603  as above: the job is called by the launcher's own library
    saved, _comes_again = _comes_again, tell
    try:
        yield
    finally:
        _comes_again = saved


def become_a_worker() -> None:
    """Leave the terminal's foreground, and handle interruptions even where the parent process ignores them."""
    if hasattr(os, "setpgid") and os.getpid() != os.getpgrp():
        with suppress(PermissionError):  # a session's leader, which no terminal's signal reaches anyway
            os.setpgid(0, 0)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
