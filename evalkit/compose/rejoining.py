"""A sweep that was begun by a process which is gone: its jobs that go on are joined, and only the others are started.

What has become of each job is known by its files, its machine, its queue and time (:mod:`evalkit.runner.job_watch`). No
job is started that may still run: one of another machine is known to be lost only after ``lost_after_s`` without a sign
of life, and one in a queue that does not answer is not lost at all.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.clock import MonotonicClock
from evalkit.compose.current_launch import launching
from evalkit.compose.launching import launch
from evalkit.compose.queues import QUEUES, open_queue
from evalkit.compose.sweep_launching import find_grace_s
from evalkit.compose.sweep_standing import describe_jobs, find_states
from evalkit.errors import ConfigError
from evalkit.runner.execution import launch_jobs
from evalkit.runner.job_wait import WaitBounds, WaitEnd
from evalkit.runner.job_watch import JobState, JobWatch
from evalkit.runner.jobs import Launched, Plan, RunJob
from evalkit.runner.terminal import say
from evalkit.store.heartbeat import Heartbeats
from evalkit.store.running_jobs import RunningJobs


@dataclass(frozen=True)
class FoundJobs:
    """The jobs of a sweep that are left to do: those that go on elsewhere, and those that may be started."""

    going_on: Sequence[int]
    startable: Sequence[int]


class JobsSeen:
    """What this process has seen of the jobs of the sweep in `root` so far, also while it waited for something else."""

    def __init__(self, root: Path) -> None:
        self.clock = MonotonicClock()
        self.heartbeats = Heartbeats(self.clock)
        self._jobs = RunningJobs(root)

    def sleep(self, seconds: float) -> None:
        """Wait, and look at who gives signs of life."""
        time.sleep(seconds)
        marks = self._jobs.list_marks()
        for number in marks.begun - marks.ended:
            self.heartbeats.silent_s(self._jobs.beat_path(number))


def rejoin(planned: Plan, run_job: RunJob, root: Path, is_done: Callable[[int], bool], seen: JobsSeen) -> Launched:
    """Wait for the jobs of the sweep in `root` that go on, start those that do not, each once, until all are done.

    Args:
        planned: The sweep, with the launcher that starts jobs now.
        run_job: Runs or finishes one.
        root: Where it lies.
        is_done: Tells of a job, by its number, whether there is nothing left to do for it.
        seen: What is known of the jobs already.

    Raises:
        ConfigError: The launcher has another queue than the one that some of the jobs are still in.

    """
    left = [job.number for job in planned.jobs if not is_done(job.number)]
    started: set[int] = set()
    ended = Launched()
    while left:
        found = _look(planned, root, left, seen)
        _say_what_is_found(found, root)
        startable = [number for number in found.startable if number not in started]
        if startable:
            _require_one_queue(planned.launcher, found, root)
            started.update(startable)
            ended = ended.joined_with(launch_jobs(functools.partial(launch, planned, run_job, root, startable)))
        if found.going_on:
            ended = ended.joined_with(_wait(planned, root, found.going_on, interrupted=ended.interrupted))
        if ended.interrupted or (ended.waited and ended.waited.ended_by is not WaitEnd.DECIDED):
            break
        left = [number for number in found.going_on if not is_done(number)]
        if not set(left) - started:
            break
    return ended


def _look(planned: Plan, root: Path, left: Sequence[int], seen: JobsSeen) -> FoundJobs:
    """Tell the jobs that run, or that a queue has or may have, from those that nobody will run."""
    bounds = WaitBounds.of(planned.launcher_settings)
    jobs = RunningJobs(root)
    watch = JobWatch(jobs, bounds.lost_after_s, seen.clock, open_queue(root), seen.heartbeats)
    states = find_states(root, left, bounds.lost_after_s, watch)
    queued = jobs.find_queued()
    given = queued.ids if queued else {}
    going_on = [number for number in left if _goes_on(number, states[number], given, watch)]
    return FoundJobs(going_on, [number for number in left if number not in set(going_on)])


def _goes_on(number: int, state: JobState, given: Mapping[int, str], watch: JobWatch) -> bool:
    if state is JobState.RUNNING:
        return True
    return state is JobState.WAITING and number in given and watch.may_be_queued(number)


def _require_one_queue(launcher: str, found: FoundJobs, root: Path) -> None:
    """Raise ConfigError where jobs would be put into another queue than others of the sweep still are in."""
    queued = RunningJobs(root).find_queued()
    inside = [number for number in found.going_on if queued and number in queued.ids]
    if queued and inside and launcher in QUEUES and launcher != queued.queue:
        raise ConfigError(
            f"hydra/launcher={launcher}: {describe_jobs(inside)} of {root} go on in the queue of {queued.queue}; "
            f"resume with hydra/launcher={queued.queue}, or with one whose jobs run on this machine (basic, joblib)"
        )


def _say_what_is_found(found: FoundJobs, root: Path) -> None:
    if found.going_on:
        others = f"; starts {describe_jobs(found.startable)}" if found.startable else ""
        say(f"{root}: joins {describe_jobs(found.going_on)}, running or waiting elsewhere{others}")


def _wait(planned: Plan, root: Path, numbers: Sequence[int], *, interrupted: bool) -> Launched:
    """Wait for jobs that another process has launched; only look at them once the sweep was interrupted."""
    jobs = RunningJobs(root)
    if not interrupted:
        jobs.forget(())  # an interruption of before holds back jobs that are now wanted
    was_broken_off = False
    with launching(jobs, (), find_grace_s(planned)) as current:
        try:
            current.wait(numbers, open_queue(root), planned.launcher_settings, at_once=interrupted)
        except KeyboardInterrupt:
            was_broken_off = True
    interrupted = was_broken_off or interrupted or current.interruption.count > 0
    return Launched(interrupted, current.waited, tuple(current.notes))
