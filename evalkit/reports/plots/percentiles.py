"""Percentiles of one column a line: p50, p95 and p99, and their 95 % intervals where the summary has them.

The median's number stands above a line's marks, intervals lie below them, and the legend stands in the title's row:
nothing lies on anything else.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.reports.metric_names import name_of
from evalkit.reports.plots.style import BLUE, FAINT, ORANGE, VERMILION, begin_panel, name_lines, say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = (("p50", "o", BLUE), ("p95", "s", ORANGE), ("p99", "D", VERMILION))


def draw_percentiles(axes: Axes, summary: Mapping[str, Any], columns: Sequence[str], title: str) -> None:
    """Draw the percentiles of every column of `columns` that was measured; say so when none was."""
    begin_panel(axes, title)
    measured = [column for column in columns if all(summary.get(f"{column}_{part}") is not None for part, *_ in _MARKS)]
    if not measured:
        say(axes, "not measured")
        return
    most = 0.0
    for place, column in enumerate(measured):
        most = max(most, _draw_line(axes, place, summary, column))
    name_lines(axes, [name_of(column) for column in measured])
    axes.set_xlim(0, most * 1.08 or 1)
    axes.set_ylim(max(len(measured), 3) - 0.35, -0.75)
    for label, marker, colour in _MARKS:
        axes.plot([], [], marker, color=colour, label=label)
    tight = {"borderpad": 0, "borderaxespad": 0, "handlelength": 1.0, "handletextpad": 0.2, "columnspacing": 1.0}
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.03), ncols=3, fontsize=8, frameon=False, **tight)


def say_not_comparable(axes: Axes, summary: Mapping[str, Any]) -> None:
    """Say under a panel of latencies why they may not be compared with another run's, where that is so."""
    if summary["publishable_latencies"] or not axes.get_legend():
        return
    reason = f"not comparable with other runs: {summary['publishable_latencies_reason']}"
    axes.set_xlabel(textwrap.fill(reason, 70), fontsize=7.5, color=VERMILION, loc="left", multialignment="left")


def _draw_line(axes: Axes, place: int, summary: Mapping[str, Any], column: str) -> float:
    """Draw one line and return the largest value on it."""
    p50, p99 = summary[f"{column}_p50"], summary[f"{column}_p99"]
    axes.plot([p50, p99], [place, place], color=FAINT, linewidth=5, solid_capstyle="round", zorder=1)
    most: float = p99
    for offset, (part, marker, colour) in zip((0.17, 0.26, 0.35), _MARKS, strict=True):
        value = summary[f"{column}_{part}"]
        axes.plot(value, place, marker, color=colour, markersize=7, markeredgecolor="white", zorder=3)
        if interval := summary.get(f"{column}_{part}_ci95"):
            low, high = interval
            axes.plot([low, high], [place + offset, place + offset], color=colour, linewidth=1.4, zorder=2)
            most = max(most, high)
    axes.annotate(f"{p50:,.0f}", (p50, place), (0, 8), textcoords="offset points", ha="center", fontsize=8)
    return most
