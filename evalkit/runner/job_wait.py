"""Waits for jobs that run elsewhere, and for none of them without end.

A launcher puts its jobs into a queue and calls :func:`wait_for_jobs`, which looks at them every so often
(:mod:`evalkit.runner.job_watch` says what has become of each), until every job has ended or is lost, or a bound has
passed:

===================== =============================================================================================
``lost_after_s``      a job of another machine without a sign of life for so many seconds, which its queue does not
                      know either, is lost
``queue_silent_min``  so many minutes a queue may give no answer while no job gives a sign of life
``queue_timeout_min`` so many minutes jobs may wait with none of them running, and none beginning
===================== =============================================================================================

These are keys of a launcher (``hydra.launcher.queue_silent_min``). An interruption bounds the wait as well: once what
it allows has passed, the jobs that still run are left to run, and named. No bound raises; whoever waits gets what was
known by then (:class:`Waited`), and the sweep can be joined again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from evalkit.clock import Clock
from evalkit.runner.job_progress import describe_duration
from evalkit.runner.job_watch import JobState, JobWatch, Queue, QueueState

LOOK_EVERY_S = 1.0
"""So often jobs are looked at; less often where a look takes long."""

_LOOKS_SHARE = 0.1  # of the time, at most
_LOOK_AT_LEAST_EVERY_S = 20.0
_ANSWER_WITHIN_S = 5.0
_MOST_NAMED = 10
_MINUTE_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WaitBounds:
    """For how long a launcher waits for what; the keys of its settings have the same names."""

    lost_after_s: float = 60.0
    queue_silent_min: float = 30.0
    queue_timeout_min: float = 10080.0

    @staticmethod
    def of(settings: Mapping[str, Any]) -> WaitBounds:
        """Return the bounds that a launcher's settings have; what they lack has its default."""
        names = (field.name for field in fields(WaitBounds))
        return WaitBounds(**{name: float(settings[name]) for name in names if settings.get(name) is not None})


class WaitEnd(StrEnum):
    """Why a wait ended."""

    DECIDED = "decided"
    INTERRUPTED = "interrupted"
    QUEUE_SILENT = "queue_silent"
    QUEUE_TIMEOUT = "queue_timeout"


@dataclass(frozen=True)
class Waited:
    """What was known when a wait ended.

    Attributes:
        states: What had become of each job.
        ended_by: Why it ended: every job had ended or was lost, or what bound passed.
        queued: The jobs without an end that their queue may still have: it said so, or did not answer.

    """

    states: Mapping[int, JobState]
    ended_by: WaitEnd = WaitEnd.DECIDED
    queued: frozenset[int] = frozenset()

    @property
    def open(self) -> list[int]:
        """The jobs that run, or may still begin."""
        return [
            number
            for number, state in sorted(self.states.items())
            if state is JobState.RUNNING or (state is JobState.WAITING and number in self.queued)
        ]

    def joined_with(self, later: Waited) -> Waited:
        """Return what is known after a further wait, for other jobs or for some of these again."""
        queued = (self.queued - set(later.states)) | later.queued
        ended_by = self.ended_by if later.ended_by is WaitEnd.DECIDED else later.ended_by
        return Waited({**self.states, **later.states}, ended_by, queued)


class AskedAside:
    """A queue that is asked in a thread of its own, so that one that hangs, or fails, holds up nobody."""

    def __init__(self, queue: Queue, answer_within_s: float = _ANSWER_WITHIN_S) -> None:
        self.queue, self._answer_within_s = queue, answer_within_s
        self._asking: threading.Thread | None = None
        self._answer: Mapping[int, QueueState] | None = None

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Return what the queue says, None when it does not within its time; it is not asked anew before it has."""
        wanted = list(numbers)
        if self._asking is not None:  # from the time before
            if self._asking.is_alive():
                return None
            self._asking = None
            if self._answer is not None and set(wanted) <= set(self._answer):
                return self._answer
        self._asking = threading.Thread(target=self._ask, args=(wanted,), name="queue", daemon=True)
        self._asking.start()
        self._asking.join(self._answer_within_s)
        if self._asking.is_alive():
            return None
        self._asking = None
        return self._answer

    def _ask(self, numbers: list[int]) -> None:
        self._answer = None
        try:
            self._answer = self.queue.ask(numbers)
        except Exception:  # noqa: BLE001  whatever it is, it is no answer
            _log.debug("the queue could not be asked", exc_info=True)


class _IdleTime:
    """For how long jobs have waited with none running and none beginning."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = clock.now()
        self._begun: frozenset[int] = frozenset()

    def measure_s(self, states: Mapping[int, JobState]) -> float:
        begun = frozenset(number for number, state in states.items() if state is not JobState.WAITING)
        if begun != self._begun or JobState.RUNNING in states.values() or JobState.WAITING not in states.values():
            self._begun, self._since_s = begun, self._clock.now()
        return self._clock.now() - self._since_s


def wait_for_jobs(
    watch: JobWatch,
    numbers: Iterable[int],
    bounds: WaitBounds,
    clock: Clock,
    *,
    show: Callable[[Mapping[int, JobState]], object] = lambda _: None,
    interrupted: Callable[[], bool] = lambda: False,
    must_end: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], object] = time.sleep,
) -> Waited:
    """Look at jobs until each has ended or is lost, or a bound passes.

    Args:
        watch: Sees them; its queue should be an :class:`AskedAside`.
        numbers: The jobs.
        bounds: For how long.
        clock: Of this process.
        show: Is given the state of every job at each look. A launcher that hands its jobs to the queue little by
            little may do so here.
        interrupted: Whether the sweep was asked to end: jobs that wait are then not waited for.
        must_end: Whether the time that such an end may take has passed.
        sleep: Waits for so many seconds.

    """
    every = list(numbers)
    states: dict[int, JobState] = {}
    idle = _IdleTime(clock)
    while True:
        began_s = clock.now()
        states |= watch.look([number for number in every if states.get(number) is not JobState.ENDED])
        show(states)
        ended_by = _find_end(states, watch, bounds, idle.measure_s(states), (interrupted(), must_end()))
        if ended_by is not None:
            queued = frozenset(number for number in every if _is_open(states[number]) and watch.may_be_queued(number))
            return Waited(states, ended_by, queued)
        until_s = clock.now() + min(max(LOOK_EVERY_S, (clock.now() - began_s) / _LOOKS_SHARE), _LOOK_AT_LEAST_EVERY_S)
        while clock.now() < until_s and not must_end():
            sleep(min(LOOK_EVERY_S, until_s - clock.now()))


def _find_end(
    states: Mapping[int, JobState], watch: JobWatch, bounds: WaitBounds, idle_s: float, asked: tuple[bool, bool]
) -> WaitEnd | None:
    """Return why the wait is over, None when it is not; `asked`: to end, and at once."""
    if not any(map(_is_open, states.values())):
        return WaitEnd.DECIDED
    interrupted, must_end = asked
    if must_end or (interrupted and JobState.RUNNING not in states.values()):
        return WaitEnd.INTERRUPTED
    if watch.unheard_s >= bounds.queue_silent_min * _MINUTE_S:
        return WaitEnd.QUEUE_SILENT
    if idle_s >= bounds.queue_timeout_min * _MINUTE_S:
        return WaitEnd.QUEUE_TIMEOUT
    return None


def _is_open(state: JobState) -> bool:
    return state in (JobState.WAITING, JobState.RUNNING)


def describe_wait_end(waited: Waited, bounds: WaitBounds, ids: Mapping[int, str], stop: str, rejoin: str) -> str:
    """Return in one sentence which jobs go on without being waited for, and why; empty when none does.

    Args:
        waited: What was known when the wait ended.
        bounds: Of the wait.
        ids: Number of the job -> what its queue calls it; empty when it was put into none.
        stop: The command that stops jobs in the queue, ``{ids}`` in the place of their names; empty: none is known.
        rejoin: The command that waits for them again.

    """
    left = waited.open
    if not left:
        return ""
    named = [ids[number] for number in left if number in ids]
    known = f", in the queue as {shorten(named)}" if named else ""
    ending = f"; stop them with: {stop.format(ids=shorten(named, ' '))}" if stop and named else ""
    return f"{_describe_jobs(left)}{known}: {_describe_reason(waited, bounds)}{ending}; rejoin them with: {rejoin}"


def _describe_jobs(numbers: Sequence[int]) -> str:
    return f"{'job' if len(numbers) == 1 else 'jobs'} {shorten([str(number) for number in numbers])}"


def _describe_reason(waited: Waited, bounds: WaitBounds) -> str:
    match waited.ended_by:
        case WaitEnd.QUEUE_SILENT:
            minutes = describe_duration(bounds.queue_silent_min * _MINUTE_S)
            return f"the queue has not answered for {minutes} (hydra.launcher.queue_silent_min), and they may go on"
        case WaitEnd.QUEUE_TIMEOUT:
            minutes = describe_duration(bounds.queue_timeout_min * _MINUTE_S)
            return f"none of them has begun for {minutes} (hydra.launcher.queue_timeout_min), and they wait on"
    states = {waited.states[number] for number in waited.open}
    doing = " or ".join(word for state, word in _DOING.items() if state in states)
    return f"still {doing} when the wait for them ended"


_DOING = {JobState.RUNNING: "running", JobState.WAITING: "waiting"}


def shorten(words: Sequence[str], between: str = ", ") -> str:
    """Return `words` in a row, the first ten and how many more there are."""
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    return between.join(words[:_MOST_NAMED]) + more
