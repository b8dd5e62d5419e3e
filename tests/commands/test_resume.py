"""`evalkit resume` says what it cannot do, and what is another today, before anything is done; e2e resumes runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.cli import main
from evalkit.commands import resume
from evalkit.compose.planning import plan
from evalkit.runner.jobs import Destination, Job, packaged_source
from evalkit.runner.sweep import begin_sweep
from evalkit.store.run_directory import RunDirectory, RunStatus


class Jobs:
    """Stands for running: remembers which jobs were to be finished, and ends them well."""

    def __init__(self) -> None:
        self.ran: list[tuple[Job, Destination, bool]] = []

    def __call__(self, job: Job, destination: Destination, *, rerun_changed: bool) -> None:
        self.ran.append((job, destination, rerun_changed))
        RunDirectory(destination.run_dir).write_status(RunStatus.COMPLETED, exit_code=0, counts={})


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Nothing is really run."""
    found = Jobs()
    monkeypatch.setattr(resume, "run_job", found)
    monkeypatch.setattr(resume, "_log_into", lambda _: None)
    return found


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "resume: needs a run's or sweep's directory"),
        (["chunk_ms=40"], "resume: needs a run's or sweep's directory"),
        (["{run}", "--rerun-changed", "--keep-changed"], "--keep-changed: excludes --rerun-changed"),
        (["{run}/nowhere"], "is no directory; expected one that a run or a sweep wrote"),
        (["{run}", "chunk_ms=40"], "For another run write: evalkit rerun {run} chunk_ms=40"),
        (["{run}", "-m", "concurrency=1,2"], "resume: -m: leave it out; it would make it another run"),
        (["{run}", "-c", "job"], "would make it another run"),
    ],
)
def test_a_line_that_resume_cannot_follow_is_answered(
    make_run: Any, jobs: Jobs, capsys: pytest.CaptureFixture[str], args: list[str], words: str
) -> None:
    """With what may be changed, or the line that does it; nothing is run and nothing written."""
    run = make_run("a").root
    before = (run / "status.json").read_bytes()
    assert main(["resume", *(arg.format(run=run) for arg in args)]) == 2
    assert words.format(run=run) in capsys.readouterr().err
    assert jobs.ran == []
    assert (run / "status.json").read_bytes() == before


def test_what_is_another_today_is_named_and_nothing_is_done(
    make_run: Any, jobs: Jobs, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first of them, how many more there are, and the two answers that a line can give."""
    assert main(["resume", str(make_run("a").root)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert sum("changed since it was run" in line for line in told) == 10
    assert "and 2 more" in told[-2]
    assert "write --rerun-changed to run what changed again, or --keep-changed to leave it as it is" in told[-1]
    assert jobs.ran == []


@pytest.mark.parametrize(("flag", "reruns"), [("--rerun-changed", True), ("--keep-changed", False)])
def test_the_line_decides_what_becomes_of_it(
    make_run: Any, jobs: Jobs, capsys: pytest.CaptureFixture[str], flag: str, reruns: bool
) -> None:
    """In place; the directory is the last line on stdout, the exit code the run's."""
    run = make_run("a").root
    assert main(["resume", str(run), flag, "concurrency=2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(run)
    ((job, destination, rerun_changed),) = jobs.ran
    assert (destination.run_dir, destination.in_sweep, rerun_changed) == (run, False, reruns)
    assert job.config["concurrency"] == 2


def test_a_run_that_never_began_has_no_changes(make_run: Any, jobs: Jobs) -> None:
    """It was killed before its provenance was written: all of it is left to do."""
    run = make_run("a").root
    (run / "provenance.json").unlink()
    assert main(["resume", str(run)]) == 0
    assert len(jobs.ran) == 1


def test_a_sweep_whose_line_makes_other_jobs_is_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preset that has changed since would put results under the wrong names."""
    monkeypatch.chdir(tmp_path)  # where a sweep is resumed
    planned = plan(["seed=1,2"], packaged_source(), multirun=True)
    root = tmp_path / "sweep"
    root.mkdir()
    begin_sweep(planned, root, working_dir=tmp_path, config_sha256=["a", "b"])
    stored = json.loads((root / "plan.json").read_text())
    stored["overrides"] = ["seed=1,2,3"]
    (root / "plan.json").write_text(json.dumps(stored))
    assert main(["resume", str(root)]) == 2
    assert "its line composes 3 jobs now, not 2" in capsys.readouterr().err
