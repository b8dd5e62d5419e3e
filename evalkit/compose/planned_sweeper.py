"""Hydra's sweeper for jobs that are planned: it hands them on, and composes none of them to see whether that works.

Hydra's own composes every job before the first one begins, and again to run it. All were composed when the line was
planned; ten thousand jobs waited five minutes for the second time. Jobs that run in this process one after the other
are composed for that, so only those that are to be run are handed on; other launchers pick theirs themselves
(:mod:`evalkit.compose.current_launch`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from evalkit.runner.jobs import BASIC_LAUNCHER, Plan

_THEIRS = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


@dataclass(frozen=True)
class _Planned:
    """The overrides of every job, and the numbers of those to hand on."""

    overrides: Sequence[Sequence[str]]
    numbers: frozenset[int]


_planned: _Planned | None = None


class PlannedSweeper(Sweeper):
    """Hands jobs on as Hydra's basic sweeper does, in batches of `max_batch_size` if there are to be any.

    `params` stand in the plan already.
    """

    def __init__(self, max_batch_size: int | None, params: object = None) -> None:
        self._most = max_batch_size
        del params
        self._launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher."""
        self.config = config
        self._launcher = Plugins.instance().instantiate_launcher(hydra_context, task_function, config)

    def sweep(self, arguments: list[str]) -> Any:  # noqa: ARG002  what they make is planned
        """Launch the planned jobs."""
        if self._launcher is None or _planned is None or self.config is None:
            raise RuntimeError("no sweep is being launched by this process")
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        returned = []
        for first, batch in _batches(_planned, self._most):
            results = self._launcher.launch(batch, initial_job_idx=first)
            for result in results:
                _ = result.return_value  # raises what the job raised
            returned.append(results)
        return returned


def _batches(planned: _Planned, most: int | None) -> Iterator[tuple[int, Sequence[Sequence[str]]]]:
    """Yield jobs that follow one another, with the number of the first."""
    for is_wanted, group in groupby(range(len(planned.overrides)), planned.numbers.__contains__):
        numbers = list(group)
        size = most or len(numbers)
        for place in range(0, len(numbers) if is_wanted else 0, size):
            batch = numbers[place : place + size]
            yield batch[0], [list(planned.overrides[number]) for number in batch]


@contextmanager
def sweeping_over(planned: Plan, numbers: Collection[int]) -> Iterator[None]:
    """Let Hydra, where a config asks for its basic sweeper, hand on jobs of a plan while the block lasts.

    In this process those in `numbers`; to a launcher that picks its own, all of them.
    """
    global _planned  # noqa: PLW0603  Hydra makes its plugins itself and passes them nothing of ours
    known = Plugins.instance().class_name_to_class
    theirs, known[_THEIRS] = known[_THEIRS], PlannedSweeper
    everything = range(len(planned.jobs))
    handed_on = numbers if planned.launcher == BASIC_LAUNCHER else everything
    _planned = _Planned([job.overrides for job in planned.jobs], frozenset(handed_on))
    try:
        yield
    finally:
        _planned = None
        known[_THEIRS] = theirs
