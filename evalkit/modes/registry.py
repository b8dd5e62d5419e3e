"""Every mode by name. Shipped and third-party modes are found in the same way: entry points ``evalkit.modes``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from evalkit.errors import ConfigError
from evalkit.modes.mode import Mode
from evalkit.records.layout import ResultLayout
from evalkit.settings.names import did_you_mean
from evalkit.settings.plugins import find_entry_points, load

GROUP = "evalkit.modes"


@cache
def find_mode(name: str) -> Mode[Any, Any]:
    """Return the mode called `name`. Raises ConfigError where no installed distribution has it."""
    point = find_entry_points(GROUP).get(name)
    if point is None:
        known = tuple(find_entry_points(GROUP))
        raise ConfigError(
            f"mode {name!r} is not installed{did_you_mean(name, known)}; installed modes: {', '.join(known)} "
            "(one just added to a package is known once that is installed again: pip install --no-deps -e .)"
        )
    mode = load(point, GROUP)
    if not isinstance(mode, Mode):
        raise ConfigError(f"entry point {point.name} = {point.value!r} of {GROUP} is not a mode; see docs/extending.md")
    return mode


def mode_of(config: Mapping[str, Any]) -> Mode[Any, Any]:
    """Return the mode that a run's `config` is of. Raises ConfigError where no installed distribution has it."""
    return find_mode(str(config["mode"]["name"])).of_config(config)


def layout_of(config: Mapping[str, Any]) -> ResultLayout:
    """Return how the results of a run's `config` are laid out. Raises ConfigError as :func:`mode_of` does."""
    return mode_of(config).layout
