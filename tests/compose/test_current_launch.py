"""What a launcher gets to know of its sweep, and what a wait of it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from evalkit.compose.current_launch import current_launch, launching
from evalkit.compose.queues import QUEUES, QueueKind
from evalkit.runner.job_wait import WaitEnd
from evalkit.runner.job_watch import JobState, QueueState
from evalkit.store.running_jobs import QueuedJobs, RunningJobs


class IdleQueue:
    """Never begins a job; remembers what it was asked to interrupt."""

    def __init__(self) -> None:
        self.interrupted: list[int] = []

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Answer."""
        return dict.fromkeys(numbers, QueueState.WAITING)

    def interrupt(self, numbers: Iterable[int]) -> None:
        """Remember."""
        self.interrupted += numbers


def test_a_launcher_starts_what_is_to_be_started(tmp_path: Path) -> None:
    """No more of a batch than that; outside a launch there is nothing to ask."""
    with launching(RunningJobs(tmp_path), [1, 4, 9], 30.0) as current:
        assert current_launch() is current
        assert current.find_to_start(0, 5) == [1, 4]
    with pytest.raises(RuntimeError, match="no sweep is being launched"):
        current_launch()


def test_jobs_that_are_left_behind_are_named_with_how_to_stop_and_rejoin_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bound that passes raises nothing; an interruption would be passed on to the queue."""
    monkeypatch.setitem(QUEUES, "idle", QueueKind("nowhere:nothing", "stop {ids}"))
    queue, ended = IdleQueue(), [0, 3]
    jobs = RunningJobs(tmp_path)
    for number in ended:
        with jobs.running(number):
            pass
    with launching(jobs, range(4), 30.0) as current:
        current.note_queued(QueuedJobs("idle", {number: f"x{number}" for number in range(4)}))
        assert current.wait(ended, queue, {}).ended_by is WaitEnd.DECIDED
        assert current.notes == []
        waited = current.wait([1, 2], queue, {"queue_timeout_min": 0})
        current.interruption.forward()
    assert waited.ended_by is WaitEnd.QUEUE_TIMEOUT
    assert queue.interrupted == [1, 2]
    assert current.waited is not None
    assert current.waited.states == {
        0: JobState.ENDED, 1: JobState.WAITING, 2: JobState.WAITING, 3: JobState.ENDED
    }  # fmt: skip
    (note,) = current.notes
    assert note.startswith("jobs 1, 2, in the queue as x1, x2: ")
    assert note.endswith(f"; stop them with: stop x1 x2; rejoin them with: evalkit resume {tmp_path}")
    assert "evalkit: jobs: 2 wait, 0 run, 0 ended, 0 lost" in capsys.readouterr().err
