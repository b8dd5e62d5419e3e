"""A queue that another process has filled is found again, or never answers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from evalkit.compose.queues import QUEUES, QueueKind, find_stop_command, open_queue
from evalkit.runner.job_watch import QueueState
from evalkit.store.running_jobs import QueuedJobs, RunningJobs

HERE = f"{__name__}:open_known"


class KnownQueue:
    """Has what it was given."""

    def __init__(self, queued: QueuedJobs) -> None:
        self.queued = queued

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Answer."""
        return {number: QueueState.RUNNING if number in self.queued.ids else QueueState.GONE for number in numbers}


def open_known(root: Path, queued: QueuedJobs) -> KnownQueue | None:
    """Open it, unless the sweep's root says that it is out of reach."""
    if (root / "broken").exists():
        raise OSError("no cluster")
    return None if (root / "away").exists() else KnownQueue(queued)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep whose jobs were given to a queue."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules[open_known.__module__])
    monkeypatch.setitem(QUEUES, "known", QueueKind(HERE, "stop {ids} please"))
    RunningJobs(tmp_path).note_queued(QueuedJobs("known", {3: "x3"}))
    return tmp_path


def test_a_queue_is_found_by_what_it_was_given(root: Path) -> None:
    """With how a person stops jobs in it."""
    queue = open_queue(root)
    assert queue is not None
    assert queue.ask([3, 4]) == {3: QueueState.RUNNING, 4: QueueState.GONE}
    assert find_stop_command("known") == "stop {ids} please"
    assert find_stop_command("unknown") == find_stop_command(None) == ""


@pytest.mark.parametrize("trouble", ["away", "broken"])
def test_a_queue_out_of_reach_never_answers(root: Path, trouble: str) -> None:
    """So that nothing in it is taken for lost; nor in one that nobody here knows."""
    (root / trouble).touch()
    queue = open_queue(root)
    assert queue is not None
    assert queue.ask([3]) is None
    RunningJobs(root).note_queued(QueuedJobs("another", {3: "x3"}))
    queue = open_queue(root)
    assert queue is not None
    assert queue.ask([3]) is None


def test_jobs_that_were_put_nowhere_have_no_queue(tmp_path: Path) -> None:
    """They were started from where the sweep was."""
    assert open_queue(tmp_path) is None
