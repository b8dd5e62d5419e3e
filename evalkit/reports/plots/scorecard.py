"""The scorecard: one picture of a run, readable at page width, in colours that colour-blind readers can tell apart.

Four panels: grades with their 95 % intervals and n, how the case-trials ended, latency percentiles, tokens and cost. A
panel without data says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.reports.metric_names import list_graded_metrics, mean_line, name_of
from evalkit.reports.outcomes import ASSISTANT_FAULT, NOT_PASSED, PASSED, UNDECIDED, count_endings, endings_of
from evalkit.reports.plots.percentiles import draw_percentiles, say_not_comparable
from evalkit.reports.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    SKY,
    VERMILION,
    begin_panel,
    draw_counts,
    head,
    name_lines,
    new_figure,
    run_facts,
    say,
    shortened,
    to_png,
)
from evalkit.reports.rows import ResultTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_GRADES = 14
_COLOURS = {PASSED: GREEN, NOT_PASSED: ORANGE, ASSISTANT_FAULT: VERMILION, UNDECIDED: SKY}


@dataclass(frozen=True)
class _Line:
    """One metric with what the summary says of it."""

    name: str
    mean: float
    n: int
    low: float
    high: float


def scorecard_png(summary: Mapping[str, Any], table: ResultTable) -> bytes:
    """Return the scorecard of a run as PNG. Never fails for lack of data."""
    lines, left_out = _grade_lines(summary)
    figure = new_figure(11, 7.2 + 0.22 * max(0, len(lines) - 6))
    heights = [max(3.2, 0.42 * len(lines)), 3.0]
    axes = figure.subplots(2, 2, gridspec_kw={"height_ratios": heights, "width_ratios": [1.2, 1]})
    _draw_grades(axes[0][0], lines, left_out)
    _draw_outcomes(axes[0][1], count_endings(endings_of(table)))
    draw_percentiles(axes[1][0], summary, table.layout.latency_columns, "Latency, ms")
    say_not_comparable(axes[1][0], summary)
    draw_percentiles(axes[1][1], summary, table.layout.token_columns, "Tokens per row")
    _draw_frame(figure, summary)
    return to_png(figure)


def _draw_frame(figure: Figure, summary: Mapping[str, Any]) -> None:
    head(figure, str(summary["run_name"]), run_facts(summary))
    cost: dict[str, Any] = {"parse_math": False, "color": INK, "transform": figure.transFigure}
    figure.text(0.02, 0.014, _cost_line(summary["cost_usd"]), fontsize=9, **cost)
    figure.subplots_adjust(left=0.15, right=0.965, top=0.865, bottom=0.12, hspace=0.36, wspace=0.62)


def _draw_grades(axes: Axes, lines: Sequence[_Line], left_out: int) -> None:
    more = f"; {left_out} of fewer cases are not shown" if left_out else ""
    begin_panel(axes, f"Grades, mean and 95 % interval{more}")
    if not lines:
        say(axes, "nothing was graded")
        return
    for place, line in enumerate(lines):
        axes.plot([line.low, line.high], [place, place], color=BLUE, linewidth=2.5, solid_capstyle="round")
        axes.plot(line.mean, place, "o", color=BLUE, markersize=8, markeredgecolor="white")
        axes.text(1.04, place, f"{line.mean:.2f}", va="center", fontsize=9, color=INK, fontweight="bold")
        axes.text(1.14, place, f"n={line.n}", va="center", fontsize=8, color=GREY)
    name_lines(axes, [line.name for line in lines])
    axes.set_xlim(-0.02, 1.02)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])


def _draw_outcomes(axes: Axes, endings: Mapping[str, int]) -> None:
    begin_panel(axes, "How the case-trials ended")
    if not endings:
        say(axes, "nothing has ended yet")
        return
    draw_counts(axes, [(name, count, _COLOURS.get(name, GREY)) for name, count in endings.items()])


def _grade_lines(summary: Mapping[str, Any]) -> tuple[list[_Line], int]:
    """Return the lines that there is room for, in the summary's order, and how many are left out: those of least n."""
    metrics = list_graded_metrics(summary)
    most_n_first = sorted(metrics[1:], key=lambda metric: -int(summary[f"{metric}_n"]))
    shown = {*metrics[:1], *most_n_first[: _MOST_GRADES - 1]}
    lines = []
    for metric in (metric for metric in metrics if metric in shown):
        mean, n, interval = mean_line(summary, metric)
        low, high = interval or (mean, mean)
        lines.append(_Line(shortened(name_of(metric), 22), mean, n, low, high))
    return lines, len(metrics) - len(lines)


def _cost_line(cost_usd: Mapping[str, float | None]) -> str:
    if not cost_usd:
        return "Cost: nothing was metered"
    parts = [f"{role} {'unknown' if cost is None else f'${cost:,.4f}'}" for role, cost in cost_usd.items()]
    return "Cost: " + "   ·   ".join(parts)
