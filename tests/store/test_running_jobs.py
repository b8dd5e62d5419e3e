"""A job that runs is known by a lock that dies with its process, never by a number somebody else may have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit.store import running_jobs
from evalkit.store.running_jobs import QueuedJobs, RunningJobs

HOLD = """
import pathlib, sys
from evalkit.store.running_jobs import RunningJobs
with RunningJobs(pathlib.Path(sys.argv[1])).running(3):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_job_is_running_for_as_long_as_its_process_says(tmp_path: Path) -> None:
    """And has begun for ever after."""
    jobs = RunningJobs(tmp_path)
    assert not jobs.has_begun(0)
    with jobs.running(0):
        assert jobs.find_pids() == {0: os.getpid()}
    assert jobs.find_pids() == {}
    assert jobs.has_begun(0)


def test_a_killed_job_is_not_running(tmp_path: Path) -> None:
    """Its mark stays, its lock does not: nobody signals a stranger that got its process id."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert RunningJobs(tmp_path).find_pids() == {3: process.pid}
        process.kill()
        process.wait()
        assert RunningJobs(tmp_path).find_pids() == {}
        assert RunningJobs(tmp_path).has_begun(3)


def test_a_job_of_another_machine_is_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process id means nothing there."""
    jobs = RunningJobs(tmp_path)
    with jobs.running(0):
        monkeypatch.setattr(running_jobs, "host_identity", lambda: "another")
        assert jobs.find_pids() == {}


def test_a_stop_holds_until_jobs_are_forgotten(tmp_path: Path) -> None:
    """A sweep that is finished later may begin jobs again."""
    jobs = RunningJobs(tmp_path)
    with jobs.running(1):
        jobs.stop()
    assert jobs.is_stopped
    jobs.forget([1])
    assert not jobs.is_stopped
    assert not jobs.has_begun(1)


def test_one_look_tells_which_jobs_have_begun_and_which_have_ended(tmp_path: Path) -> None:
    """Whatever else lies in the folder; before the first there is no folder."""
    jobs = RunningJobs(tmp_path)
    assert jobs.list_marks() == (frozenset(), frozenset())
    jobs.note_queued(QueuedJobs("somebody's", {4: "x4"}))
    with jobs.running(12):
        pass
    with jobs.running(3):
        assert jobs.list_marks() == ({3, 12}, {12})


def test_a_queue_is_asked_no_more_for_jobs_that_are_forgotten(tmp_path: Path) -> None:
    """They are started anew, elsewhere perhaps; what the same queue is given later is added, another's replaces it."""
    jobs = RunningJobs(tmp_path)
    jobs.note_queued(QueuedJobs("slow", {1: "x1", 2: "x2"}))
    jobs.forget([2, 7])
    assert jobs.find_queued() == QueuedJobs("slow", {1: "x1"})
    jobs.note_queued(QueuedJobs("slow", {3: "y3"}))
    assert jobs.find_queued() == QueuedJobs("slow", {1: "x1", 3: "y3"})
    jobs.note_queued(QueuedJobs("quick", {3: "z3"}))
    assert jobs.find_queued() == QueuedJobs("quick", {3: "z3"})


def test_an_interrupted_job_has_ended_unless_its_queue_starts_it_again(tmp_path: Path) -> None:
    """Only then is it asked; started again, it has not ended until it does."""
    jobs = RunningJobs(tmp_path)
    asked: list[bool] = []

    def comes_again() -> bool:
        asked.append(True)
        return True

    with pytest.raises(KeyboardInterrupt), jobs.running(0, comes_again=comes_again):
        raise KeyboardInterrupt
    assert not jobs.has_ended(0)
    assert asked
    with pytest.raises(KeyboardInterrupt), jobs.running(0):
        raise KeyboardInterrupt
    assert jobs.has_ended(0)
    asked.clear()
    with jobs.running(0, comes_again=comes_again):
        assert not jobs.has_ended(0)
    assert jobs.has_ended(0)
    assert not asked
