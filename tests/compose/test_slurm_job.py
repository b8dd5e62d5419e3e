"""What becomes of a job that Slurm ends: whether it comes again, and who sees to it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from slurm_programs import SlurmPrograms

from evalkit.compose.slurm_job import SlurmJobEnd

TOLD = "JobId=14 ArrayJobId=12 ArrayTaskId=0 JobState=RUNNING Requeue=1 Restarts={} ExitCode=0:0 PreemptTime={}\n"
SHOW = "scontrol --oneliner show job 14"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SlurmPrograms:
    """Slurm's programs, none of which is there yet."""
    return SlurmPrograms(tmp_path, monkeypatch)


def _job(tmp_path: Path, *, restarts: int = 0, max_num_timeout: int = 0, said: list[str] | None = None) -> SlurmJobEnd:
    environ = {"SLURM_JOB_ID": "14", "SLURM_RESTART_COUNT": str(restarts)}
    tell = [] if said is None else said
    return SlurmJobEnd(environ, tmp_path / "14_timeouts", max_num_timeout, tell.append)


def _warn(job: SlurmJobEnd) -> None:
    """Let its time be nearly up, twice."""
    with job.taking_signals(signal.SIGUSR2):
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR2)


def test_both_signals_interrupt_and_are_given_back(programs: SlurmPrograms, tmp_path: Path) -> None:
    """The warning once, and with a word; what stood there before stands there again."""
    before = (signal.getsignal(signal.SIGUSR2), signal.getsignal(signal.SIGTERM))
    said: list[str] = []
    job = _job(tmp_path, said=said)
    _warn(job)
    assert len(said) == 1
    with job.taking_signals(signal.SIGUSR2), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)
    assert (signal.getsignal(signal.SIGUSR2), signal.getsignal(signal.SIGTERM)) == before
    assert programs.calls == []


def test_one_that_was_put_back_comes_again(programs: SlurmPrograms, tmp_path: Path) -> None:
    """It has been restarted once more than this process knows; one that was cancelled has not."""
    programs.answer("scontrol", TOLD.format(3, "None"))
    assert _job(tmp_path, restarts=2).comes_again()
    assert not _job(tmp_path, restarts=3).comes_again()
    assert programs.calls == [SHOW, SHOW]


def test_one_of_which_nobody_tells_may_come_again(programs: SlurmPrograms, tmp_path: Path) -> None:
    """Its place in the queue will tell, once somebody answers."""
    programs.answer("scontrol", failure="Unable to contact slurm controller (connect failure)")
    assert _job(tmp_path).comes_again()


def test_one_that_has_a_while_to_make_room_puts_itself_back(programs: SlurmPrograms, tmp_path: Path) -> None:
    """Ending in time it would be taken for done."""
    programs.answer("scontrol", TOLD.format(0, "2026-11-29T01:00:00"))
    job = _job(tmp_path)
    with job.taking_signals(signal.SIGUSR2):
        assert job.comes_again()
        os.kill(os.getpid(), signal.SIGTERM)  # Slurm's answer: it is about to end anyway
    assert programs.calls == [SHOW, "scontrol requeue 14"]


def test_one_whose_time_was_up_comes_again_as_often_as_allowed(programs: SlurmPrograms, tmp_path: Path) -> None:
    """Counted over its starts; never where nothing is allowed, or where it was not for the time."""
    programs.answer("scontrol", TOLD.format(0, "None"))
    again = []
    for _ in range(3):
        job = _job(tmp_path, max_num_timeout=2)
        _warn(job)
        with job.taking_signals(signal.SIGUSR2):
            again.append(job.comes_again())
    assert again == [True, True, False]
    job = _job(tmp_path, max_num_timeout=9)
    assert not job.comes_again()
    assert programs.calls.count("scontrol requeue 14") == 2
