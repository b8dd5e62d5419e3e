"""How long answers and yields took: curves that end below 1 where some never came, and say how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.records.record import CaseRecord
from evalkit.reports.plots.style import BLUE, GREY, VERMILION, begin_panel, head, new_figure, run_facts, say, to_png
from evalkit.reports.turn_taking import read_calls
from evalkit.reports.waits import WaitDistribution, read_waits

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TITLES = {
    "response_latency": "Share answered within a time",
    "yield_latency": "Share of interruptions yielded to within a time",
}
_MARKED_VALUES = 40
_LEAST_S = 2.0


def turn_taking_png(summary: Mapping[str, Any], records: Sequence[CaseRecord]) -> bytes | None:
    """Return the distributions as PNG; None where no call was held in full duplex."""
    waits = {one.metric: one for one in read_waits(list(read_calls(records).timelines.values()))}
    if not waits:
        return None
    figure = new_figure(11, 4.6)
    for axes, (metric, title) in zip(figure.subplots(1, 2), _TITLES.items(), strict=True):
        begin_panel(axes, title, grid="y")
        if metric in waits:
            _draw(axes, waits[metric])
        else:
            say(axes, "nobody interrupted the assistant" if metric == "yield_latency" else "nothing was said to it")
    head(figure, str(summary["run_name"]), run_facts(summary))
    figure.subplots_adjust(left=0.075, right=0.97, top=0.77, bottom=0.2, wspace=0.2)
    return to_png(figure)


def _draw(axes: Axes, waits: WaitDistribution) -> None:
    steps = waits.steps()
    last_s, reached = steps[-1] if steps else (0.0, 0.0)
    until_s = max(_LEAST_S, last_s) * 1.1
    if steps:
        mark = "o" if len(waits.seconds) <= _MARKED_VALUES else ""
        line: dict[str, Any] = {"color": BLUE, "linewidth": 2, "drawstyle": "steps-post"}
        axes.plot([at_s for at_s, _ in steps], [share for _, share in steps], marker=mark, markersize=3.5, **line)
    if waits.missing:
        axes.plot([last_s, until_s], [reached, reached], color=VERMILION, linewidth=2, linestyle=":")
        axes.plot([until_s], [reached], marker=">", color=VERMILION, markersize=9, clip_on=False)
        # Where no curve goes: it has reached its height by then.
        height = 0.12 if reached > 0.3 else 0.6
        axes.text(until_s * 0.99, height, waits.told_missing, ha="right", fontsize=9, color=VERMILION)
    median_s = waits.within_s(0.5)
    if median_s is not None:
        axes.plot([median_s, median_s], [0, 0.5], color=GREY, linewidth=1, linestyle="--")
        axes.text(median_s, 0.02, f" median {median_s:.2f} s", fontsize=9, color=GREY, va="bottom")
    axes.set_ylim(0, 1.03)
    axes.set_xlim(min(0.0, steps[0][0] * 1.1 if steps else 0.0), until_s)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlabel(f"seconds, n = {waits.total}", fontsize=9)
