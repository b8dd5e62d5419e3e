"""What rising realism costs in stored runs: read from their folders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from evalkit.errors import ConfigError
from evalkit.records.layout import ResultLayout
from evalkit.reports.realism import RealismReport, find_realism, has_several_steps
from evalkit.runs.sides import make_side
from evalkit.runs.stored_run import open_run


def read_realism(
    folders: Sequence[Path], layout_of: Callable[[Mapping[str, Any]], ResultLayout]
) -> RealismReport | None:
    """Return what rising realism costs in the runs in `folders`; None where they were all held in one way.

    A folder without a run that can be read is passed over; a run whose grades are gone is named among those left out.

    Args:
        folders: Where the runs are.
        layout_of: Returns how the results of a run with this config are laid out; may raise ConfigError.

    """
    runs = []
    for folder in folders:
        with suppress(ConfigError):
            stored = open_run(folder, "a comparison of steps")
            runs.append((stored, layout_of(stored.config)))
    if not has_several_steps([stored.config for stored, _ in runs]):
        return None
    sides, ungraded = [], []
    for stored, layout in runs:
        try:
            sides.append(make_side(stored, layout))
        except ConfigError as error:
            ungraded.append(f"{stored.root.name}: {error}")
    found = find_realism(sides)
    return replace(found, left_out=(*found.left_out, *ungraded))
