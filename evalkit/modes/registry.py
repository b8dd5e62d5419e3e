"""Which modes there are, by name."""

from __future__ import annotations

from evalkit.errors import ConfigError
from evalkit.modes.voice.layouts import CRAWL_LAYOUT, RUN_LAYOUT, WALK_LAYOUT
from evalkit.records.layout import ResultLayout
from evalkit.settings.names import did_you_mean

_LAYOUTS = {layout.mode: layout for layout in (CRAWL_LAYOUT, WALK_LAYOUT, RUN_LAYOUT)}


def find_layout(mode: str) -> ResultLayout:
    """Return what the results of `mode` look like. Raises ConfigError for a mode that is not installed."""
    if mode not in _LAYOUTS:
        known = ", ".join(_LAYOUTS)
        raise ConfigError(f"mode {mode!r} is not installed; there are {known}{did_you_mean(mode, list(_LAYOUTS))}")
    return _LAYOUTS[mode]
