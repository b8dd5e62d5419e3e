"""What has become of a job: the table in `evalkit/runner/job_watch.py`, row by row."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_clock import FakeClock

from evalkit.runner.job_watch import JobState, JobWatch, QueueState
from evalkit.store import running_jobs
from evalkit.store.running_jobs import RunningJobs

LOST_AFTER_S = 60.0
KILLED = """
import os, pathlib, signal, sys
from evalkit.store.running_jobs import RunningJobs
with RunningJobs(pathlib.Path(sys.argv[1])).running(0):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass
class ScriptedQueue:
    """Says of every job what it is told to say; None: it does not answer."""

    says: QueueState | None = QueueState.RUNNING
    asked: list[list[int]] = field(default_factory=list)

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Answer."""
        self.asked.append(list(numbers))
        return None if self.says is None else dict.fromkeys(self.asked[-1], self.says)


@pytest.fixture
def jobs(tmp_path: Path) -> RunningJobs:
    """The jobs of a sweep that has not begun."""
    return RunningJobs(tmp_path)


@pytest.fixture
def clock() -> FakeClock:
    """The observer's clock."""
    return FakeClock()


def _kill_a_job(jobs: RunningJobs) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(jobs.root)], check=False, timeout=60)
    assert jobs.has_begun(0)


def _be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running_jobs, "host_identity", lambda: "another")


def test_a_job_waits_runs_and_ends(jobs: RunningJobs, clock: FakeClock) -> None:
    """By its files alone, where there is no queue."""
    watch = JobWatch(jobs, LOST_AFTER_S, clock)
    assert watch.look([0, 1]) == {0: JobState.WAITING, 1: JobState.WAITING}
    with jobs.running(0):
        assert watch.look([0, 1]) == {0: JobState.RUNNING, 1: JobState.WAITING}
    assert watch.look([0, 1]) == {0: JobState.ENDED, 1: JobState.WAITING}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (QueueState.WAITING, JobState.WAITING),
        (QueueState.RUNNING, JobState.RUNNING),
        (None, JobState.RUNNING),
        (QueueState.GONE, JobState.LOST),
    ],
)
def test_a_job_killed_on_this_machine(
    jobs: RunningJobs, clock: FakeClock, said: QueueState | None, state: JobState
) -> None:
    """Its lock is free at once: what it is then is for the queue to say; it may have been put back."""
    _kill_a_job(jobs)
    assert JobWatch(jobs, LOST_AFTER_S, clock, ScriptedQueue(said)).look([0]) == {0: state}
    assert JobWatch(jobs, LOST_AFTER_S, clock).look([0]) == {0: JobState.LOST}


@pytest.mark.parametrize(
    ("queue", "state"),
    [
        (None, JobState.LOST),
        (ScriptedQueue(QueueState.GONE), JobState.LOST),
        (ScriptedQueue(QueueState.RUNNING), JobState.RUNNING),
        (ScriptedQueue(QueueState.WAITING), JobState.WAITING),
        (ScriptedQueue(None), JobState.RUNNING),
    ],
)
def test_a_job_of_another_machine_that_falls_silent(
    jobs: RunningJobs, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, queue: ScriptedQueue | None, state: JobState
) -> None:
    """It runs until it has been silent for long enough, by our clock; then its queue decides, or nobody."""
    _kill_a_job(jobs)
    _be_elsewhere(monkeypatch)
    watch = JobWatch(jobs, LOST_AFTER_S, clock, queue)
    assert watch.look([0]) == {0: JobState.RUNNING}
    for _ in range(int(LOST_AFTER_S) - 1):
        clock.now_s += 1
        assert watch.look([0]) == {0: JobState.RUNNING}
    clock.now_s += 1
    assert watch.look([0]) == {0: state}


def test_a_watch_that_was_away_calls_nobody_lost_at_once(
    jobs: RunningJobs, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that hung for all: its jobs are to be heard before they are taken for lost, and run twice."""
    _kill_a_job(jobs)
    _be_elsewhere(monkeypatch)
    watch = JobWatch(jobs, LOST_AFTER_S, clock)
    watch.look([0])
    clock.now_s += 10 * LOST_AFTER_S
    assert watch.look([0]) == {0: JobState.RUNNING}


def test_a_job_of_another_machine_that_beats_runs(
    jobs: RunningJobs, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the queue says of it, and for however long."""
    with jobs.running(0):
        _be_elsewhere(monkeypatch)
        watch = JobWatch(jobs, LOST_AFTER_S, clock, ScriptedQueue(QueueState.GONE))
        for count in range(100, 105):
            jobs.beat_path(0).write_bytes(b"%012d" % count)
            assert watch.look([0]) == {0: JobState.RUNNING}
            clock.now_s += LOST_AFTER_S - 1


def test_a_job_that_never_began_and_is_gone(jobs: RunningJobs, clock: FakeClock) -> None:
    """It is lost, but not at once: what it may have done is to be seen on this machine first."""
    queue = ScriptedQueue(QueueState.WAITING)
    watch = JobWatch(jobs, LOST_AFTER_S, clock, queue)
    assert watch.look([0]) == {0: JobState.WAITING}
    queue.says = QueueState.GONE
    assert watch.look([0]) == {0: JobState.WAITING}
    clock.now_s += LOST_AFTER_S
    assert watch.look([0]) == {0: JobState.LOST}
    queue.says = QueueState.WAITING  # it was asked in a moment when the queue did not know it
    assert watch.look([0]) == {0: JobState.WAITING}


def test_how_long_a_queue_does_not_answer_is_known(jobs: RunningJobs, clock: FakeClock) -> None:
    """And is nothing as soon as it does; of jobs that have ended it is not asked."""
    queue = ScriptedQueue(None)
    watch = JobWatch(jobs, LOST_AFTER_S, clock, queue)
    with jobs.running(1):
        pass
    for _ in range(3):
        assert watch.look([0, 1]) == {0: JobState.WAITING, 1: JobState.ENDED}
        clock.now_s += 10
    assert watch.unheard_s == 30.0
    queue.says = QueueState.WAITING
    watch.look([0, 1])
    assert watch.unheard_s == 0.0
    assert queue.asked == [[0]] * 4


def test_who_has_been_seen_to_live_is_sure_and_who_has_not_is_not_yet(
    jobs: RunningJobs, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of another machine: until its counter moves, its queue has it running, or it is lost."""
    queue = ScriptedQueue(QueueState.GONE)
    with jobs.running(0):
        watch = JobWatch(jobs, LOST_AFTER_S, clock, queue)
        assert watch.find_unsure(watch.look([0])) == []  # this machine's lock says so
        _be_elsewhere(monkeypatch)
        assert watch.find_unsure(watch.look([0])) == [0]
        assert not watch.may_be_queued(0)
        queue.says = QueueState.RUNNING
        assert watch.find_unsure(watch.look([0])) == []
        assert watch.may_be_queued(0)
        queue.says = QueueState.GONE
        jobs.beat_path(0).write_bytes(b"%012d" % 77)
        assert watch.find_unsure(watch.look([0])) == []
    _kill_a_job(jobs)
    later = JobWatch(jobs, LOST_AFTER_S, clock)
    assert later.find_unsure(later.look([0])) == [0]
    for _ in range(4):
        clock.now_s += LOST_AFTER_S / 4
        states = later.look([0])
    assert states == {0: JobState.LOST}
    assert later.find_unsure({0: JobState.LOST}) == []


def test_a_job_that_is_gone_before_it_began_is_unsure_until_it_is_lost(jobs: RunningJobs, clock: FakeClock) -> None:
    """A queue that does not answer leaves it in doubt for as long as it likes: that is not counted."""
    queue = ScriptedQueue(QueueState.GONE)
    watch = JobWatch(jobs, LOST_AFTER_S, clock, queue)
    assert watch.find_unsure(watch.look([0])) == [0]
    queue.says = None
    assert watch.find_unsure(watch.look([0])) == []
    assert watch.may_be_queued(0)
