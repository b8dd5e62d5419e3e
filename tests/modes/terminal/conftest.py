"""Settings of mode=terminal as a line of the command gives them, for the shipped cases and for one of one's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from terminal_sessions import write_case

from evalkit.compose.planning import plan
from evalkit.modes.terminal.mode import TERMINAL
from evalkit.modes.terminal.settings import TerminalSettings
from evalkit.runner.jobs import packaged_source
from evalkit.settings.resolution import resolve

MakeTerminalSettings: TypeAlias = Callable[..., TerminalSettings]


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeTerminalSettings:
    """Build settings from overrides, for the shipped cases and the demo agent."""

    def make(*overrides: str) -> TerminalSettings:
        config = plan(("mode=terminal", *overrides), packaged_source()).jobs[0].config
        resolved = resolve(config, tmp_path, TERMINAL.models)
        TERMINAL.settle(resolved)
        return TERMINAL.make_settings(resolved, config)

    return make


@pytest.fixture
def cases_dir(tmp_path: Path) -> Path:
    """A folder with a case and its index."""
    folder = tmp_path / "cases"
    folder.mkdir()
    write_case(folder, initial_prompt="create a.txt with text HELLO")
    (folder / "cases.csv").write_text("case_file\na_case.yaml\n")
    return folder


@pytest.fixture
def make_own_settings(cases_dir: Path, make_settings: MakeTerminalSettings) -> MakeTerminalSettings:
    """Build settings from overrides, for the folder with one case, without a box."""

    def make(*overrides: str) -> TerminalSettings:
        return make_settings(f"mode.data_csv={cases_dir}/cases.csv", "mode.sandbox=none", *overrides)

    return make
