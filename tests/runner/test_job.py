"""One job never takes a sweep down, whatever it does."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import DataError, ServiceStartError
from evalkit.runner import job
from evalkit.runner.jobs import Destination, Job, packaged_source
from evalkit.runner.prepare import prepare
from evalkit.store.run_directory import RunDirectory

_LIMITS = prepare(plan(["max_examples=1"], packaged_source()).jobs[0].config, Path.cwd(), {}).settings.limits


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("boom"), "failed", 70),
        (SystemExit(3), "failed", 70),
        (DataError("cases.csv: gone"), "failed", 2),
        (ServiceStartError("not ready after 60 s"), "failed", 3),
    ],
)
def test_a_job_that_dies_says_so_in_its_status_and_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: str, code: int
) -> None:
    """An exception, even sys.exit, becomes a status file; the next job of the sweep runs."""

    def die(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(job, "_run_steps", die)
    job.run_job(Job(0, (), {}), Destination(tmp_path, tmp_path))
    found = RunDirectory(tmp_path).read_status()
    assert found is not None
    assert (found["status"], found["exit_code"]) == (status, code)


def test_an_interruption_is_noted_and_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C must end the sweep, and leave the job as interrupted."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "_run_steps", interrupt)
    with pytest.raises(KeyboardInterrupt):
        job.run_job(Job(0, (), {}), Destination(tmp_path, tmp_path))
    found = RunDirectory(tmp_path).read_status()
    assert found is not None
    assert (found["status"], found["exit_code"]) == ("interrupted", 130)


def test_jobs_of_a_sweep_share_what_they_spend_and_a_run_alone_does_not(tmp_path: Path) -> None:
    """limits.max_cost_usd is held against what all jobs spent, and after a resume against what was spent before."""
    limits = replace(_LIMITS, max_cost_usd=1.0)
    first, second = (Destination(tmp_path / name, tmp_path, in_sweep=True) for name in ("0_a", "1_b"))
    one = Job(0, (), {"limits": {"requests_in_flight": None}})
    job._open_quota(one, first, limits, 0.0).add_spent_usd(0.75)
    assert job._open_quota(one, second, limits, 0.0).spent_usd() == 0.75
    alone = job._open_quota(one, Destination(tmp_path / "run", tmp_path), limits, 0.25)
    assert alone.spent_usd() == 0.25


async def test_a_number_of_slots_that_nobody_named_is_each_machines(tmp_path: Path) -> None:
    """A language model on each of them is asked one thing at a time; a number on the line is the whole sweep's."""
    limits = replace(_LIMITS, requests_in_flight=1)
    for named in (None, 1):
        one = Job(0, (), {"limits": {"requests_in_flight": named}})
        quota = job._open_quota(
            one, Destination(tmp_path / f"named-{named}" / "0_a", tmp_path, in_sweep=True), limits, 0
        )
        with closing(quota):
            async with quota.slot():
                pass
    assert [path.name for path in (tmp_path / "named-1" / ".quota").glob("slots*")] == ["slots"]
    (own,) = (tmp_path / "named-None" / ".quota").glob("slots*")
    assert own.name.startswith("slots-")
