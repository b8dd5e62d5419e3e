"""One run or a sweep, station by station: plan, prepare, serve, launch, judge the outcome.

Each job runs wherever a launcher puts it (:mod:`evalkit.commands.job`) and answers with files; the command reads
``status.json`` of every job it planned, so a job that vanished is never taken for a good one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from evalkit import compose
from evalkit.commands.embedded import engines_needed, shared_services
from evalkit.commands.forecasting import describe_sweep, forecast_job, warn_of_cost
from evalkit.commands.job import run_job
from evalkit.commands.line import parse_line
from evalkit.commands.prepare import Prepared, prepare
from evalkit.commands.sweep import begin_sweep, finish_sweep
from evalkit.commands.verdict import ExitCode
from evalkit.errors import ConfigError, UserError
from evalkit.settings.names import did_you_mean
from evalkit.settings.types import RunSettings
from evalkit.store.provenance import config_sha256
from evalkit.store.run_directory import RunDirectory

PrepareJob = Callable[[Mapping[str, Any], Path, Mapping[str, str]], Prepared]


def main(args: Sequence[str]) -> int:
    """Run what `args` compose and return the exit code. Raises UserError before anything is started or written."""
    line = parse_line(args)
    source = compose.packaged_source(line.config_dirs)
    if line.questions:
        problems = compose.find_override_problems(line.overrides, source, multirun=line.multirun)
        if problems:
            raise ConfigError(problems)
        compose.call_hydra([*_resolved(line.questions), *line.overrides], source, run_job)
        return ExitCode.OK
    return execute(compose.plan(line.overrides, source, multirun=line.multirun))


def execute(planned: compose.Plan) -> int:
    """Prepare all jobs of a plan, then launch them. The run's or sweep's directory is the last line on stdout."""
    prepared = prepare_all(planned, Path.cwd())
    settings = [job.settings for job in prepared]
    first = settings[0]
    for line in _foretell(planned, prepared):
        print(f"evalkit: {line}", file=sys.stderr)
    embedded = [job for job in settings if job.uses_embedded_provider]
    engines = frozenset[str]().union(*map(engines_needed, embedded))
    with shared_services([job.service for job in embedded], engines=engines) as models:
        require_embedded_models(settings, models)
        if planned.multirun:
            directory = RunDirectory.new_sweep_root(first.output_dir)
            hashes = [config_sha256(job.config, job.datasets) for job in prepared]
            begin_sweep(planned, directory, working_dir=Path.cwd(), config_sha256=hashes)
        else:
            name = first.run_name or first.assistant.model or "run"
            directory = RunDirectory.new_root(first.output_dir, f"{first.mode.name}_{compose.slug(name)}")
        was_interrupted = launch_jobs(planned, run_job, directory)
    if planned.multirun:
        code: int = finish_sweep(planned, directory, interrupted=was_interrupted)
    else:
        code = exit_code_of(RunDirectory(directory))
    print(directory)
    return ExitCode.INTERRUPTED if was_interrupted else code


def _foretell(planned: compose.Plan, prepared: Sequence[Prepared]) -> list[str]:
    """Return what to say before anything starts: what a sweep will run and take, and whether money will be short."""
    if planned.multirun:
        return describe_sweep(planned.jobs, prepared)
    return warn_of_cost(forecast_job(prepared[0]), [prepared[0].settings])


def launch_jobs(planned: compose.Plan, run: compose.RunJob, directory: Path, *, resumed: bool = False) -> bool:
    """Launch every job and return whether that was interrupted; how far they came stands in their status."""
    try:
        compose.launch(planned, run, directory, resumed=resumed)
    except KeyboardInterrupt:
        return True
    except compose.LaunchError as error:
        print(f"evalkit: {error}", file=sys.stderr)
    return False


def _resolved(questions: Sequence[str]) -> list[str]:
    """Return Hydra's own `questions`; a job's config is shown as it will run, file names filled in."""
    asks_for_job = "--cfg=job" in questions or any(
        flag in ("-c", "--cfg") and value == "job" for flag, value in pairwise(questions)
    )
    return [*questions, *(["--resolve"] if asks_for_job and "--resolve" not in questions else [])]


def require_embedded_models(
    settings: Sequence[RunSettings],
    models: frozenset[str],
    roles: Sequence[str] = ("assistant", "simulator", "judge", "speech"),
) -> None:
    """Raise ConfigError for every role that asks the embedded provider for a model it does not have."""
    asked = {
        (role, node.model)
        for job in settings
        for role in roles
        if (node := getattr(job, role)).provider.name == "local" and node.model is not None
    }
    problems = [
        f"{role}.model: {model!r} is no model of the embedded provider{did_you_mean(model, models)}; "
        f"it has {', '.join(sorted(models))}"
        for role, model in sorted(asked)
        if model not in models
    ]
    if problems:
        raise ConfigError(problems)


def prepare_all(planned: compose.Plan, working_dir: Path, prepare_job: PrepareJob = prepare) -> list[Prepared]:
    """Prepare every job, so that a sweep with one bad job starts none. Raises ConfigError with all problems."""
    prepared: list[Prepared] = []
    problems: list[str] = []
    for job in planned.jobs:
        try:
            prepared.append(prepare_job(job.config, working_dir, os.environ))
        except UserError as error:
            where = f"job {job.number} ({' '.join(job.overrides)}): " if planned.multirun else ""
            problems += [f"{where}{problem}" for problem in error.problems]
    if problems:
        raise ConfigError(problems)
    return prepared


def exit_code_of(run: RunDirectory) -> int:
    """Return the exit code that a run's status says; one that says none has vanished, which is a defect."""
    status = run.read_status()
    return ExitCode.DEFECT if status is None or status["exit_code"] is None else int(status["exit_code"])
