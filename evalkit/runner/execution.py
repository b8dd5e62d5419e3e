"""A planned line, from the first check to the last table: prepare, serve, launch, judge how it ended.

Each job runs wherever a launcher puts it (:mod:`evalkit.runner.job`) and answers with files; ``status.json`` of every
planned job is read, so a job that was lost is never taken for a good one. How jobs are launched comes in as `launch`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from evalkit.clock import MonotonicClock
from evalkit.errors import ConfigError, LaunchError
from evalkit.metrics.forecast import add_up
from evalkit.object_storage.addresses import shown
from evalkit.peers.embedded import shared_services
from evalkit.peers.served import shared_llms
from evalkit.runner.advance_warnings import warn_in_advance
from evalkit.runner.forecast import describe_sweep, forecast_job, price_dates
from evalkit.runner.job import run_job
from evalkit.runner.jobs import Launched, Plan, RunJob, slug
from evalkit.runner.prepare import Prepared, handing_on, prepare_all, require_embedded_models
from evalkit.runner.remote_folders import mark_output, output_folder, probe_output, upload_root, uploading
from evalkit.runner.run_ending import ExitCode
from evalkit.runner.terminal import say
from evalkit.store.file_system import require_sound
from evalkit.store.provenance import config_sha256, find_run_id_problem
from evalkit.store.run_directory import RunDirectory


class Launch(Protocol):
    """Runs every job of a plan, a single run in a directory, a sweep's jobs below it. Raises LaunchError."""

    def __call__(self, planned: Plan, run_job: RunJob, directory: Path) -> Launched:
        """Run them and say how that ended; KeyboardInterrupt when a job of this process was interrupted."""
        ...


def execute(planned: Plan, launch: Launch) -> int:
    """Prepare all jobs of a plan, then launch them. The run's or sweep's directory is the last line on stdout."""
    if problem := find_run_id_problem(os.environ):
        raise ConfigError(problem)
    working_dir = Path.cwd()
    prepared = prepare_all(planned, working_dir)
    first = prepared[0]
    probe_output(first.settings.output_dir)
    output_dir = output_folder(first.settings.output_dir, working_dir)
    if planned.multirun:
        require_sound(output_dir)
    embedded = [job for job in prepared if job.uses_embedded_provider]
    say(*_describe_start(planned, prepared))
    with (
        ExitStack() as stack,
        handing_on(prepared, planned, working_dir),
        shared_llms(model for job in prepared for model in job.llms),
        shared_services(
            (job.service for job in embedded), engines={name for job in embedded for name in job.engines}
        ) as models,
    ):
        require_embedded_models(prepared, models)
        mark_output(first.settings.output_dir, working_dir)
        if planned.multirun:
            from evalkit.runner.job_wait import WaitBounds
            from evalkit.runner.sweep import begin_sweep, finish_sweep
            from evalkit.store.launching_process import launching_alone

            directory = RunDirectory.new_sweep_root(output_dir)
            hashes = [config_sha256(job.config, job.datasets) for job in prepared]
            begin_sweep(planned, directory, working_dir=working_dir, config_sha256=hashes)
            upload_root(directory)
            lost_after_s = WaitBounds.of(planned.launcher_settings).lost_after_s
            stack.enter_context(launching_alone(directory, MonotonicClock(), lost_after_s=lost_after_s, say=say))
        else:
            name = first.settings.run_name or first.mode.subject(first.settings)
            directory = RunDirectory.new_root(output_dir, f"{first.mode.name}_{slug(name)}")
        uploads = stack.enter_context(uploading(directory))
        launched = launch_jobs(lambda: launch(planned, run_job, directory))
        code = finish_sweep(planned, directory, launched) if planned.multirun else exit_code_of(RunDirectory(directory))
    print(shown(directory))  # noqa: T201  the one line for scripts
    return ExitCode.INTERRUPTED if launched.interrupted else uploads.judged(code)


def launch_jobs(launch: Callable[[], Launched]) -> Launched:
    """Launch jobs and return how that ended; how far they came stands in their status."""
    try:
        return launch()
    except KeyboardInterrupt:
        return Launched(interrupted=True)
    except LaunchError as error:
        say(str(error))
    return Launched()


def exit_code_of(run: RunDirectory) -> int:
    """Return the exit code that a run's status says; one that says none is lost, which is a defect."""
    status = run.read_status()
    return ExitCode.DEFECT if status is None or status["exit_code"] is None else int(status["exit_code"])


def _describe_start(planned: Plan, prepared: Sequence[Prepared]) -> list[str]:
    """Return what to say before anything starts: what a sweep will run and take, and all that is hardly meant."""
    forecasts = [forecast_job(job) for job in prepared]
    sweep = describe_sweep(planned.jobs, add_up(forecasts), price_dates(prepared)) if planned.multirun else []
    return [*sweep, *warn_in_advance(planned, prepared, forecasts)]
