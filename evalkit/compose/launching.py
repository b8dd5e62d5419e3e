"""Hands a planned line to Hydra, whose launcher runs the jobs."""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import hydra
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log
from hydra.core.utils import run_job as hydra_run_job
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf

from evalkit.compose import run_types  # noqa: F401  registers types and resolvers, in a worker process too
from evalkit.compose.current_launch import CurrentLaunch, launching
from evalkit.compose.explaining import explained
from evalkit.compose.interruption import become_a_worker, comes_again
from evalkit.compose.job_configs import plain
from evalkit.compose.launchers import use_own_settings, use_patient_launchers
from evalkit.compose.overrides import quote
from evalkit.compose.planned_sweeper import sweeping_over
from evalkit.compose.planning import hydra_at
from evalkit.compose.queues import open_queue
from evalkit.compose.search_path import searching
from evalkit.errors import ConfigError, LaunchError
from evalkit.runner.job_wait import Launched, WaitBounds
from evalkit.runner.jobs import BASIC_LAUNCHER, Destination, Job, Plan, RunJob, Source
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
        _run_composed(planned, run_job, directory)
        return Launched()
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


def call_hydra(args: Sequence[str], source: Source, run_job: RunJob) -> None:
    """Give `args` to Hydra as they are (``-c job``, ``--info``, ``-sc``, or a line to run)."""
    _call(args, source, run_job, None)


def _run_composed(planned: Plan, run_job: RunJob, directory: Path) -> None:
    """Run the one job of `planned` as Hydra would, with what was composed for the plan: composing takes its time.

    What Hydra does in between is repeated here: the log of its own, callbacks, and ``.hydra/`` in the job's folder.
    """
    config = cast("DictConfig", planned.composed)
    where = f"hydra.run.dir={quote(str(directory))}"
    with explained(), _as_typed([*planned.overrides, where]), hydra_at(planned.source):
        OmegaConf.update(config, "hydra.run.dir", str(directory))
        config.hydra.overrides.hydra += [where, "hydra.mode=RUN"]
        config.hydra.mode = RunMode.RUN
        configure_log(config.hydra.hydra_logging, config.hydra.verbose)
        callbacks = Callbacks(config)
        callbacks.on_run_start(config=config, config_name=planned.source.config_name)
        done = hydra_run_job(
            task_function=functools.partial(_run_task, run_job, None),
            config=config,
            job_dir_key="hydra.run.dir",
            job_subdir_key=None,
            hydra_context=HydraContext(GlobalHydra.instance().config_loader(), callbacks),
        )
        callbacks.on_run_end(config=config, config_name=planned.source.config_name, job_return=done)
        _ = done.return_value  # raises what the job raised


def _launch_of(root: Path, numbers: frozenset[int]) -> _Launch:
    return _Launch(root, numbers, os.getpid(), host_identity())


def _launch_once(planned: Plan, run_job: RunJob, where: Sequence[str], launched: _Launch) -> str | None:
    """Give the line to Hydra; return why its launcher gave up, or None when it came to its end."""
    try:
        with sweeping_over(planned, launched.numbers):
            _call(["-m", *planned.overrides, *where], planned.source, run_job, launched)
    except ConfigError:
        raise
    except Exception as error:
        if planned.launcher == BASIC_LAUNCHER:
            raise
        _log.debug("the launcher gave up", exc_info=True)
        lines = str(error).strip().splitlines() or ["no reason given"]
        return f"{type(error).__name__}: {lines[0]}"
    return None


def _call(args: Sequence[str], source: Source, run_job: RunJob, launched: _Launch | None) -> None:
    use_own_settings()
    task = functools.partial(_run_task, run_job, launched)
    functools.update_wrapper(task, _run_task)
    entry = hydra.main(version_base="1.3", config_path=str(source.config_dir), config_name=source.config_name)(task)
    with explained(), _as_typed(args), searching(source.search_dirs):
        entry()


@contextmanager
def _as_typed(args: Sequence[str]) -> Iterator[None]:
    """Let the process have the command line `args` while the block lasts."""
    saved, sys.argv = sys.argv, ["evalkit", *args]
    try:
        yield
    finally:
        sys.argv = saved


def _run_task(run_job: RunJob, launched: _Launch | None, config: DictConfig) -> None:
    settings = HydraConfig.get()
    run_dir, working_dir = Path(settings.runtime.output_dir), Path(settings.runtime.cwd)
    overrides = tuple(str(text) for text in OmegaConf.to_container(settings.overrides.task, resolve=False) or ())
    if launched is None:
        run_job(Job(0, overrides, plain(config)), Destination(run_dir, working_dir))
        return
    job = Job(int(settings.job.num), overrides, plain(config))
    jobs = RunningJobs(launched.root)
    if job.number not in launched.numbers or jobs.is_stopped:
        return
    bounds = WaitBounds.of(settings.launcher)
    destination = Destination(run_dir, working_dir, in_sweep=True, lost_after_s=bounds.lost_after_s)
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
