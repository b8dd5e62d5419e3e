"""Why case-trials did not end well: faults with stage and kind, and how many each grader did not pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.records.faults import Fault
from evalkit.records.record import CaseRecord
from evalkit.reports.breakdown import count_failing_graders, count_faults
from evalkit.reports.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    begin_panel,
    draw_counts,
    head,
    new_figure,
    run_facts,
    say,
    shortened,
    to_png,
)
from evalkit.reports.rows import ResultTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_LINES = 14
_COLOURS = {
    Fault.ASSISTANT: VERMILION,
    Fault.SIMULATOR: PURPLE,
    Fault.JUDGE: SKY,
    Fault.TOOL_MOCK: BLUE,
    Fault.INFRASTRUCTURE: GREY,
    Fault.DATA: BLUE,
}


def failures_png(summary: Mapping[str, Any], table: ResultTable, records: Sequence[CaseRecord]) -> bytes | None:
    """Return what failed as PNG, or None where nothing did."""
    faults, graders = count_faults(records), count_failing_graders(table)
    if not faults and not graders:
        return None
    figure = new_figure(11, 2.2 + 0.36 * min(_MOST_LINES, max(3, len(faults), len(graders))))
    left, right = figure.subplots(1, 2)
    _draw(left, "Broke off: fault, stage, kind", [(f.name, f.count, _COLOURS[f.fault]) for f in faults])
    _draw(right, "Below full grade, by grader", [(g.grader_id, g.failed, ORANGE) for g in graders])
    head(figure, str(summary["run_name"]), run_facts(summary))
    height_in = figure.get_size_inches()[1]
    figure.subplots_adjust(left=0.24, right=0.975, top=1 - 1.05 / height_in, bottom=0.45 / height_in, wspace=0.5)
    return to_png(figure)


def _draw(axes: Axes, title: str, lines: Sequence[tuple[str, int, str]]) -> None:
    begin_panel(axes, f"{title}: {_MOST_LINES} of {len(lines)}" if len(lines) > _MOST_LINES else title)
    if not lines:
        say(axes, "none")
        return
    draw_counts(axes, [(shortened(name, 34), count, colour) for name, count, colour in lines[:_MOST_LINES]])
