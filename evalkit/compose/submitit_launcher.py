"""Submitit's launchers, waiting for every job whatever becomes of the others.

The plugin's own ask for results in order and stop asking at the first job that left none: a job that dies would end the
command while others run. These submit the same work (the plugin's ``__call__`` runs a job in its process), wait until
each job has ended, and leave what became of it to the job's own files.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import LocalLauncher, SlurmLauncher

from evalkit.compose.current_launch import current_launch
from evalkit.compose.interruption import children_ignoring_interrupts, coming_again, current_interruption
from evalkit.compose.key_names import find_key_names
from evalkit.compose.slurm_job import SlurmJobEnd
from evalkit.compose.slurm_queue import SLURM, SlurmQueue, find_array_limit, signal_jobs
from evalkit.runner.job_wait import WaitBounds
from evalkit.runner.job_watch import JobState
from evalkit.runner.terminal import say
from evalkit.store.running_jobs import QueuedJobs

_POLL_S = 0.2
# What submitit itself names, for every kind of queue; all else is named for the queue it is for.
_SHARED = (
    "timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes", "name", "stderr_to_stdout",
)  # fmt: skip
_OURS = ("n_jobs", "environment", "submitit_folder", "max_num_timeout", *(each.name for each in fields(WaitBounds)))
_OF_JOBS = ("SLURM_", "SLURMD_", "SRUN_", "SUBMITIT_")
_OF_THE_CLUSTER = ("SLURM_CONF", "SLURM_CLUSTERS")
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
        """Submit those of a batch that are to be started; return when all have ended, or when a bound has passed."""
        current = current_launch()
        numbers = current.find_to_start(initial_job_idx, len(job_overrides))
        if numbers:
            arguments = dict(enumerate(_arguments(job_overrides, initial_job_idx), initial_job_idx))
            submitted = dict(zip(numbers, self._submit([arguments[number] for number in numbers]), strict=True))
            ids = {number: str(job.job_id) for number, job in submitted.items()}
            current.note_queued(QueuedJobs(SLURM, ids))
            current.interruption.forward = lambda: signal_jobs(ids.values())
            queue = SlurmQueue(ids)
            waited = current.wait(numbers, queue, self.params)
            logs = {number: job.paths.stderr for number, job in submitted.items()}
            _name_lost([number for number in numbers if waited.states[number] is JobState.LOST], queue, logs)
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]  # the rest stands in the jobs' own files

    def __call__(self, *arguments: Any) -> JobReturn:
        """Run one job, in the process that Slurm gives it."""
        import submitit

        here = submitit.JobEnvironment()
        count = here.paths.folder / f"{here.job_id}_timeouts"
        end = SlurmJobEnd(os.environ, count, self.params["max_num_timeout"] or 0, say)
        with end.taking_signals(signal.Signals[f"SIG{here.USR_SIG}"]), coming_again(end.comes_again):
            done: JobReturn = super().__call__(*arguments)
        return done

    def _submit(self, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Hand jobs over, in arrays that Slurm takes; one begins when the one before it has ended."""
        names = find_key_names(self.config, self.params["environment"] or ())
        further = _with_environment(self.params, names)
        cores = self.params["cpus_per_task"]
        jobs: list[Any] = []
        with _outside_of_jobs():
            limit = find_array_limit()
            for part in (arguments[first : first + limit] for first in range(0, len(arguments), limit)):
                params = {
                    **self.params,
                    "additional_parameters": further,
                    # srun asks for one core, whatever the job has, unless it is told
                    "srun_args": [f"--cpus-per-task={cores}"] if cores else None,
                    "dependency": f"afterany:{jobs[-1].job_id.partition('_')[0]}" if jobs else None,
                }
                jobs += _open_executor("slurm", params).map_array(self, *zip(*part, strict=True))
        return jobs


def _open_executor(queue: str, params: Mapping[str, Any]) -> Any:
    import submitit

    own = {f"{queue}_max_num_timeout": params["max_num_timeout"]} if "max_num_timeout" in params else {}
    logging.getLogger("submitit").handlers.clear()  # which write to stdout too
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
    return {"export": ",".join(["ALL", *names]), **(params["additional_parameters"] or {})}


def _name_lost(numbers: Sequence[int], queue: SlurmQueue, logs: Mapping[int, Path]) -> None:
    """Say of each lost job how Slurm saw it end, and where its last words are."""
    told = queue.explain(numbers) if numbers else {}
    for number in numbers:
        how = f"Slurm says {told[number]}" if told[number] else "Slurm knows nothing of it any more"
        path = logs[number]
        words = f"its last words: {path}" if path.exists() else f"it left no word in {path}"
        _log.warning("evalkit: job %d is lost; %s; %s", number, how, words)


@contextmanager
def _outside_of_jobs() -> Iterator[None]:
    """Hide from Slurm that this process is in a job itself, if it is: what that one has is not for others."""
    hidden = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if "SLURM_JOB_ID" in os.environ and name.startswith(_OF_JOBS) and name not in _OF_THE_CLUSTER
    }
    try:
        yield
    finally:
        os.environ.update(hidden)
