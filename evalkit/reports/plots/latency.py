"""How long people waited: the share of turns that were answered within a time, and the percentiles beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.reports.metric_names import name_of
from evalkit.reports.plots.percentiles import draw_percentiles, say_not_comparable
from evalkit.reports.plots.style import (
    DASHES,
    MARKERS,
    SERIES,
    begin_panel,
    head,
    new_figure,
    run_facts,
    say,
    to_png,
)
from evalkit.reports.rows import ResultTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKED_VALUES = 40  # with more values than that, a mark each would hide the line


def latency_png(summary: Mapping[str, Any], table: ResultTable) -> bytes:
    """Return the latencies of a run as PNG. Never fails for lack of data."""
    figure = new_figure(11, 4.9)
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": [1.25, 1]})
    _draw_shares(left, _latencies(table))
    draw_percentiles(right, summary, table.layout.latency_columns, "Percentiles, ms")
    say_not_comparable(right, summary)
    head(figure, str(summary["run_name"]), run_facts(summary))
    figure.subplots_adjust(left=0.075, right=0.97, top=0.79, bottom=0.24, wspace=0.38)
    return to_png(figure)


def _latencies(table: ResultTable) -> dict[str, list[float]]:
    """Return column -> its values, smallest first, of the rows that count; columns without values are left out."""
    scored = [row.cells for row in table.rows if row.scored]
    found = {
        column: sorted(float(value) for cells in scored if isinstance(value := cells.get(column), int | float))
        for column in table.layout.latency_columns
    }
    return {column: values for column, values in found.items() if values}


def _draw_shares(axes: Axes, latencies: Mapping[str, list[float]]) -> None:
    begin_panel(axes, "Share of turns answered within a time", grid="y")
    if not latencies:
        say(axes, "not measured")
        return
    styles = zip(SERIES, MARKERS, DASHES, strict=False)
    for (column, values), (colour, marker, dashes) in zip(latencies.items(), styles, strict=False):
        shares = np.arange(1, len(values) + 1) / len(values)
        line: dict[str, Any] = {"color": colour, "linestyle": dashes, "linewidth": 2, "drawstyle": "steps-post"}
        mark = marker if len(values) <= _MARKED_VALUES else ""
        label = f"{name_of(column)}, n={len(values)}"
        axes.plot([values[0], *values], [0.0, *shares], marker=mark, markersize=3.5, label=label, **line)
    axes.set_ylim(0, 1.03)
    axes.set_xlim(0, max(values[-1] for values in latencies.values()) * 1.05 or 1)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel("ms since the answer was asked for", fontsize=9)
    # Below the axis, where no curve goes.
    axes.legend(loc="upper left", bbox_to_anchor=(-0.01, -0.16), ncols=2, fontsize=8, frameon=False)
