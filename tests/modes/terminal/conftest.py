"""Settings of mode=terminal as a line of the command gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

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
