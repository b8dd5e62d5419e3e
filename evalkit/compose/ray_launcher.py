"""Ray's launcher, waiting for every job whatever becomes of the others, and joining a cluster as well as starting one.

The plugin's own stops asking at the first task that died, runs as many jobs at once as there are processors, and gives
a cluster that is already running a setting that it refuses. Keys reach a task as an argument: Ray's own way (a runtime
environment) writes their values into its logs.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra_plugins.hydra_ray_launcher.ray_launcher import RayLauncher
from omegaconf import DictConfig, OmegaConf, open_dict

from evalkit.compose.interruption import current_interruption
from evalkit.compose.key_names import find_key_names

_POLL_S = 0.5
_OBJECT_STORE_BYTES = 80 * 1024 * 1024  # the least Ray takes; jobs answer with files, not with objects
_log = logging.getLogger(__name__)


class PatientRayLauncher(RayLauncher):  # type: ignore[misc]  # the plugin has no types
    """A Ray task for each job, `n_jobs` at once."""

    def __init__(self, ray: DictConfig, n_jobs: int, environment: Sequence[str]) -> None:
        super().__init__(ray)
        self._n_jobs = n_jobs
        self._environment = list(environment)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run a batch of jobs and return when all have ended."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        setup_globals()
        if not ray.is_initialized():
            on_request_to_end = signal.getsignal(signal.SIGTERM)
            ray.init(**_init_arguments(_settings(self.ray_cfg.init)))
            if threading.current_thread() is threading.main_thread():  # where Ray has put a handler of its own
                signal.signal(signal.SIGTERM, on_request_to_end)
        run = ray.remote(**_settings(self.ray_cfg.remote))(_run_in_task)
        waiting = list(enumerate(job_overrides, initial_job_idx))
        running: dict[Any, int] = {}
        interruption = current_interruption()
        if interruption is not None:
            interruption.forward = lambda: _cancel(running)
        while waiting or running:
            if interruption is not None and interruption.count:
                waiting.clear()
            while waiting and len(running) < self._n_jobs:
                number, overrides = waiting.pop(0)
                running[run.remote(*self._task_arguments(number, overrides))] = number
            ended, _ = ray.wait(list(running), num_returns=1, timeout=_POLL_S) if running else ([], None)
            for task in ended:
                _note_how_it_ended(task, running.pop(task))
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]

    def _task_arguments(self, number: int, overrides: Sequence[str]) -> tuple[Any, ...]:
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(config):
            config.hydra.job.id = f"job_{number}"
            config.hydra.job.num = number
        names = find_key_names(config, self._environment)
        environ = {name: os.environ[name] for name in names if name in os.environ}
        return self.hydra_context, config, self.task_function, Singleton.get_state(), environ


def _settings(node: DictConfig) -> dict[str, Any]:
    return cast("dict[str, Any]", OmegaConf.to_container(node, resolve=True))


def _init_arguments(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of ``ray.init``: what only a cluster of our own takes is left out for one that runs."""
    joins = chosen.get("address") not in (None, "local") or (not chosen.get("address") and "RAY_ADDRESS" in os.environ)
    own = {} if joins else {"object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False}
    return {**own, **chosen}


def _run_in_task(
    hydra_context: Any, config: DictConfig, task_function: Any, state: Any, environ: Mapping[str, str]
) -> None:
    """Run one job in the process that Ray gives it."""
    os.environ.update(environ)
    setup_globals()
    Singleton.set_state(state)
    HydraConfig.instance().set_config(config)
    run_job(
        hydra_context=hydra_context,
        task_function=task_function,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )


def _cancel(tasks: Iterable[Any]) -> None:
    """Interrupt tasks that run, and take back those that do not yet."""
    import ray

    for task in list(tasks):
        ray.cancel(task)


def _note_how_it_ended(task: Any, number: int) -> None:
    import ray

    try:
        ray.get(task)
    except ray.exceptions.RayError as error:
        first = str(error).strip().splitlines()[0]
        _log.warning("evalkit: job %d: its process did not end as it should (%s)", number, first)
