"""One run or a sweep, station by station: plan, prepare, serve, launch, judge the outcome.

:func:`run_job` is one job's own line of stations. It runs wherever a launcher puts it, never raises, and answers with
files; the command reads ``status.json`` of every job it planned, so a job that vanished is never taken for a good one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console

from evalkit import compose
from evalkit.clock import MonotonicClock
from evalkit.commands.embedded import service_url, shared_services
from evalkit.commands.line import parse_line
from evalkit.commands.pipeline import expand_trials, run_workload
from evalkit.commands.prepare import Prepared, prepare
from evalkit.commands.reporting import report_run
from evalkit.commands.sweep import begin_sweep, finish_sweep
from evalkit.commands.verdict import ExitCode, Verdict, decide_verdict
from evalkit.commands.voice_modes import open_workload
from evalkit.engine.progress import RunProgress
from evalkit.engine.retry import RetryPolicy
from evalkit.engine.scheduler import EngineLimits, Outcome, Stop
from evalkit.errors import ConfigError, UserError
from evalkit.records.case import CaseTrial
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord
from evalkit.settings.names import did_you_mean
from evalkit.settings.types import RunSettings
from evalkit.store.provenance import config_sha256, describe_start, write_provenance
from evalkit.store.run_directory import RunDirectory, RunStatus, now_utc

PrepareJob = Callable[[Mapping[str, Any], Path, Mapping[str, str]], Prepared]

_log = logging.getLogger(__name__)


def main(args: Sequence[str]) -> int:
    """Run what `args` compose and return the exit code. Raises UserError before anything is started or written."""
    line = parse_line(args)
    source = compose.packaged_source(line.config_dirs)
    if line.questions:
        problems = compose.find_override_problems(line.overrides, source, multirun=line.multirun)
        if problems:
            raise ConfigError(problems)
        compose.call_hydra([*line.questions, *line.overrides], source, run_job)
        return ExitCode.OK
    return execute(compose.plan(line.overrides, source, multirun=line.multirun))


def execute(planned: compose.Plan) -> int:
    """Prepare all jobs of a plan, then launch them. The run's or sweep's directory is the last line on stdout."""
    prepared = prepare_all(planned, Path.cwd())
    settings = [job.settings for job in prepared]
    first = settings[0]
    with shared_services([job.service for job in settings if job.uses_embedded_provider]) as models:
        _require_embedded_models(settings, models)
        if planned.multirun:
            directory = RunDirectory.new_sweep_root(first.output_dir)
            hashes = [config_sha256(job.config, job.datasets) for job in prepared]
            begin_sweep(planned, directory, working_dir=Path.cwd(), config_sha256=hashes)
        else:
            name = first.run_name or first.assistant.model or "run"
            directory = RunDirectory.new_root(first.output_dir, f"{first.mode.name}_{compose.slug(name)}")
        # An interrupted job has said so in its status; the sweep's index and the exit code follow from there.
        with suppress(KeyboardInterrupt):
            compose.launch(planned, run_job, directory)
    code = finish_sweep(planned, directory) if planned.multirun else _exit_code_of(RunDirectory(directory))
    print(directory)
    return code


def _require_embedded_models(settings: Sequence[RunSettings], models: frozenset[str]) -> None:
    """Raise ConfigError for every role that asks the embedded provider for a model it does not have."""
    roles = ("assistant", "simulator", "judge", "speech")
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


def run_job(job: compose.Job, destination: compose.Destination) -> None:
    """Run one composed job into its directory. Never raises but for an interruption; ``status.json`` tells the rest."""
    run = RunDirectory(destination.run_dir)
    try:
        _run_stations(job, destination, run)
    except UserError as error:
        _log.error("%s", error)
        _say(*error.problems)
        run.write_status(RunStatus.FAILED, exit_code=ExitCode.USER, counts={})
    except KeyboardInterrupt:
        status = run.read_status()
        if status is None or status["status"] == RunStatus.RUNNING:
            run.write_status(RunStatus.INTERRUPTED, exit_code=ExitCode.INTERRUPTED, counts={})
        raise
    except BaseException as error:  # noqa: BLE001  also sys.exit: one job must not end a sweep
        _log.exception("a defect in evalkit")
        _say(f"{type(error).__name__}: {error}; a defect of evalkit, please report it with {run.root / 'evalkit.log'}")
        run.write_status(RunStatus.FAILED, exit_code=ExitCode.DEFECT, counts={})


def _run_stations(job: compose.Job, destination: compose.Destination, run: RunDirectory) -> None:
    prepared = prepare(job.config, destination.working_dir, os.environ)
    settings = prepared.settings
    trials = expand_trials(prepared.cases, settings.trials, settings.seed)
    keys = [trial.key for trial in trials]
    provenance = describe_start(prepared.config, sys.argv, prepared.datasets, keys, now_utc())
    run.write_config(prepared.config)
    write_provenance(run.provenance_path, provenance)
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={"planned": len(trials)})
    with service_url(settings.service, needed=settings.uses_embedded_provider) as url:
        outcome = _run_until_done(prepared, trials, run, url)
    records = [stored.record for stored in run.read_finished().values()]
    served = sorted({record.served_model for record in records if record.served_model})
    write_provenance(run.provenance_path, {**provenance, "models_served": served, "ended_at": now_utc()})
    # A sweep closes with one table of its own.
    report = report_run(run, None if destination.in_sweep else Console(stderr=True))
    verdict = decide_verdict(
        records,
        planned=len(trials),
        stopped_by=outcome.stopped_by,
        max_infrastructure_share=settings.limits.max_infrastructure_share,
        missed_gates=report.missed_gates,
    )
    _conclude(run, verdict, planned=len(trials), finished=len(records), lost=sum(not r.scored for r in records))
    if outcome.stopped_by is Stop.INTERRUPTED:
        raise KeyboardInterrupt


def _run_until_done(prepared: Prepared, trials: Sequence[CaseTrial], run: RunDirectory, url: str | None) -> Outcome:
    """Run the cases; an interruption is an outcome too, so that what was finished by then is still reported."""
    try:
        return asyncio.run(_run_cases(prepared, trials, run, url))
    except KeyboardInterrupt:
        return Outcome(len(run.read_finished()), Stop.INTERRUPTED)


async def _run_cases(prepared: Prepared, trials: Sequence[CaseTrial], run: RunDirectory, url: str | None) -> Outcome:
    settings = prepared.settings
    label = settings.run_name or f"{settings.mode.name} {settings.assistant.model}"
    clock = MonotonicClock()
    async with open_workload(prepared, run, url, clock) as workload:
        with RunProgress(Console(stderr=True), label, len(trials)) as progress:
            return await run_workload(
                workload,
                trials,
                run,
                limits=EngineLimits(settings.concurrency, settings.limits.max_cost_usd, settings.limits.run_timeout_s),
                retry=RetryPolicy(settings.limits.max_attempts),
                clock=clock,
                advance=lambda record, grades: progress.advance(passed=_passed(record, grades)),
            )


def _passed(record: CaseRecord, grades: Sequence[Grade]) -> bool | None:
    """Return whether every grade is full; None for a case-trial that is not scored or not graded."""
    given = [grade.grade for grade in grades if grade.grade is not None]
    return all(grade >= 1 for grade in given) if record.scored and given else None


def _conclude(run: RunDirectory, verdict: Verdict, *, planned: int, finished: int, lost: int) -> None:
    counts = {"planned": planned, "finished": finished, "not_scored": lost}
    run.write_status(verdict.status, exit_code=verdict.exit_code, counts=counts)
    if verdict.reason:
        _say(verdict.reason)


def _exit_code_of(run: RunDirectory) -> int:
    status = run.read_status()
    return ExitCode.DEFECT if status is None or status["exit_code"] is None else int(status["exit_code"])


def _say(*messages: str) -> None:
    for message in messages:
        print(f"evalkit: {message}", file=sys.stderr)
