"""What is made of Slurm's words; `tests/e2e/test_slurm.py` has them from a real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from slurm_programs import SlurmPrograms

from evalkit.compose.slurm_queue import (
    SLURM,
    SlurmQueue,
    expand_ids,
    find_array_limit,
    open_queue,
    read_own_job,
    signal_jobs,
)
from evalkit.runner.job_watch import QueueState
from evalkit.store.running_jobs import QueuedJobs

AWAY = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
UNKNOWN = "slurm_load_jobs error: Invalid job id specified"
WAITS, RUNS, GONE = QueueState.WAITING, QueueState.RUNNING, QueueState.GONE


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlurmPrograms:
    """Slurm's programs, none of which is there yet."""
    return SlurmPrograms(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        *((state, WAITS) for state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")),
        *((state, RUNS) for state in ("RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "A_WORD_OF_LATER_YEARS")),
        *((state, GONE) for state in ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")),
    ],
)
def test_every_word_is_of_a_job_that_waits_runs_or_is_gone(
    programs: SlurmPrograms, state: str, expected: QueueState
) -> None:
    """One that is not known is of a job that Slurm has not done with."""
    programs.answer("squeue", f"12_3 {state}\n")
    assert SlurmQueue({7: "12_3"}).ask([7]) == {7: expected}


def test_all_jobs_are_asked_for_in_one_call(programs: SlurmPrograms, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a user's own settings of the program are; one that the answer does not name is gone."""
    monkeypatch.setenv("SQUEUE_STATES", "RUNNING")
    programs.answer("squeue", "12_0 RUNNING\n12_1 PENDING\n13 PENDING\n99 RUNNING\n")
    queue = SlurmQueue({0: "12_0", 1: "12_1", 2: "12_2", 3: "13"})
    assert queue.ask(range(5)) == {0: RUNS, 1: WAITS, 2: GONE, 3: WAITS, 4: GONE}
    (call,) = programs.calls
    assert call.endswith("--jobs=12,13")


def test_a_controller_that_knows_none_of_them_has_answered(programs: SlurmPrograms) -> None:
    """It says so by an error where it is asked for one job or array only."""
    programs.answer("squeue", failure=UNKNOWN)
    assert SlurmQueue({0: "12"}).ask([0]) == {0: GONE}


def test_a_controller_that_is_away_has_not_answered(programs: SlurmPrograms) -> None:
    """Nor has one that takes too long, nor a program that is not there."""
    queue = SlurmQueue({0: "12"}, answer_within_s=0.5)
    assert queue.ask([0]) is None
    programs.answer("squeue", failure=AWAY)
    assert queue.ask([0]) is None
    programs.answer("squeue", "12 RUNNING\n", takes_s=5.0)
    assert queue.ask([0]) is None


def test_accounting_is_believed_of_ends_while_the_controller_is_away(programs: SlurmPrograms) -> None:
    """What it says of jobs that go on may be old."""
    programs.answer("squeue", failure=AWAY)
    programs.answer("sacct", "12_0|COMPLETED|0:0\n12_[1-2%2]|CANCELLED by 0|0:0\n13|RUNNING|0:0\n")
    queue = SlurmQueue({0: "12_0", 1: "12_1", 2: "12_2", 3: "13"})
    assert queue.ask([0, 1, 2]) == {0: GONE, 1: GONE, 2: GONE}
    assert queue.ask([0, 3]) is None


def test_how_a_job_ended_is_told_by_accounting_else_by_the_controller(programs: SlurmPrograms) -> None:
    """In Slurm's words; nothing where nobody knows it any more."""
    queue = SlurmQueue({0: "12_0", 1: "12_1"})
    assert queue.explain([0]) == {0: ""}
    programs.answer("sacct", failure="Slurm accounting storage is disabled")
    line = "JobId={} ArrayJobId=12 ArrayTaskId={} JobName=evalkit JobState={} Reason=None Restarts=0 ExitCode={}\n"
    programs.answer("scontrol", line.format(14, 0, "FAILED", "9:0") + line.format(12, 1, "CANCELLED", "0:15"))
    assert queue.explain([0, 1]) == {0: "FAILED, exit code 9:0", 1: "CANCELLED, exit code 0:15"}
    programs.answer("scontrol", line.format(14, 0, "FAILED", "9:0") + line.format(12, 4294967294, "CANCELLED", "0:0"))
    assert queue.explain([0, 1]) == {0: "FAILED, exit code 9:0", 1: "CANCELLED, exit code 0:0"}
    programs.answer("sacct", "12_0|OUT_OF_MEMORY|0:125\n")
    assert queue.explain([0, 1]) == {0: "OUT_OF_MEMORY, exit code 0:125", 1: ""}


def test_the_job_of_this_process_is_read(programs: SlurmPrograms) -> None:
    """Its restarts, and whether another job takes its place."""
    assert read_own_job("14") is None
    others = "JobId=15 ArrayJobId=14 ArrayTaskId=1 JobState=RUNNING Requeue=1 Restarts=7 ExitCode=0:0\n"
    text = others + "JobId=14 ArrayJobId=14 ArrayTaskId=0 JobState=RUNNING Restarts=2 ExitCode=0:0 PreemptTime={}\n"
    programs.answer("scontrol", text.format("None"))
    told = read_own_job("14")
    assert told is not None
    assert (told.restarts, told.is_preempted) == (2, False)
    programs.answer("scontrol", text.format("2026-11-29T01:00:00"))
    told = read_own_job("14")
    assert told is not None
    assert told.is_preempted


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("12", ["12"]),
        ("12_3", ["12_3"]),
        ("12_[4-6%2]", ["12_4", "12_5", "12_6"]),
        ("12_[1,3-4,8]", ["12_1", "12_3", "12_4", "12_8"]),
        ("12_[0-6:3]", ["12_0", "12_3", "12_6"]),
    ],
)
def test_a_name_stands_for_jobs(name: str, expected: list[str]) -> None:
    """Those that wait together have one."""
    assert list(expand_ids(name)) == expected


@pytest.mark.parametrize("name", ["", "12_[1,3,...]", "12_[]", "12.batch", "12_[-4]"])
def test_what_is_no_name_is_not_guessed_at(name: str) -> None:
    """A name that was cut short, for one."""
    with pytest.raises(ValueError, match="is not a job's id"):
        list(expand_ids(name))


def test_a_queue_is_opened_where_slurm_is(programs: SlurmPrograms, tmp_path: Path) -> None:
    """On a machine without it nobody can be asked."""
    queued = QueuedJobs(SLURM, {0: "12"})
    assert open_queue(tmp_path, queued) is None
    programs.answer("squeue", "12 RUNNING\n")
    queue = open_queue(tmp_path, queued)
    assert queue is not None
    assert queue.ask([0]) == {0: RUNS}


def test_jobs_are_interrupted_by_name(programs: SlurmPrograms) -> None:
    """As Ctrl-C would, all in one call; where nobody hears it, nothing is raised."""
    signal_jobs(["12_0"])
    programs.answer("scancel")
    signal_jobs(["12_0", "12_1"])
    assert programs.calls == ["scancel --quiet --signal=INT 12_0 12_1"]


def test_the_largest_array_is_slurms_to_say(programs: SlurmPrograms) -> None:
    """By itself it is 1001 jobs."""
    assert find_array_limit() == 1001
    programs.answer("scontrol", "ClusterName            = evalkit\nMaxArraySize            = 5\nMaxJobCount = 10000\n")
    assert find_array_limit() == 5
