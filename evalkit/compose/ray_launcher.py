"""The launcher ``hydra/launcher=ray``: our own, on Ray's own API, for a cluster that runs or one that it starts.

Every job is an actor on the cluster, which holds the job's resources and runs it in a process of its own
(:mod:`evalkit.compose.ray_cluster`). Keys reach that process as an argument: Ray's own way, a runtime environment,
writes their values into its logs. This process itself never loads Ray.

On a cluster that was joined, jobs go on when this process is gone, and ``evalkit resume`` joins them. A cluster that
was started here ends with this process, and its jobs with it.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from hydra.core.utils import JobReturn, JobStatus, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from evalkit.clock import MonotonicClock
from evalkit.compose.current_launch import CurrentLaunch, current_launch
from evalkit.compose.key_names import find_key_names
from evalkit.compose.ray_cluster.queue import RayQueue
from evalkit.compose.ray_cluster.words import ClusterChoice, KeptJob
from evalkit.runner.job_progress import describe_duration
from evalkit.runner.job_wait import WaitBounds, Waited, WaitEnd, shorten
from evalkit.runner.job_watch import JobState

_log = logging.getLogger(__name__)


class RayLauncher(Launcher):
    """A Ray actor for each job, `n_jobs` at once.

    Args:
        ray: ``init``, arguments of ``ray.init``; ``remote``, what a job asks of its node.
        n_jobs: So many jobs are handed to Ray at a time.
        environment: Names of variables that jobs get, beside those of the providers' keys.
        max_takeovers: So often a job whose node has died goes to another one.
        bounds: For how long is waited for what (:class:`~evalkit.runner.job_wait.WaitBounds`).

    """

    def __init__(
        self, ray: DictConfig, n_jobs: int, environment: Sequence[str], max_takeovers: int = 2, **bounds: float
    ) -> None:
        self._init = _settings(ray.init)
        self._remote = {key: value for key, value in _settings(ray.remote).items() if key != "max_retries"}
        self._n_jobs, self._environment, self._max_takeovers = n_jobs, list(environment), max_takeovers
        self._bounds = bounds

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra gives before the first batch."""
        self._hydra_context, self._task_function, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run a batch of jobs and return when all have ended, or a bound has passed."""
        setup_globals()
        current = current_launch()
        numbers = current.find_to_start(initial_job_idx, len(job_overrides))
        if numbers:
            self._run(current, {number: job_overrides[number - initial_job_idx] for number in numbers})
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]  # the rest stands in the jobs' own files

    def _run(self, current: CurrentLaunch, overrides: Mapping[int, Sequence[str]]) -> None:
        choice = ClusterChoice(self._init, self._remote)
        queue = RayQueue(
            choice,
            current.jobs,
            MonotonicClock(),
            at_once=self._n_jobs,
            max_takeovers=self._max_takeovers,
        )
        for number, own in overrides.items():
            queue.put(*self._describe_job(current.jobs.root, number, own))
        queue.open()

        def leave(waited: Waited) -> Waited:
            """Take back what has not begun: nobody is left to hand it over."""
            queue.take_back()
            taken = {number for number in waited.queued if waited.states[number] is JobState.WAITING}
            if taken and waited.ended_by is WaitEnd.QUEUE_TIMEOUT:
                _log.warning("evalkit: %s", _describe_timeout(sorted(taken), WaitBounds.of(self._bounds)))
            return replace(waited, queued=waited.queued - taken)

        current.has_queued = choice.address is not None
        try:
            current.wait(list(overrides), queue, self._bounds, leave=leave)
        finally:
            queue.take_back()
            queue.close()

    def _describe_job(self, root: Path, number: int, own: Sequence[str]) -> tuple[int, KeptJob, dict[str, str]]:
        """Return a job, and the variables that hold the keys it needs."""
        config = self._hydra_context.config_loader.load_sweep_config(self._config, list(own))
        with open_dict(config):
            config.hydra.job.id = f"job_{number}"
            config.hydra.job.num = number
        names = find_key_names(config, self._environment)
        environ = {name: os.environ[name] for name in names if name in os.environ}
        work = pickle.dumps((self._hydra_context, config, self._task_function))
        return number, KeptJob(str(root), number, work), environ


def _describe_timeout(numbers: Sequence[int], bounds: WaitBounds) -> str:
    minutes = describe_duration(bounds.queue_timeout_min * 60)
    named = shorten([str(number) for number in numbers])
    return f"none of the jobs {named} has begun for {minutes} (hydra.launcher.queue_timeout_min); they are taken back"


def _settings(node: DictConfig) -> dict[str, Any]:
    """Return what is set, as Ray takes it."""
    chosen = cast("dict[str, Any]", OmegaConf.to_container(node, resolve=True))
    return {key: value for key, value in chosen.items() if value is not None}
