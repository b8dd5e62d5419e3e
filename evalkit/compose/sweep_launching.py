"""Launches the jobs of a sweep through Hydra's launcher, to the end, or to what is left to run elsewhere."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from evalkit.compose import run_types  # noqa: F401  registers types and resolvers, in a worker process too
from evalkit.compose.current_launch import CurrentLaunch, launching
from evalkit.compose.hydra_calls import call_with_task, job_of, where_hydra_runs
from evalkit.compose.interruption import become_a_worker, comes_again
from evalkit.compose.launchers import use_patient_launchers
from evalkit.compose.overrides import quote
from evalkit.compose.planned_sweeper import sweeping_over
from evalkit.compose.queues import open_queue
from evalkit.errors import ConfigError, LaunchError
from evalkit.runner.job_wait import WaitBounds
from evalkit.runner.jobs import BASIC_LAUNCHER, Destination, Launched, Plan, RunJob
from evalkit.store.host import host_identity
from evalkit.store.running_jobs import RunningJobs

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Launch:
    """The sweep as a job's process needs it: its root, which of its jobs to run, and the launching process."""

    root: Path
    numbers: frozenset[int]
    pid: int
    host: str

    @property
    def is_here(self) -> bool:
        return (self.pid, self.host) == (os.getpid(), host_identity())


def launch_sweep(planned: Plan, run_job: RunJob, directory: Path, numbers: Collection[int] | None) -> Launched:
    """Run the jobs of a sweep, or those in `numbers`, below `directory`; the same as :func:`launching.launch`."""
    waiting = frozenset((job.number for job in planned.jobs) if numbers is None else numbers)
    where = [f"hydra.sweep.dir={quote(str(directory))}"]
    jobs = RunningJobs(directory)
    jobs.forget(waiting)
    if planned.launcher == BASIC_LAUNCHER:
        _launch_once(planned, run_job, where, _launch_of(directory, waiting))
        return Launched()
    use_patient_launchers(planned.launcher)
    was_broken_off = False
    with launching(jobs, waiting, find_grace_s(planned)) as current:
        try:
            _launch_to_the_end(planned, run_job, where, waiting, current)
        except KeyboardInterrupt:
            was_broken_off = True
    return Launched(was_broken_off or current.interruption.count > 0, current.waited, tuple(current.notes))


def find_grace_s(planned: Plan) -> float:
    """Return for how long cases under way may go on after an interruption, in any job of `planned`."""
    return max((float(job.config.get("limits", {}).get("grace_s", 0.0)) for job in planned.jobs), default=0.0)


def _launch_to_the_end(
    planned: Plan, run_job: RunJob, where: Sequence[str], waiting: frozenset[int], current: CurrentLaunch
) -> None:
    """Launch until every job of `waiting` has begun, or the launcher gives up for good."""
    jobs = current.jobs
    while error := _launch_once(planned, run_job, where, _launch_of(jobs.root, waiting)):
        if current.has_queued:
            _log.warning(
                "evalkit: hydra/launcher=%s gave up (%s); waiting for what it has begun", planned.launcher, error
            )
            current.wait(waiting, open_queue(jobs.root), planned.launcher_settings)
            return
        left = frozenset(number for number in waiting if not jobs.has_begun(number))
        if current.interruption.count:
            return
        if not left or left == waiting:
            raise LaunchError(f"hydra/launcher={planned.launcher} gave up: {error}")
        _log.warning("evalkit: %s; launching the %d jobs that have not begun", error, len(left))
        waiting = left
        current.numbers = left


def _launch_of(root: Path, numbers: frozenset[int]) -> _Launch:
    return _Launch(root, numbers, os.getpid(), host_identity())


def _launch_once(planned: Plan, run_job: RunJob, where: Sequence[str], launched: _Launch) -> str | None:
    """Give the line to Hydra; return why its launcher gave up, or None when it came to its end."""
    try:
        with sweeping_over(planned, launched.numbers):
            task = functools.partial(_run_task, run_job, launched)
            call_with_task(["-m", *planned.overrides, *where], planned.source, task)
    except ConfigError:
        raise
    except Exception as error:
        if planned.launcher == BASIC_LAUNCHER:
            raise
        _log.debug("the launcher gave up", exc_info=True)
        lines = str(error).strip().splitlines() or ["no reason given"]
        return f"{type(error).__name__}: {lines[0]}"
    return None


def _run_task(run_job: RunJob, launched: _Launch, config: DictConfig) -> None:
    settings = HydraConfig.get()
    job = job_of(config, int(settings.job.num))
    jobs = RunningJobs(launched.root)
    if job.number not in launched.numbers or jobs.is_stopped:
        return
    bounds = WaitBounds.of(settings.launcher)
    destination = Destination(*where_hydra_runs(), in_sweep=True, lost_after_s=bounds.lost_after_s)
    if launched.is_here:
        with jobs.running(job.number):
            run_job(job, destination)
        return
    become_a_worker()
    try:
        with jobs.running(job.number, comes_again=comes_again):
            run_job(job, destination._replace(in_worker=True))
    except KeyboardInterrupt:  # said in the job's status; raised here it would take the launcher's other jobs with it
        _log.info("interrupted")
