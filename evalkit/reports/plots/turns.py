"""How a dialogue goes on: grade and latency by turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.reports.breakdown import TurnGrade, grades_by_turn
from evalkit.reports.metric_names import name_of
from evalkit.reports.plots.style import (
    BLUE,
    GREY,
    ORANGE,
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

_MOST_TURNS = 40


def turns_png(summary: Mapping[str, Any], table: ResultTable) -> bytes:
    """Return grade and latency by turn as PNG. Never fails for lack of data."""
    lines = grades_by_turn(table)[:_MOST_TURNS]
    figure = new_figure(11, 4.0)
    left, right = figure.subplots(1, 2)
    _draw_grades(left, [line for line in lines if line.grade.mean is not None])
    _draw_waits(right, [line for line in lines if line.wait_ms is not None], name_of(table.layout.answer_latency))
    head(figure, str(summary["run_name"]), run_facts(summary))
    figure.subplots_adjust(left=0.07, right=0.97, top=0.75, bottom=0.15, wspace=0.2)
    return to_png(figure)


def _draw_grades(axes: Axes, lines: Sequence[TurnGrade]) -> None:
    begin_panel(axes, "Lowest grade at each turn, mean and 95 % interval", grid="y")
    if not lines:
        say(axes, "no turn was graded")
        return
    axes.plot(
        [line.turn_index for line in lines], [line.grade.mean or 0.0 for line in lines], "-", color=BLUE, linewidth=1.2
    )
    for line in lines:
        mean, interval = line.grade.mean or 0.0, line.grade.interval
        if interval:
            axes.plot([line.turn_index] * 2, [interval.low, interval.high], color=BLUE, linewidth=2.5)
        axes.plot(line.turn_index, mean, "o", color=BLUE, markersize=8, markeredgecolor="white")
        axes.text(line.turn_index, -0.07, f"n={line.grade.n}", ha="center", va="top", fontsize=8, color=GREY)
    axes.set_ylim(-0.17, 1.05)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    _name_turns(axes, lines)


def _draw_waits(axes: Axes, lines: Sequence[TurnGrade], name: str) -> None:
    begin_panel(axes, f"Median time to {name}, ms" if name else "Latency", grid="y")
    if not lines:
        say(axes, "not measured")
        return
    axes.plot([line.turn_index for line in lines], [line.wait_ms or 0.0 for line in lines], "s-", color=ORANGE)
    axes.set_ylim(0, max(line.wait_ms or 0.0 for line in lines) * 1.15 or 1)
    _name_turns(axes, lines)


def _name_turns(axes: Axes, lines: Sequence[TurnGrade]) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(lines[0].turn_index - 0.6, lines[-1].turn_index + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True))
    axes.set_xlabel("turn", fontsize=9)
