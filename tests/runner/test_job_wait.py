"""Jobs that run elsewhere are waited for, and every wait ends within a bound."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fake_clock import FakeClock

from evalkit.runner.job_wait import (
    AskedAside,
    WaitBounds,
    Waited,
    WaitEnd,
    describe_wait_end,
    shorten,
    wait_for_jobs,
)
from evalkit.runner.job_watch import JobState, JobWatch, QueueState
from evalkit.runner.jobs import Launched
from evalkit.store.running_jobs import RunningJobs

BOUNDS = WaitBounds(lost_after_s=60, queue_silent_min=5, queue_timeout_min=20)
KILLED = """
import os, pathlib, signal, sys
from evalkit.store.running_jobs import RunningJobs
with RunningJobs(pathlib.Path(sys.argv[1])).running(0):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass
class StagedQueue:
    """Says what stands in `says`; None: it does not answer."""

    says: dict[int, QueueState] | None = field(default_factory=dict)

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Answer."""
        return None if self.says is None else {number: self.says[number] for number in numbers}


@dataclass
class Stage:
    """A sweep that is waited for, and what happens at which look: `looks` counts from 1."""

    jobs: RunningJobs
    clock: FakeClock
    queue: StagedQueue
    stack: ExitStack
    looks: int = 0
    seen: list[dict[int, JobState]] = field(default_factory=list)
    happens: dict[int, Callable[[], object]] = field(default_factory=dict)

    def begin(self, number: int) -> None:
        """Let the job run in this process until `end`."""
        assert self.queue.says is not None
        self.queue.says[number] = QueueState.RUNNING
        self.stack.enter_context(self.jobs.running(number))

    def wait(self, numbers: Iterable[int], **more: Any) -> Waited:
        """Wait, with what happens happening."""

        def show(states: Mapping[int, JobState]) -> None:
            self.looks += 1
            self.seen.append(dict(states))
            self.happens.get(self.looks, lambda: None)()

        def sleep(seconds: float) -> None:
            self.clock.now_s += max(seconds, 1.0)

        watch = JobWatch(self.jobs, BOUNDS.lost_after_s, self.clock, self.queue)
        return wait_for_jobs(watch, iter(numbers), BOUNDS, self.clock, show=show, sleep=sleep, **more)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A sweep of which nothing has begun."""
    with ExitStack() as stack:
        yield Stage(
            RunningJobs(tmp_path), FakeClock(), StagedQueue({0: QueueState.WAITING, 1: QueueState.WAITING}), stack
        )


def test_a_wait_ends_when_every_job_has_ended(stage: Stage) -> None:
    """And shows at each look what has become of them."""
    stage.happens = {2: lambda: stage.begin(0), 4: stage.stack.close, 6: lambda: stage.begin(1), 8: stage.stack.close}
    waited = stage.wait([0, 1])
    assert waited == Waited({0: JobState.ENDED, 1: JobState.ENDED})
    assert waited.open == []
    assert [look[0] for look in stage.seen] == [JobState.WAITING] * 2 + [JobState.RUNNING] * 2 + [JobState.ENDED] * 5


def test_a_job_that_is_gone_ends_no_other_wait(stage: Stage) -> None:
    """It is lost, the others are waited for."""
    subprocess.run([sys.executable, "-c", KILLED, str(stage.jobs.root)], check=False, timeout=60)
    stage.queue.says = {0: QueueState.GONE, 1: QueueState.WAITING}
    stage.happens = {3: lambda: stage.begin(1), 5: stage.stack.close}
    assert stage.wait([0, 1]) == Waited({0: JobState.LOST, 1: JobState.ENDED})


def test_jobs_that_never_begin_are_not_waited_for_without_end(stage: Stage) -> None:
    """As long as one runs the others may wait; when none does, for so many minutes."""
    begun_s = stage.clock.now_s
    stage.happens = {1: lambda: stage.begin(0), 1500: stage.stack.close}
    waited = stage.wait([0, 1])
    assert waited.ended_by is WaitEnd.QUEUE_TIMEOUT
    assert waited.states == {0: JobState.ENDED, 1: JobState.WAITING}
    assert waited.queued == {1}
    assert stage.clock.now_s - begun_s == pytest.approx(1500 + BOUNDS.queue_timeout_min * 60, abs=3)


def test_a_queue_that_does_not_answer_ends_the_wait_after_its_bound(stage: Stage) -> None:
    """What is not known by then is no loss: jobs that may go on are told as such."""
    stage.happens = {3: lambda: setattr(stage.queue, "says", None)}
    begun_s = stage.clock.now_s
    waited = stage.wait([0, 1])
    assert waited.ended_by is WaitEnd.QUEUE_SILENT
    assert waited.open == [0, 1]
    assert stage.clock.now_s - begun_s == pytest.approx(3 + BOUNDS.queue_silent_min * 60, abs=3)


def test_a_queue_that_does_not_answer_is_waited_for_while_a_job_lives(stage: Stage) -> None:
    """The bound counts from its last sign of life: what runs needs no queue."""
    begun_s = stage.clock.now_s
    stage.happens = {
        1: lambda: stage.begin(0), 3: lambda: setattr(stage.queue, "says", None), 700: stage.stack.close
    }  # fmt: skip
    waited = stage.wait([0, 1])
    assert waited.ended_by is WaitEnd.QUEUE_SILENT
    assert waited.states == {0: JobState.ENDED, 1: JobState.WAITING}
    assert stage.clock.now_s - begun_s == pytest.approx(700 + BOUNDS.queue_silent_min * 60, abs=3)


def test_a_queue_that_answers_again_in_time_ends_nothing(stage: Stage) -> None:
    """The bound is on one silence, not on all of them."""
    answers = dict(stage.queue.says or {})
    for look in (1, 400):
        stage.happens[look] = lambda: setattr(stage.queue, "says", None)
        stage.happens[look + 200] = lambda: setattr(stage.queue, "says", dict(answers))
    stage.happens[700] = lambda: (stage.begin(0), stage.begin(1))
    stage.happens[800] = stage.stack.close
    assert stage.wait([0, 1]).ended_by is WaitEnd.DECIDED


def test_an_interruption_waits_for_what_runs_until_it_must_end(stage: Stage) -> None:
    """Whatever the cluster does; jobs that wait are not waited for."""
    stage.begin(0)
    until_s = stage.clock.now_s + 35
    waited = stage.wait([0, 1], interrupted=lambda: True, must_end=lambda: stage.clock.now_s >= until_s)
    assert (waited.ended_by, waited.open) == (WaitEnd.INTERRUPTED, [0, 1])
    assert waited.states[0] is JobState.RUNNING
    assert stage.clock.now_s == pytest.approx(until_s, abs=2)
    stage.stack.close()
    assert stage.wait([0, 1], interrupted=lambda: True).states == {0: JobState.ENDED, 1: JobState.WAITING}


class HangingQueue:
    """Answers only when it is let go, and fails when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = threading.Event()

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Hang, then answer."""
        self.asked += 1
        assert self.go.wait(30)
        return dict.fromkeys(numbers, QueueState.RUNNING)


def test_a_queue_that_hangs_holds_up_nobody() -> None:
    """It is asked once; when it answers at last, that counts."""
    queue = HangingQueue()
    aside = AskedAside(queue, answer_within_s=0.05)
    assert [aside.ask([0, 1]) for _ in range(5)] == [None] * 5
    assert queue.asked == 1
    queue.go.set()
    for thread in [thread for thread in threading.enumerate() if thread.name == "queue"]:
        thread.join(30)
    assert aside.ask([1]) == {0: QueueState.RUNNING, 1: QueueState.RUNNING}
    assert queue.asked == 1
    assert aside.ask([1]) == {1: QueueState.RUNNING}


def test_a_queue_that_fails_has_not_answered() -> None:
    """Whatever it raises."""
    assert AskedAside(StagedQueue({})).ask([7]) is None


def test_bounds_are_a_launchers_settings() -> None:
    """What these lack has its default."""
    assert WaitBounds.of({"n_jobs": 4, "queue_silent_min": 1, "lost_after_s": None}) == WaitBounds(60.0, 1.0, 10080.0)


@pytest.mark.parametrize(
    ("ended_by", "words"),
    [
        (WaitEnd.QUEUE_SILENT, "has not answered for 5 min (hydra.launcher.queue_silent_min), and they may go on"),
        (WaitEnd.QUEUE_TIMEOUT, "none of them has begun for 20 min (hydra.launcher.queue_timeout_min), and they wait"),
        (WaitEnd.INTERRUPTED, "still running or waiting when the wait for them ended"),
    ],
)
def test_what_is_left_behind_is_one_sentence(ended_by: WaitEnd, words: str) -> None:
    """Which jobs, as the queue knows them, why, how to stop and how to rejoin them."""
    states = {0: JobState.ENDED, 1: JobState.RUNNING, 2: JobState.WAITING, 3: JobState.WAITING}
    waited = Waited(states, ended_by, frozenset({1, 2}))
    told = describe_wait_end(waited, BOUNDS, {1: "42_1", 2: "42_2"}, "scancel {ids}", "evalkit resume X")
    assert told.startswith("jobs 1, 2, in the queue as 42_1, 42_2: ")
    assert words in told
    assert told.endswith("; stop them with: scancel 42_1 42_2; rejoin them with: evalkit resume X")
    assert describe_wait_end(Waited({0: JobState.ENDED}), BOUNDS, {}, "", "x") == ""


def test_many_words_are_shortened() -> None:
    """The first ten, and how many more."""
    assert shorten([str(number) for number in range(12)], " ") == "0 1 2 3 4 5 6 7 8 9 and 2 more"
    assert shorten(["a", "b"]) == "a, b"


def test_what_a_later_wait_has_found_counts() -> None:
    """Of jobs that both have seen; a wait that was cut short stays one."""
    first = Waited({0: JobState.RUNNING, 1: JobState.ENDED}, WaitEnd.QUEUE_SILENT, frozenset({0}))
    later = Waited({0: JobState.ENDED})
    assert first.joined_with(later) == Waited({0: JobState.ENDED, 1: JobState.ENDED}, WaitEnd.QUEUE_SILENT)
    both = Launched(waited=first, notes=("a",)).joined_with(Launched(interrupted=True, waited=later, notes=("b",)))
    assert both == Launched(True, first.joined_with(later), ("a", "b"))  # noqa: FBT003
    assert Launched().joined_with(Launched(waited=later)).waited == later
