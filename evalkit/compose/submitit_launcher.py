"""Submitit's launchers, waiting for every job whatever becomes of the others.

The plugin's own ask for results in order and stop asking at the first job that left none: a job that dies would end the
command while others run. These submit the same work (the plugin's ``__call__`` runs a job in its process), wait until
each job has ended, and leave what became of it to the job's own files.
"""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import LocalLauncher, SlurmLauncher

from evalkit.compose.interruption import children_ignoring_interrupts, current_interruption
from evalkit.compose.key_names import find_key_names

_POLL_S = 0.2
# What submitit itself names, for every kind of queue; all else is named for the queue it is for.
_SHARED = (
    "timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes", "name", "stderr_to_stdout",
)  # fmt: skip
_OURS = ("n_jobs", "environment", "submitit_folder", "max_num_timeout")
_log = logging.getLogger(__name__)


class PatientLocalLauncher(LocalLauncher):  # type: ignore[misc]  # the plugin has no types
    """A process for each job on this machine, `n_jobs` at once."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run a batch of jobs and return when all have ended."""
        executor = _open_executor("local", self.params)
        waiting = list(_arguments(job_overrides, initial_job_idx))
        running: list[Any] = []
        while waiting or running:
            if _is_interrupted():
                waiting.clear()
            while waiting and len(running) < self.params["n_jobs"]:
                with children_ignoring_interrupts():
                    running.append(executor.submit(self, *waiting.pop(0)))
            running = [job for job in running if not _has_ended(job)]
            time.sleep(_POLL_S)
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]  # the rest stands in the jobs' own files


class PatientSlurmLauncher(SlurmLauncher):  # type: ignore[misc]  # the plugin has no types
    """A job array on a Slurm cluster, `array_parallelism` of its jobs at once."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Submit a batch of jobs and return when all have ended."""
        names = find_key_names(self.config, self.params["environment"])
        params = {**self.params, "additional_parameters": _with_environment(self.params, names)}
        executor = _open_executor("slurm", params)
        jobs = executor.map_array(self, *zip(*_arguments(job_overrides, initial_job_idx), strict=True))
        interruption = current_interruption()
        if interruption is not None:
            interruption.forward = lambda: _cancel(jobs, "--signal=INT")
        try:
            while jobs:
                jobs = [job for job in jobs if not _has_ended(job)]
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            _cancel(jobs)
            raise
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]  # the rest stands in the jobs' own files


def _open_executor(queue: str, params: Mapping[str, Any]) -> Any:
    import submitit

    own = {f"{queue}_max_num_timeout": params["max_num_timeout"]} if "max_num_timeout" in params else {}
    executor = submitit.AutoExecutor(folder=Path(params["submitit_folder"]), cluster=queue, **own)
    executor.update_parameters(
        **{key if key in _SHARED else f"{queue}_{key}": value for key, value in params.items() if key not in _OURS}
    )
    return executor


def _arguments(job_overrides: Sequence[Sequence[str]], first: int) -> Iterator[tuple[Any, ...]]:
    """Yield what the plugin's ``__call__`` takes, for each job."""
    state = Singleton.get_state()
    for number, overrides in enumerate(job_overrides, first):
        yield list(overrides), "hydra.sweep.dir", number, f"job_{number}", state


def _has_ended(job: Any) -> bool:
    if not job.done():
        return False
    if not job.paths.result_pickle.exists():
        _log.warning("evalkit: a job's process ended without a word; what it said last: %s", job.paths.stderr)
    return True


def _is_interrupted() -> bool:
    interruption = current_interruption()
    return interruption is not None and interruption.count > 0


def _with_environment(params: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the further sbatch options, with the variables to pass on by name unless the user has chosen others."""
    return {"export": ",".join(["ALL", *names]), **params["additional_parameters"]}


def _cancel(jobs: Sequence[Any], *options: str) -> None:
    """End `jobs`, or send them the signal that `options` name. A cluster that does not answer is left alone."""
    if jobs:
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["scancel", *options, *(job.job_id for job in jobs)], check=False, timeout=30)
