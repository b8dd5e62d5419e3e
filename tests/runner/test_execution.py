"""A planned line from the first check to its exit code, with a launcher that writes what a job would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError, LaunchError
from evalkit.runner import execution
from evalkit.runner.execution import execute, exit_code_of, launch_jobs
from evalkit.runner.jobs import Launched, Plan, RunJob, packaged_source
from evalkit.store.run_directory import RunDirectory, RunStatus

GRADERS = "mode.graders=[tool_call]"
HOSTED = ("provider=openai", "provider@speech.provider=openai")
MODELS = frozenset({"local-agent", "local-speech", "local-voice", "local-judge", "local-transcription"})


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[Any]]:
    """Stands for the embedded provider: remembers what was asked of it."""
    asked: list[list[Any]] = []

    @contextmanager
    def shared(services: Any, *, engines: Any) -> Iterator[frozenset[str]]:
        asked.append([list(services), set(engines)])
        yield MODELS

    monkeypatch.setattr(execution, "shared_services", shared)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    monkeypatch.chdir(tmp_path)
    return asked


def _plan(*overrides: str, multirun: bool = False) -> Plan:
    return plan(["max_examples=1", GRADERS, *overrides], packaged_source(), multirun=multirun)


def _ending(
    codes: Mapping[int, int], then: Callable[[], object] = lambda: None
) -> Callable[[Plan, RunJob, Path], Launched]:
    """Return a launcher whose jobs end with these codes by number; a job without one is lost."""

    def launch(planned: Plan, run_job: RunJob, directory: Path) -> Launched:
        for job in planned.jobs:
            folder = directory / job.directory_name if planned.multirun else directory
            folder.mkdir(parents=True, exist_ok=True)
            if job.number in codes:
                code = codes[job.number]
                status = RunStatus.COMPLETED if code == 0 else RunStatus.FAILED
                RunDirectory(folder).write_status(status, exit_code=code, counts={})
        then()
        return Launched()

    return launch


def _interrupt() -> Launched:
    raise KeyboardInterrupt


@pytest.mark.parametrize("code", [0, 1, 3, 4])
def test_a_runs_exit_code_is_what_its_status_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, code: int
) -> None:
    """And its directory, named for mode and subject, is the one line on stdout."""
    assert execute(_plan(), _ending({0: code})) == code
    (line,) = capsys.readouterr().out.splitlines()
    directory = Path(line)
    assert directory.is_dir()
    assert directory.name.endswith("crawl_local-agent")
    assert directory.is_relative_to(tmp_path / "outputs")


def test_a_run_that_says_nothing_is_lost() -> None:
    """That is a defect, never a good end; so is one that still calls itself running."""
    assert execute(_plan(), _ending({})) == 70


def test_a_status_without_a_code_is_no_good_end(tmp_path: Path) -> None:
    """Whoever wrote it died before the end."""
    run = RunDirectory(tmp_path)
    assert exit_code_of(run) == 70
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={})
    assert exit_code_of(run) == 70
    run.write_status(RunStatus.GATE_FAILED, exit_code=1, counts={})
    assert exit_code_of(run) == 1


def test_a_run_has_the_name_it_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    """Made safe for a directory."""
    execute(_plan("run_name='a b/c'"), _ending({0: 0}))
    assert "crawl_a-b-c-" in capsys.readouterr().out


def test_a_sweep_ends_as_its_worst_job_and_keeps_its_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """One directory for all; the plan and an index lie in it."""
    assert execute(_plan("seed=1,2", multirun=True), _ending({0: 0, 1: 3})) == 3
    directory = Path(capsys.readouterr().out.splitlines()[-1])
    assert {"plan.json", "index.jsonl"} <= {path.name for path in directory.iterdir()}


def test_an_interrupted_line_says_so_whatever_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    """130, and the directory all the same, so that it can be resumed."""
    assert execute(_plan(), _ending({0: 0}, _interrupt)) == 130
    assert Path(capsys.readouterr().out.splitlines()[-1]).is_dir()


def test_a_launcher_that_fails_is_told_and_the_jobs_are_judged_by_what_they_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What had been done stands."""

    def fail() -> Launched:
        raise LaunchError("job 1 ended without a word")

    assert launch_jobs(fail) == Launched()
    assert "job 1 ended without a word" in capsys.readouterr().err
    assert launch_jobs(_interrupt) == Launched(interrupted=True)


def test_services_are_those_that_jobs_need(served: list[list[Any]]) -> None:
    """With the engines of all of them together; none where nobody is served by them."""
    execute(_plan("mode=crawl,walk", multirun=True), _ending({0: 0, 1: 0}))
    execute(_plan(*HOSTED), _ending({0: 0}))
    (services, engines), (none, no_engines) = served
    assert len(services) == 2
    assert engines == {"speech", "transcription"}
    assert (none, no_engines) == ([], set())


def test_a_model_that_the_embedded_provider_does_not_have_starts_nothing(tmp_path: Path) -> None:
    """No directory is made, no job is launched."""
    with pytest.raises(ConfigError) as caught:
        execute(_plan("assistant.model=local-agnet"), _ending({0: 0}))
    (problem,) = caught.value.problems
    assert (
        "assistant.model: 'local-agnet' is not a model of the embedded provider; did you mean 'local-agent'?" in problem
    )
    assert not (tmp_path / "outputs").exists()


def test_a_judge_that_nobody_asks_may_be_called_anything() -> None:
    """Only what is used is looked for."""
    assert execute(_plan("judge.model=nobody"), _ending({0: 0})) == 0


def test_bad_data_starts_nothing(tmp_path: Path) -> None:
    """All jobs are prepared before a directory is made."""
    with pytest.raises(ConfigError):
        execute(_plan("mode.data_csv=gone.csv"), _ending({0: 0}))
    assert list(tmp_path.iterdir()) == []


def test_money_that_will_not_do_is_told_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    """For a run in a line, for a sweep with what it will take."""
    execute(_plan(*HOSTED, "limits.max_cost_usd=0.000001"), _ending({0: 0}))
    assert "will stop before it is done" in capsys.readouterr().err
    execute(_plan("seed=1,2", multirun=True), _ending({0: 0, 1: 0}))
    assert "2 jobs, 2 cases, 2 case-trials" in capsys.readouterr().err
