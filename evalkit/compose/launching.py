"""Hands a planned line to Hydra, whose launcher runs the jobs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from evalkit.compose.hydra_calls import run_composed
from evalkit.runner.jobs import Launched, Plan, RunJob


def launch(planned: Plan, run_job: RunJob, directory: Path, numbers: Collection[int] | None = None) -> Launched:
    """Run the jobs of `planned` through Hydra's launcher, a single run in `directory`, a sweep's jobs below it.

    Of a sweep all are run, or those in `numbers`. `run_job` must not raise: it reports through its files. Where a
    launcher gives up because a process died, the jobs that have not begun are launched once more; no job is begun
    twice.

    Raises:
        ConfigError: Hydra itself refuses the line.
        LaunchError: The launcher gave up, and more of it would not help.
        KeyboardInterrupt: An interruption of jobs that run in this process.

    """
    if not planned.multirun:
        run_composed(planned, run_job, directory)
        return Launched()
    # A single run needs nothing of what waits for jobs, passes signals on to them and finds them again.
    from evalkit.compose.sweep_launching import launch_sweep

    return launch_sweep(planned, run_job, directory, numbers)
