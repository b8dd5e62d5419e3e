"""A folder with one task, and settings as a line of the command gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from coding_tasks import write_task

from evalkit.compose.planning import plan
from evalkit.modes.coding.mode import CODING
from evalkit.modes.coding.settings import CodingSettings
from evalkit.modes.coding.task import Task
from evalkit.modes.coding.tasks import read_task
from evalkit.runner.jobs import packaged_source
from evalkit.settings.resolution import resolve

MakeSettings: TypeAlias = Callable[..., CodingSettings]


@pytest.fixture
def tasks_dir(tmp_path: Path) -> Path:
    """A folder with one task of Python."""
    write_task(tmp_path / "tasks")
    return tmp_path / "tasks"


@pytest.fixture
def one_task(tasks_dir: Path) -> Task:
    """That task."""
    return read_task(tasks_dir / "python_double")


@pytest.fixture
def make_settings(tasks_dir: Path, tmp_path: Path) -> MakeSettings:
    """Build settings from overrides, for the folder with one task."""

    def make(*overrides: str) -> CodingSettings:
        line = ("mode=coding", f"mode.tasks_dir={tasks_dir}", *overrides)
        config = plan(line, packaged_source()).jobs[0].config
        resolved = resolve(config, tmp_path, CODING.models)
        CODING.settle(resolved)
        return CODING.make_settings(resolved, config)

    return make
