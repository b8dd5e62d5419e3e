"""What a run took: dollars by role, and tokens by row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalkit.records.layout import ResultLayout
from evalkit.reports.plots.percentiles import draw_percentiles
from evalkit.reports.plots.style import (
    BLUE,
    GREY,
    INK,
    begin_panel,
    head,
    name_lines,
    new_figure,
    run_facts,
    say,
    shortened,
    to_png,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def cost_png(summary: Mapping[str, Any], layout: ResultLayout) -> bytes:
    """Return tokens and cost of a run as PNG. Never fails for lack of data; an unknown price is said to be unknown."""
    figure = new_figure(11, 3.9)
    left, right = figure.subplots(1, 2)
    _draw_cost(left, summary["cost_usd"])
    draw_percentiles(right, summary, layout.token_columns, "Tokens per row")
    head(figure, str(summary["run_name"]), run_facts(summary))
    figure.subplots_adjust(left=0.11, right=0.97, top=0.75, bottom=0.12, wspace=0.42)
    return to_png(figure)


def _draw_cost(axes: Axes, cost_usd: Mapping[str, float | None]) -> None:
    begin_panel(axes, "Cost by role, dollars")
    if not cost_usd:
        say(axes, "nothing was metered")
        return
    most = max((cost for cost in cost_usd.values() if cost is not None), default=0.0)
    for place, cost in enumerate(cost_usd.values()):
        axes.barh(place, cost or 0.0, color=BLUE, height=0.6)
        words = "price unknown" if cost is None else f"${cost:,.4f}"
        axes.text((cost or 0.0) + most * 0.02, place, words, va="center", fontsize=9, color=INK if cost else GREY)
    name_lines(axes, [shortened(role, 16) for role in cost_usd])
    axes.set_xlim(0, most * 1.25 or 1)
    if not most:
        axes.set_xticks([])
