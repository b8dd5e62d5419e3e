"""A sweep counts the jobs it planned, not the ones that happened to report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evalkit.runner.job_wait import Waited, WaitEnd
from evalkit.runner.job_watch import JobState
from evalkit.runner.jobs import Job, Launched, Plan, packaged_source
from evalkit.runner.run_ending import ExitCode
from evalkit.runner.stored_plan import read_plan
from evalkit.runner.sweep import FoundJob, begin_sweep, finish_sweep, judge_job
from evalkit.store.run_directory import RunDirectory, RunStatus
from evalkit.store.running_jobs import QueuedJobs, RunningJobs


def _plan(count: int) -> Plan:
    return Plan(packaged_source(), (), True, tuple(Job(n, (f"chunk_ms={n}",), {}, f"{n}_x") for n in range(count)))  # noqa: FBT003


def _finish(root: Path, number: int, status: RunStatus, code: int | None) -> None:
    directory = root / _plan(number + 1).jobs[number].directory_name
    directory.mkdir()
    RunDirectory(directory).write_status(status, exit_code=code, counts={})


def test_a_job_that_was_lost_is_never_taken_for_a_good_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No directory, or a status that never left running: a defect, in the index and in the exit code."""
    _finish(tmp_path, 0, RunStatus.COMPLETED, 0)
    _finish(tmp_path, 1, RunStatus.RUNNING, None)
    assert finish_sweep(_plan(3), tmp_path) == ExitCode.DEFECT
    entries = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert [entry["status"] for entry in entries] == ["completed", "lost", "not_started"]
    assert [entry["exit_code"] for entry in entries] == [0, 70, 70]
    assert "1 of 3 jobs completed (1 lost, 1 not started)" in capsys.readouterr().err


def test_all_well_is_0(tmp_path: Path) -> None:
    """And every job is in the index with its overrides."""
    _finish(tmp_path, 0, RunStatus.COMPLETED, 0)
    assert finish_sweep(_plan(1), tmp_path) == ExitCode.OK
    assert json.loads((tmp_path / "index.jsonl").read_text())["overrides"] == ["chunk_ms=0"]


def test_what_a_sweep_would_run_is_on_disk_before_it_starts(tmp_path: Path) -> None:
    """The plan comes back as it was, and the index names every job and its folder as planned, not as done."""
    planned = _plan(2)
    begin_sweep(planned, tmp_path, working_dir=Path("/somewhere"), config_sha256=["aa", "bb"])
    assert read_plan(tmp_path).plan == planned
    entries = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert [(entry["status"], entry["exit_code"]) for entry in entries] == [("planned", None)] * 2
    assert [Path(entry["directory"]).name for entry in entries] == [job.directory_name for job in planned.jobs]
    assert [entry["config_sha256"] for entry in entries] == ["aa", "bb"]


def test_a_job_that_an_interruption_kept_from_beginning_is_no_defect(tmp_path: Path) -> None:
    """The sweep was interrupted, and so is its exit code; what was lost midway stays a defect in the index."""
    _finish(tmp_path, 0, RunStatus.INTERRUPTED, 130)
    with RunningJobs(tmp_path).running(1):
        pass
    assert finish_sweep(_plan(3), tmp_path, Launched(interrupted=True)) == ExitCode.INTERRUPTED
    entries = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert [(entry["status"], entry["exit_code"]) for entry in entries] == [
        ("interrupted", 130),
        ("lost", 70),
        ("not_started", 130),
    ]


def test_a_sweep_has_the_id_that_was_chosen_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone from the environment then, so that no job takes it for its own."""
    monkeypatch.setenv("EVALKIT_RUN_ID", "a" * 32)
    begin_sweep(_plan(1), tmp_path, working_dir=tmp_path, config_sha256=["aa"])
    assert json.loads((tmp_path / "plan.json").read_text())["sweep_id"] == "a" * 32
    assert "EVALKIT_RUN_ID" not in os.environ


@pytest.mark.parametrize(
    ("launched", "codes", "worst"),
    [
        (Launched(interrupted=True), (130, 130, 130), ExitCode.INTERRUPTED),
        (Launched(), (3, 3, 3), ExitCode.INFRASTRUCTURE),
    ],
)
def test_what_goes_on_when_the_command_ends_is_neither_lost_nor_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], launched: Launched, codes: tuple[int, ...], worst: ExitCode
) -> None:
    """It runs, or waits in its queue, and is said so; what the queue does not have any more has not started."""
    _finish(tmp_path, 0, RunStatus.RUNNING, None)
    _finish(tmp_path, 1, RunStatus.INTERRUPTED, 130)  # and was put into the queue once more
    states = {0: JobState.RUNNING, 1: JobState.WAITING, 2: JobState.WAITING}
    waited = Waited(states, WaitEnd.QUEUE_SILENT, frozenset({0, 1}))
    ended = Launched(launched.interrupted, waited, ("jobs 0, 1: …; rejoin them",))
    assert finish_sweep(_plan(3), tmp_path, ended) == worst
    entries = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert [entry["status"] for entry in entries] == ["running", "waiting", "not_started"]
    assert tuple(entry["exit_code"] for entry in entries) == codes
    told = capsys.readouterr().err
    assert "0 of 3 jobs completed (1 still running, 1 waiting in the queue, 1 not started)" in told
    assert "evalkit: jobs 0, 1: …; rejoin them" in told


def test_a_job_that_was_lost_is_named_with_its_last_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What its process printed where a queue has kept it, else its own log."""
    for number in (0, 1):
        _finish(tmp_path, number, RunStatus.RUNNING, None)
        (tmp_path / f"{number}_x" / "evalkit.log").touch()
    printed = tmp_path / ".submitit" / "42_0" / "42_0_0_log.err"
    printed.parent.mkdir(parents=True)
    printed.touch()
    RunningJobs(tmp_path).note_queued(QueuedJobs("submitit_slurm", {0: "42_0", 1: "42_1"}))
    lost = Launched(waited=Waited({0: JobState.LOST, 1: JobState.LOST}))
    assert finish_sweep(_plan(2), tmp_path, lost) == ExitCode.DEFECT
    told = capsys.readouterr().err
    assert f"job 0 lost (chunk_ms=0): {tmp_path / '0_x'}; what it said last: {printed}" in told
    assert f"what it said last: {tmp_path / '1_x' / 'evalkit.log'}" in told


@pytest.mark.parametrize(
    ("status", "found", "has_begun", "stands"),
    [
        (("completed", 0), FoundJob(JobState.LOST), True, ("completed", 0)),  # of a version that noted no end
        (("completed", 0), FoundJob(JobState.RUNNING), True, ("completed", 0)),
        (("interrupted", 130), FoundJob(JobState.RUNNING), True, ("running", None)),  # it was resumed
        (("interrupted", 130), FoundJob(JobState.WAITING), False, ("interrupted", 130)),
        (("interrupted", 130), FoundJob(JobState.WAITING, is_queued=True), False, ("waiting", None)),
        (("running", None), FoundJob(JobState.RUNNING), True, ("running", None)),
        (("running", None), FoundJob(JobState.ENDED), True, ("lost", None)),
        (None, FoundJob(JobState.RUNNING), True, ("running", None)),
        (None, FoundJob(JobState.LOST), True, ("lost", None)),
        (None, FoundJob(JobState.WAITING), False, ("not_started", None)),
        (None, FoundJob(JobState.LOST), False, ("not_started", None)),
    ],
)
def test_how_a_job_stands(
    status: tuple[str, int | None] | None, found: FoundJob, *, has_begun: bool, stands: tuple[str, int | None]
) -> None:
    """Its own word counts where it has come to an end and does not go on."""
    told = {"status": status[0], "exit_code": status[1]} if status else None
    assert judge_job(told, found, has_begun=has_begun) == stands
