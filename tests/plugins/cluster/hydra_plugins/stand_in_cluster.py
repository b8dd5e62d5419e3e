"""A launcher of somebody else's whose jobs run in a cluster that this is: processes that outlive their launcher.

The folder that ``STAND_IN_CLUSTER`` names has, for job n, ``<n>.pid``, its process; while there is ``<n>.hold``, it
waits in the queue. While there is ``silent`` the queue hangs whoever asks it.
"""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import cloudpickle
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from omegaconf import OmegaConf, open_dict

from evalkit.compose.current_launch import current_launch
from evalkit.compose.queues import QUEUES, QueueKind
from evalkit.runner.job_watch import QueueState
from evalkit.store.running_jobs import QueuedJobs

NAME = "stand_in_cluster"
_MODULE = f"hydra_plugins.{NAME}"
_HAS_ENDED = (None, "Z")


class StandInCluster:
    """The queue, by the files that its jobs leave."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, numbers: Iterable[int]) -> Mapping[int, QueueState] | None:
        """Tell whether each job waits, runs or is gone; or hang."""
        while (self._folder / "silent").exists():
            time.sleep(0.1)
        return {number: self._judge(number) for number in numbers}

    def interrupt(self, numbers: Iterable[int]) -> None:
        """Send those that have begun a SIGINT."""
        for number in numbers:
            if self._judge(number) is QueueState.RUNNING:
                with suppress(ProcessLookupError):
                    os.kill(self._pid(number), signal.SIGINT)

    def _pid(self, number: int) -> int:
        return int((self._folder / f"{number}.pid").read_text())

    def _judge(self, number: int) -> QueueState:
        if not (self._folder / f"{number}.pid").exists() or _process_state(self._pid(number)) in _HAS_ENDED:
            return QueueState.GONE
        return QueueState.WAITING if (self._folder / f"{number}.hold").exists() else QueueState.RUNNING


def open_queue(root: Path, queued: QueuedJobs) -> StandInCluster:
    """Return the queue that a sweep's jobs were given to."""
    return StandInCluster(_folder())


class StandInClusterLauncher(Launcher):
    """Starts a process for each job, and lets go of it."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """Remember what jobs need."""
        self._hydra_context, self._task_function, self._config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run a batch of jobs and return when they are waited for no more."""
        setup_globals()
        current = current_launch()
        numbers = current.find_to_start(initial_job_idx, len(job_overrides))
        for number in numbers:
            self._submit(number, list(job_overrides[number - initial_job_idx]))
        current.note_queued(QueuedJobs(NAME, {number: f"stand-in-{number}" for number in numbers}))
        current.wait(numbers, StandInCluster(_folder()), self._settings)
        return [JobReturn(status=JobStatus.COMPLETED) for _ in job_overrides]

    def _submit(self, number: int, overrides: list[str]) -> None:
        config = self._hydra_context.config_loader.load_sweep_config(self._config, overrides)
        with open_dict(config):
            config.hydra.job.id, config.hydra.job.num = f"job_{number}", number
        work = functools.partial(_run, self._hydra_context, config, self._task_function, Singleton.get_state())
        pickled = _folder() / f"{number}.pkl"
        pickled.write_bytes(cloudpickle.dumps(work))
        pid = _folder() / f"{number}.pid"
        pid.unlink(missing_ok=True)
        with (_folder() / f"{number}.log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-c", f"import sys; from {_MODULE} import work; work(int(sys.argv[1]))", str(number)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        while not pid.exists():
            time.sleep(0.01)


def work(number: int) -> None:
    """Be the process of a job: wait in the queue, then run it."""
    (_folder() / "new").write_text(str(os.getpid()))
    (_folder() / "new").rename(_folder() / f"{number}.pid")
    while (_folder() / f"{number}.hold").exists():
        time.sleep(0.05)
    cloudpickle.loads((_folder() / f"{number}.pkl").read_bytes())()


def _run(hydra_context: Any, config: Any, task_function: Any, state: Any) -> None:
    setup_globals()
    Singleton.set_state(state)
    HydraConfig.instance().set_config(config)
    run_job(
        hydra_context=hydra_context, task_function=task_function, config=config,
        job_dir_key="hydra.sweep.dir", job_subdir_key="hydra.sweep.subdir",
    )  # fmt: skip


def _process_state(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def _folder() -> Path:
    return Path(os.environ["STAND_IN_CLUSTER"])


QUEUES[NAME] = QueueKind(f"{_MODULE}:open_queue", "stop-stand-in {ids}")
ConfigStore.instance().store(
    name=NAME,
    group="hydra/launcher",
    node=OmegaConf.create(
        {
            "_target_": f"{_MODULE}.StandInClusterLauncher",
            "lost_after_s": 5,
            "queue_silent_min": 30,
            "queue_timeout_min": 10080,
        }
    ),
    provider=NAME,
)
