"""What rising realism costs: a panel for each ladder, the share that passed and the grade on each of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalkit.metrics.statistics import Estimate
from evalkit.reports.plots.style import BLUE, GREY, INK, ORANGE, begin_panel, head, new_figure, shortened, to_png
from evalkit.reports.realism import LadderStep, RealismLadder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_IN = 3.6
_MOST_LADDERS = 6


def realism_png(name: str, ladders: Sequence[RealismLadder]) -> bytes | None:
    """Return the picture; None where there is no ladder."""
    shown = ladders[:_MOST_LADDERS]
    if not shown:
        return None
    figure = new_figure(11, 0.9 + _PANEL_IN * len(shown))
    more = f"{len(ladders) - len(shown)} more in realism.json" if len(ladders) > len(shown) else ""
    head(figure, name, ["the same cases at rising realism", "95 % intervals", more])
    panels = figure.subplots(len(shown), 1, squeeze=False)
    for axes, ladder in zip(panels[:, 0], shown, strict=True):
        _draw(axes, ladder)
    height_in = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.07, right=0.97, top=1 - 1.1 / height_in, bottom=0.5 / height_in, hspace=0.45)
    return to_png(figure)


def _draw(axes: Axes, ladder: RealismLadder) -> None:
    begin_panel(axes, shortened(", ".join(ladder.of) or "What passed on each step, and what the step cost", 110), "y")
    steps = ladder.steps
    _draw_line(axes, [each.passed for each in steps], BLUE, "o", -0.04, "passed")
    _draw_line(axes, [each.grade for each in steps], ORANGE, "s", 0.04, "grade")
    for place, each in enumerate(steps):
        if each.passed.mean is not None:
            mean, ground = each.passed.mean, {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
            axes.text(place, mean + 0.04, f"{mean:.2f}", ha="center", va="bottom", color=BLUE, bbox=ground)
        if place:
            axes.text(place - 0.5, 1.2, _cost_words(each), ha="center", va="center", fontsize=9, color=INK)
    axes.set_xticks(range(len(steps)))
    for label in axes.set_xticklabels([f"{shortened(each.step.name, 34)}\nn = {each.passed.n}" for each in steps]):
        label.set_parse_math(False)
    axes.set_xlim(-0.5, len(steps) - 0.5)
    axes.set_ylim(-0.03, 1.27)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.legend(fontsize=8, frameon=False, loc="lower left", ncols=2)


def _draw_line(axes: Axes, found: Sequence[Estimate], colour: str, marker: str, aside: float, name: str) -> None:
    known = [(place + aside, each) for place, each in enumerate(found) if each.mean is not None]
    for place, each in known:
        if each.interval is not None:
            axes.plot([place, place], [each.interval.low, each.interval.high], color=colour, linewidth=2, alpha=0.55)
    places, means = [place for place, _ in known], [each.mean or 0.0 for _, each in known]
    axes.plot(places, means, color=colour, marker=marker, linewidth=1.2, markeredgecolor="white", label=name)
    if not known:
        axes.text(0.5, 0.5, f"no {name}", ha="center", color=GREY, transform=axes.transAxes)


def _cost_words(each: LadderStep) -> str:
    cost = each.cost
    if cost is None or cost.passed is None:
        return "no pairs"
    sure = (
        ""
        if cost.p_adjusted is None
        else f", p {'below 0.001' if cost.p_adjusted < 0.001 else f'{cost.p_adjusted:.3f}'}"
    )
    return f"{cost.passed.difference:+.2f} over {cost.passed.n} pairs{sure}"
