"""What of a sweep is started again and what is joined; tests/e2e/test_rejoin.py does it with real processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import pytest

from evalkit.compose import rejoining, sweep_standing
from evalkit.compose.queues import QUEUES, QueueKind
from evalkit.compose.rejoining import JobsSeen, rejoin
from evalkit.errors import ConfigError
from evalkit.runner.job_watch import JobState, QueueState
from evalkit.runner.jobs import Destination, Job, Launched, Plan, RunJob, packaged_source
from evalkit.store import running_jobs
from evalkit.store.running_jobs import QueuedJobs, RunningJobs

OTHER = """
import pathlib, sys
from evalkit.store.running_jobs import RunningJobs
with RunningJobs(pathlib.Path(sys.argv[1])).running(int(sys.argv[2])):
    print("runs", flush=True)
    sys.stdin.read()
"""


class NotedLaunches:
    """Stands for the launcher: remembers what it was to start, and lets every job come to an end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[list[int]] = []
        self.then: list[subprocess.Popen[str]] = []
        monkeypatch.setattr(rejoining, "launch", self.launch)

    def launch(self, planned: Plan, run_job: RunJob, root: Path, numbers: Collection[int]) -> Launched:
        """Start these."""
        self.started.append(sorted(numbers))
        jobs = RunningJobs(root)
        jobs.forget(numbers)
        for number in numbers:
            with jobs.running(number):
                run_job(planned.jobs[number], Destination(root, root))
        for process in self.then:
            process.communicate()  # which ends its input, and so itself
        return Launched()


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> NotedLaunches:
    """The launcher."""
    return NotedLaunches(monkeypatch)


def _plan(launcher: str = "basic", **settings: float) -> Plan:
    jobs = tuple(Job(number, (), {}, f"{number}_x") for number in range(4))
    return Plan(packaged_source(), (), True, jobs, launcher, settings)  # noqa: FBT003


def _begin_elsewhere(root: Path, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OTHER, str(root), str(number)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "runs\n"
    return process


def test_what_runs_is_joined_and_the_rest_is_started_once(
    tmp_path: Path, launches: NotedLaunches, capsys: pytest.CaptureFixture[str]
) -> None:
    """Done jobs are left alone. One that was joined and then left something to do is started too, and no more."""
    done = {0}
    launches.then = [_begin_elsewhere(tmp_path, 2), _begin_elsewhere(tmp_path, 3)]

    def run(job: Job, _: Destination) -> None:
        done.update({job.number} - {3})  # 3 leaves something to do, whenever it is run

    def is_done(number: int) -> bool:
        return number in done or (number == 2 and RunningJobs(tmp_path).has_ended(2))

    ended = rejoin(_plan(), run, tmp_path, is_done, JobsSeen(tmp_path))
    assert launches.started == [[1], [3]]
    assert ended.waited is not None
    assert ended.waited.states == {2: JobState.ENDED, 3: JobState.ENDED}
    assert "joins jobs 2, 3, running or waiting elsewhere; starts job 1" in capsys.readouterr().err


def test_a_sweep_of_which_nothing_goes_on_is_started_where_it_stands(tmp_path: Path, launches: NotedLaunches) -> None:
    """Without a look at any queue, and without a wait."""
    assert rejoin(_plan(), lambda *_: None, tmp_path, lambda number: number == 1, JobsSeen(tmp_path)) == Launched()
    assert launches.started == [[0, 2, 3]]
    assert rejoin(_plan(), lambda *_: None, tmp_path, lambda _: True, JobsSeen(tmp_path)) == Launched()
    assert len(launches.started) == 1


class StuckQueue:
    """Has every job waiting."""

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Answer."""
        return dict.fromkeys(numbers, QueueState.WAITING)


def open_stuck(root: Path, queued: QueuedJobs) -> StuckQueue:
    """Open it."""
    return StuckQueue()


def test_no_job_is_put_into_a_second_queue_beside_the_first(
    tmp_path: Path, launches: NotedLaunches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first has would be forgotten. Jobs on this machine are started beside it, and its own are waited for."""
    monkeypatch.setitem(QUEUES, "stuck", QueueKind(f"{__name__}:open_stuck"))
    monkeypatch.setitem(QUEUES, "second", QueueKind(f"{__name__}:open_stuck"))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[open_stuck.__module__])
    RunningJobs(tmp_path).note_queued(QueuedJobs("stuck", {1: "x1", 2: "x2"}))
    with pytest.raises(ConfigError, match=r"second: jobs 1, 2 of .* go on in the queue of stuck; resume with hydra"):
        rejoin(_plan("second"), lambda *_: None, tmp_path, lambda _: False, JobsSeen(tmp_path))
    assert launches.started == []
    ended = rejoin(_plan(queue_timeout_min=0), lambda *_: None, tmp_path, lambda _: False, JobsSeen(tmp_path))
    assert launches.started == [[0, 3]]
    assert ended.waited is not None
    assert ended.waited.open == [1, 2]
    (note,) = ended.notes
    assert note.startswith("jobs 1, 2, in the queue as x1, x2: none of them has begun")


def test_jobs_of_another_machine_are_seen_while_something_else_is_waited_for(
    tmp_path: Path, launches: NotedLaunches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So one that is silent is not waited for once more from the beginning."""
    other = _begin_elsewhere(tmp_path, 1)
    other.kill()
    other.communicate()
    monkeypatch.setattr(running_jobs, "host_identity", lambda: "another")
    seen = JobsSeen(tmp_path)
    for _ in range(4):
        seen.sleep(0.1)
    looks: list[float] = []
    monkeypatch.setattr(sweep_standing.time, "sleep", looks.append)
    rejoin(_plan(lost_after_s=0.3), lambda *_: None, tmp_path, lambda number: number != 1, seen)
    assert launches.started == [[1]]
    assert looks == []
