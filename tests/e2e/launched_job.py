"""A sweep of jobs that do as the environment says, launched in a process of its own; no voice, no models.

``JOB_<seed>`` says what the job with that seed does: ``die`` (the process ends on the spot), ``wait`` (until it is
interrupted), or nothing, which is to end well. Each job notes that it ran in ``ran.txt`` in the sweep's root.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from evalkit.compose.launching import launch
from evalkit.compose.planning import plan
from evalkit.runner.execution import launch_jobs
from evalkit.runner.jobs import Destination, Job, packaged_source
from evalkit.runner.sweep import begin_sweep, finish_sweep
from evalkit.store.run_directory import RunDirectory, RunStatus

JOBS = 4


def run_job(job: Job, destination: Destination) -> None:
    """Do as the environment says, and say in a status how it ended, as every job must."""
    seed = job.config["seed"]
    run = RunDirectory(destination.run_dir)
    with (run.root.parent / "ran.txt").open("a", encoding="utf-8") as file:
        file.write(f"{seed} {os.getpid()} {int(destination.in_worker)}\n")
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={})
    what = os.environ.get(f"JOB_{seed}", "")
    try:
        if what == "die":
            os._exit(9)
        while what == "wait":
            time.sleep(0.05)
    except KeyboardInterrupt:
        run.write_status(RunStatus.INTERRUPTED, exit_code=130, counts={})
        raise
    run.write_status(RunStatus.COMPLETED, exit_code=0, counts={})


def main(root: Path, *overrides: str) -> int:
    """Launch the sweep into `root`, close it, and return its exit code."""
    planned = plan([f"seed=range({JOBS})", *overrides], packaged_source(), multirun=True)
    begin_sweep(planned, root, working_dir=Path.cwd(), config_sha256=["-"] * JOBS)
    return finish_sweep(planned, root, launch_jobs(lambda: launch(planned, run_job, root)))
