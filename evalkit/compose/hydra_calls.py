"""The calls of Hydra: a line is given to it as it was typed, and a single run is held as Hydra would hold it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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

from evalkit.compose import run_types  # noqa: F401  registers types and resolvers
from evalkit.compose.explaining import explained
from evalkit.compose.job_configs import plain
from evalkit.compose.launchers import use_own_settings
from evalkit.compose.overrides import quote
from evalkit.compose.planning import hydra_at
from evalkit.compose.search_path import searching
from evalkit.runner.jobs import Destination, Job, Plan, RunJob, Source


def call_hydra(args: Sequence[str], source: Source, run_job: RunJob) -> None:
    """Give `args` to Hydra as they are (``-c job``, ``--info``, ``-sc``, or a line to run)."""
    call_with_task(args, source, functools.partial(_run_single, run_job))


def call_with_task(args: Sequence[str], source: Source, task: Callable[[DictConfig], None]) -> None:
    """Give `args` to Hydra, which calls `task` with the config of each job."""
    use_own_settings()
    functools.update_wrapper(task, _run_single)
    entry = hydra.main(version_base="1.3", config_path=str(source.config_dir), config_name=source.config_name)(task)
    with explained(), _as_typed(args), searching(source.search_dirs):
        entry()


def run_composed(planned: Plan, run_job: RunJob, directory: Path) -> None:
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
            task_function=functools.partial(_run_single, run_job),
            config=config,
            job_dir_key="hydra.run.dir",
            job_subdir_key=None,
            hydra_context=HydraContext(GlobalHydra.instance().config_loader(), callbacks),
        )
        callbacks.on_run_end(config=config, config_name=planned.source.config_name, job_return=done)
        _ = done.return_value  # raises what the job raised


def job_of(config: DictConfig, number: int = 0) -> Job:
    """Return the job that Hydra has composed and is about to run."""
    overrides = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False) or ()
    return Job(number, tuple(str(text) for text in overrides), plain(config))


def where_hydra_runs() -> tuple[Path, Path]:
    """Return the folder of the job that Hydra runs, and the one that relative paths count from."""
    runtime = HydraConfig.get().runtime
    return Path(runtime.output_dir), Path(runtime.cwd)


def _run_single(run_job: RunJob, config: DictConfig) -> None:
    run_job(job_of(config), Destination(*where_hydra_runs()))


@contextmanager
def _as_typed(args: Sequence[str]) -> Iterator[None]:
    """Let the process have the command line `args` while the block lasts."""
    saved, sys.argv = sys.argv, ["evalkit", *args]
    try:
        yield
    finally:
        sys.argv = saved
