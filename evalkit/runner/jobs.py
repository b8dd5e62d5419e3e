"""What a command line will run, in plain types: where configs come from, the jobs, and where each of them lies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.errors import ConfigError
from evalkit.settings.resources import resource_dir
from evalkit.store.heartbeat import LOST_AFTER_S

if TYPE_CHECKING:
    from evalkit.runner.job_wait import Waited

BASIC_LAUNCHER = "basic"
"""Hydra's own, which runs one job after the other."""

_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Source:
    """Where configs come from: a primary config, and folders that add options to its groups."""

    config_dir: Path
    config_name: str = "config"
    search_dirs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Job:
    """One job of a command line: its number in a sweep, its own overrides, and the config they compose.

    Overrides of Hydra itself (``hydra/launcher=…``) say how jobs run, not what they do, and are in no job. The job of a
    sweep has a folder of its own in the sweep's root, `directory_name`; of a single run it is empty.
    """

    number: int
    overrides: tuple[str, ...]
    config: Mapping[str, Any]
    directory_name: str = ""


@dataclass(frozen=True)
class Plan:
    """What a command line will run, and by which launcher with which settings: of no effect on a single run.

    `composed` is the config of a single run as its composer has it, for the launcher only.
    """

    source: Source
    overrides: tuple[str, ...]
    multirun: bool
    jobs: tuple[Job, ...]
    launcher: str = BASIC_LAUNCHER
    launcher_settings: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    composed: object = field(default=None, repr=False, compare=False)


class Destination(NamedTuple):
    """Where a launched job writes, the folder that its relative paths count from, and in what company it runs.

    Attributes:
        run_dir: The job's own folder.
        working_dir: What relative paths count from.
        in_sweep: Whether it is one of many.
        in_worker: Whether it runs in a process of its own beside others, so that the terminal is not its alone.
        lost_after_s: A process of the sweep on another machine that gives no sign of life for so long is gone.

    """

    run_dir: Path
    working_dir: Path
    in_sweep: bool = False
    in_worker: bool = False
    lost_after_s: float = LOST_AFTER_S


@dataclass(frozen=True)
class Launched:
    """How a launch ended.

    Attributes:
        interrupted: Whether it was asked to end.
        waited: What was known when jobs that run elsewhere were waited for no more; None: all jobs ran from here.
        notes: A sentence for each wait that left jobs behind.

    """

    interrupted: bool = False
    waited: Waited | None = None
    notes: tuple[str, ...] = ()

    def joined_with(self, later: Launched) -> Launched:
        """Return how this one and a later one of the same sweep ended."""
        waited = self.waited.joined_with(later.waited) if self.waited and later.waited else self.waited or later.waited
        return Launched(self.interrupted or later.interrupted, waited, (*self.notes, *later.notes))


RunJob = Callable[[Job, Destination], None]


def packaged_source(search_dirs: Sequence[str] = ()) -> Source:
    """Return the shipped ``conf/``, with `search_dirs` adding options. Raises ConfigError for a missing folder."""
    folders = tuple(Path(folder).expanduser().resolve() for folder in search_dirs)
    missing = [f"--config-dir: {folder} is not a folder" for folder in folders if not folder.is_dir()]
    if missing:
        raise ConfigError(missing)
    return Source(resource_dir("conf"), search_dirs=folders)


def name_directories(jobs: Sequence[Sequence[str]]) -> list[str]:
    """Return the name of each job's folder: its number, and those of its overrides that not every job has."""
    shared = frozenset.intersection(*map(frozenset, jobs)) if len(jobs) > 1 else frozenset()
    own = (sorted(override for override in job if override not in shared) or sorted(job) for job in jobs)
    return [f"{number}_{slug(','.join(overrides))}" for number, overrides in enumerate(own)]


def slug(text: str, limit: int = 60) -> str:
    """Return `text` as part of a directory name: safe characters, at most `limit`, a hash when anything was changed."""
    safe = _UNSAFE_IN_NAME.sub("-", text).strip("-.")[:limit]
    return safe if safe == text else f"{safe}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")
