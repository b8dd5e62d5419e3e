"""How jobs stand while their sweep goes on, and after it was left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_clock import FakeClock

from evalkit.compose import sweep_standing
from evalkit.compose.sweep_standing import describe_jobs, describe_standing, find_states, judge_entries
from evalkit.runner.job_watch import JobState, JobWatch
from evalkit.store import running_jobs
from evalkit.store.host import host_identity
from evalkit.store.launching_process import launching_alone
from evalkit.store.run_directory import RunDirectory, RunStatus
from evalkit.store.running_jobs import QueuedJobs, RunningJobs

KILLED = """
import os, pathlib, signal, sys
from evalkit.store.running_jobs import RunningJobs
with RunningJobs(pathlib.Path(sys.argv[1])).running(int(sys.argv[2])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _kill(root: Path, number: int) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(root), str(number)], check=False, timeout=60)


def _entries(root: Path, statuses: Sequence[str], code: int | None = None) -> list[dict[str, Any]]:
    return [
        {"job": number, "overrides": [], "directory": str(root / f"{number}_x"), "status": status, "exit_code": code}
        for number, status in enumerate(statuses)
    ]


def _say_status(root: Path, number: int, status: RunStatus, code: int | None) -> None:
    (root / f"{number}_x").mkdir()
    RunDirectory(root / f"{number}_x").write_status(status, exit_code=code, counts={})


def _judge(root: Path, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return judge_entries(root, entries, {entry["job"]: entry["directory"] for entry in entries})


def _statuses(entries: Sequence[dict[str, Any]]) -> list[str]:
    return [entry["status"] for entry in entries]


def test_a_sweep_that_goes_on(tmp_path: Path) -> None:
    """The index still says planned; a running job is never taken for lost or finished."""
    jobs = RunningJobs(tmp_path)
    _say_status(tmp_path, 0, RunStatus.COMPLETED, 0)
    _say_status(tmp_path, 1, RunStatus.RUNNING, None)
    _say_status(tmp_path, 2, RunStatus.RUNNING, None)
    _kill(tmp_path, 2)
    with launching_alone(tmp_path, FakeClock(), lost_after_s=60, say=print), jobs.running(1):
        found = _judge(tmp_path, _entries(tmp_path, ["planned"] * 4))
    assert _statuses(found) == ["completed", "running", "lost", "waiting"]
    assert [entry["exit_code"] for entry in found] == [0, None, None, None]
    assert describe_standing(found) == "1 wait, 1 run, 1 ended, 1 lost"


def test_a_sweep_whose_launching_process_is_gone(tmp_path: Path) -> None:
    """What was never begun waits for nobody, unless a queue has it; one that was resumed and waits again does."""
    jobs = RunningJobs(tmp_path)
    jobs.note_queued(QueuedJobs("nobody's", {1: "x1", 2: "x2"}))
    _say_status(tmp_path, 1, RunStatus.INTERRUPTED, 130)
    with jobs.running(3):
        _say_status(tmp_path, 3, RunStatus.FAILED, 3)
    found = _judge(tmp_path, _entries(tmp_path, ["planned"] * 4))
    assert _statuses(found) == ["not_started", "waiting", "waiting", "failed"]
    assert describe_standing(found) == "2 wait, 0 run, 1 ended, 0 lost, 1 not started"


def test_what_a_closed_sweep_has_found_holds(tmp_path: Path) -> None:
    """Nobody is waited for: what was lost is lost, also by the name that it had in earlier versions."""
    _say_status(tmp_path, 0, RunStatus.COMPLETED, 0)
    _say_status(tmp_path, 1, RunStatus.RUNNING, None)
    entries = _entries(tmp_path, ["completed", "lost", "vanished", "not_started"], 70)
    found = _judge(tmp_path, entries)
    assert _statuses(found) == ["completed", "lost", "vanished", "not_started"]
    assert describe_standing(found).endswith("1 ended, 2 lost, 1 not started")
    assert describe_standing(_entries(tmp_path, ["completed", "failed"])) == ""


def test_a_resume_that_was_killed_leaves_jobs_that_go_on(tmp_path: Path) -> None:
    """The index still has what was found before; a job that failed before it could say of what it was made, failed."""
    (tmp_path / ".jobs").mkdir()
    (tmp_path / ".jobs" / "launcher.json").write_text(json.dumps({"pid": 1, "host": host_identity()}))
    left = [(RunStatus.FAILED, 2), (RunStatus.RUNNING, None), (RunStatus.RUNNING, None)]
    for number, (status, code) in enumerate(left):
        _say_status(tmp_path, number, status, code)
    entries = _entries(tmp_path, ["failed", "interrupted", "lost", "not_started"], 70)
    folders = {entry["job"]: entry["directory"] for entry in entries}
    entries[0]["directory"] = None
    with RunningJobs(tmp_path).running(1):
        found = judge_entries(tmp_path, entries, folders)
    assert _statuses(found) == ["failed", "running", "lost", "not_started"]


def test_a_job_of_another_machine_is_looked_at_until_it_is_sure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One whose counter moves is sure at once, one whose counter does not after the time that makes it lost."""
    jobs, clock = RunningJobs(tmp_path), FakeClock()
    for number in (0, 1):
        _kill(tmp_path, number)
    monkeypatch.setattr(running_jobs, "host_identity", lambda: "another")

    def sleep(seconds: float) -> None:
        clock.now_s += seconds
        jobs.beat_path(0).write_bytes(b"%012d" % clock.now_s)

    monkeypatch.setattr(sweep_standing.time, "sleep", sleep)
    watch = JobWatch(jobs, 60, clock)
    assert find_states(tmp_path, [0, 1], 60, watch) == {0: JobState.RUNNING, 1: JobState.LOST}
    assert "looking for up to 60 s for signs of life of jobs 0, 1" in capsys.readouterr().err
    assert json.loads((tmp_path / ".jobs" / "0.json").read_text())["host"] != "another"
    assert describe_jobs([4]) == "job 4"
