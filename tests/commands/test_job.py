"""One job never takes a sweep down, whatever it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalkit.commands import job
from evalkit.compose import Destination, Job
from evalkit.errors import DataError
from evalkit.store.run_directory import RunDirectory


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("boom"), "failed", 70),
        (SystemExit(3), "failed", 70),
        (DataError("cases.csv: gone"), "failed", 2),
    ],
)
def test_a_job_that_dies_says_so_in_its_status_and_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: str, code: int
) -> None:
    """An exception, even sys.exit, becomes a status file; the next job of the sweep runs."""

    def die(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(job, "_run_stations", die)
    job.run_job(Job(0, (), {}), Destination(tmp_path, tmp_path))
    found = RunDirectory(tmp_path).read_status()
    assert found is not None
    assert (found["status"], found["exit_code"]) == (status, code)


def test_an_interruption_is_noted_and_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C must end the sweep, and leave the job as interrupted."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "_run_stations", interrupt)
    with pytest.raises(KeyboardInterrupt):
        job.run_job(Job(0, (), {}), Destination(tmp_path, tmp_path))
    found = RunDirectory(tmp_path).read_status()
    assert found is not None
    assert (found["status"], found["exit_code"]) == ("interrupted", 130)
