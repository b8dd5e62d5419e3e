"""What has become of each job of a sweep, by several witnesses: its files, its machine, its queue, and time.

=============================== ==================== ==================== =====================================
its files say                   its machine says     its queue says       then it
=============================== ==================== ==================== =====================================
it has come to an end           -                    -                    has ended
it has begun                    this one: lock held  -                    runs
it has begun                    another: it beats    -                    runs
it has begun                    this one: lock free, it waits             waits: it was put back
                                or another: silent
                                for `lost_after_s`
it has begun                    as above             it runs, or nothing  runs: suspended, or starting again
it has begun                    as above             it is gone, or there is lost
                                                     is no queue
nothing                         -                    it is gone, for      is lost
                                                     `lost_after_s`
nothing                         -                    anything else        waits
=============================== ==================== ==================== =====================================

A queue that does not answer says nothing. How long that may go on while no job gives a sign of life either is for
whoever waits to decide (:attr:`JobWatch.unheard_s`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Protocol, runtime_checkable

from evalkit.clock import Clock
from evalkit.store.heartbeat import Heartbeats
from evalkit.store.running_jobs import BegunJob, JobMarks, RunningJobs


class JobState(StrEnum):
    """What has become of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    LOST = "lost"


class QueueState(StrEnum):
    """What a queue says of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    GONE = "gone"


class Queue(Protocol):
    """A queue that jobs were given to."""

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Return what it says of these jobs, every one of them; None when it does not answer."""
        ...


@runtime_checkable
class InterruptibleQueue(Queue, Protocol):
    """A queue that can also pass an interruption on to jobs that run in it, and take back those that wait."""

    def interrupt(self, numbers: Iterable[int]) -> None:
        """Pass one on to these jobs; a second one is urgent to them."""
        ...


class JobWatch:
    """Watches the jobs of one sweep.

    Args:
        jobs: Their files.
        lost_after_s: A job of another machine that gives no sign of life for so long is lost, unless its queue says
            that it runs; one that the queue has not known for so long, and that never began, too.
        clock: Of this process.
        queue: Where the jobs were put; None: nowhere, they are started from here.
        heartbeats: What the observer has seen of them before; None: nothing.

    """

    def __init__(
        self,
        jobs: RunningJobs,
        lost_after_s: float,
        clock: Clock,
        queue: Queue | None = None,
        heartbeats: Heartbeats | None = None,
    ) -> None:
        self._jobs, self._lost_after_s, self._clock, self._queue = jobs, lost_after_s, clock, queue
        self._heartbeats = heartbeats or Heartbeats(clock)
        self._gone_since_s: dict[int, float] = {}
        self._said: Mapping[int, QueueState] = {}
        self._unheard_since_s: float | None = None
        self._has_seen_life = False

    @property
    def unheard_s(self) -> float:
        """For how long nothing was heard: the queue has not answered, and no job has given a sign of life."""
        return 0.0 if self._unheard_since_s is None else self._clock.now() - self._unheard_since_s

    def look(self, numbers: Iterable[int]) -> dict[int, JobState]:
        """Return what has become of each of these jobs."""
        asked = list(numbers)
        before = self._jobs.list_marks()
        self._said = self._ask_queue([number for number in asked if number not in before.ended])
        marks = self._jobs.list_marks()  # what has ended while the queue was asked is gone from there
        self._has_seen_life = False
        states = {number: self._judge(number, self._said.get(number), marks) for number in asked}
        if self._unheard_since_s is not None and self._has_seen_life:
            self._unheard_since_s = self._clock.now()
        return states

    def may_be_queued(self, number: int) -> bool:
        """Tell whether the queue has a job that was just looked at, or may have: it did not answer."""
        return self._queue is not None and self._said.get(number) is not QueueState.GONE

    def find_unsure(self, states: Mapping[int, JobState]) -> list[int]:
        """Return the jobs of which time has yet to tell whether they are lost: `states` is what a look has said.

        That takes `lost_after_s` at most, and no more than a beat where a job lives. What a queue has to say, and does
        not, is not counted: whoever cannot wait for it takes its jobs for those that run or wait.
        """
        return [number for number, state in states.items() if self._is_unsure(number, state)]

    def _is_unsure(self, number: int, state: JobState) -> bool:
        said = self._said.get(number)
        if state is JobState.WAITING:
            return said is QueueState.GONE
        if state is not JobState.RUNNING or said is QueueState.RUNNING:
            return False
        begun = self._jobs.find_begun(number)
        if begun is None or begun.is_here:
            return False
        beat = self._jobs.beat_path(number)
        return not self._heartbeats.has_moved(beat) and self._heartbeats.silent_s(beat) < self._lost_after_s

    def _ask_queue(self, numbers: list[int]) -> Mapping[int, QueueState]:
        said = self._queue.ask(numbers) if self._queue is not None and numbers else {}
        if said is None:
            self._unheard_since_s = self._clock.now() if self._unheard_since_s is None else self._unheard_since_s
            return {}
        self._unheard_since_s = None
        return said

    def _judge(self, number: int, said: QueueState | None, marks: JobMarks) -> JobState:
        if number in marks.ended:
            return JobState.ENDED
        begun = self._jobs.find_begun(number) if number in marks.begun else None
        if begun is None:
            return self._judge_unbegun(number, said)
        if self._is_alive(number, begun):
            self._has_seen_life = True
            return JobState.RUNNING
        if self._jobs.has_ended(number):  # while the lock was being asked
            return JobState.ENDED
        if self._queue is None or said is QueueState.GONE:
            return JobState.LOST
        return JobState.WAITING if said is QueueState.WAITING else JobState.RUNNING

    def _judge_unbegun(self, number: int, said: QueueState | None) -> JobState:
        if said is not QueueState.GONE:
            self._gone_since_s.pop(number, None)
            return JobState.WAITING
        gone_since_s = self._gone_since_s.setdefault(number, self._clock.now())
        return JobState.LOST if self._clock.now() - gone_since_s >= self._lost_after_s else JobState.WAITING

    def _is_alive(self, number: int, begun: BegunJob) -> bool:
        if begun.is_here:
            return self._jobs.is_locked(number)
        return self._heartbeats.silent_s(self._jobs.beat_path(number)) < self._lost_after_s
