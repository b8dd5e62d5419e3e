"""All pictures of one run, by the names they have in ``plots/``.

=================== ============================================================
file                shows
=================== ============================================================
``scorecard.png``   grades with intervals, endings, latencies and tokens at once
``latency.png``     how latencies are distributed, and their percentiles
``cost.png``        dollars by role, tokens by row
``turns.png``       grade and latency by turn; only where a row is a turn
``breakdown.png``   what passed by column of the cases; only in modes that say which
``failures.png``    faults by stage, graders that did not pass; only if there are any
``turn_taking.png`` how long answers and yields took; only of calls in full duplex
=================== ============================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from evalkit.records.record import CaseRecord
from evalkit.reports.rows import ResultTable

Draw = Callable[[Mapping[str, Any], ResultTable, Sequence[CaseRecord]], Callable[[], dict[str, bytes]]]
"""Asks for the pictures of a run, and returns what waits for them: file name -> PNG, as :func:`draw_run` has them."""

PICTURES = ("scorecard.png", "latency.png", "cost.png", "turns.png", "breakdown.png", "failures.png", "turn_taking.png")


def draw_run(summary: Mapping[str, Any], table: ResultTable, records: Sequence[CaseRecord]) -> dict[str, bytes]:
    """Return file name -> PNG. A picture that this run has no use for is left out."""
    drawn = {name: picture(summary, table, records) for name, picture in load_pictures().items()}
    return {name: picture for name, picture in drawn.items() if picture is not None}


def draw_at_last(
    summary: Mapping[str, Any], table: ResultTable, records: Sequence[CaseRecord]
) -> Callable[[], dict[str, bytes]]:
    """Return what draws them when it is called: the :data:`Draw` of a process that has nobody draw beside it."""
    return partial(draw_run, summary, table, records)


def load_pictures() -> Mapping[str, Callable[[Mapping[str, Any], ResultTable, Sequence[CaseRecord]], bytes | None]]:
    """Return what draws each picture. Whoever hands a run to a process that draws never loads it."""
    from evalkit.reports.plots.breakdown import breakdown_png
    from evalkit.reports.plots.cost import cost_png
    from evalkit.reports.plots.failures import failures_png
    from evalkit.reports.plots.latency import latency_png
    from evalkit.reports.plots.scorecard import scorecard_png
    from evalkit.reports.plots.turn_taking import turn_taking_png
    from evalkit.reports.plots.turns import turns_png

    return {
        "scorecard.png": lambda summary, table, _: scorecard_png(summary, table),
        "latency.png": lambda summary, table, _: latency_png(summary, table),
        "cost.png": lambda summary, table, _: cost_png(summary, table.layout),
        "turns.png": lambda summary, table, _: turns_png(summary, table) if table.layout.has_row_per_turn else None,
        "breakdown.png": lambda summary, *_: breakdown_png(summary),
        "failures.png": failures_png,
        "turn_taking.png": lambda summary, _, records: turn_taking_png(summary, records),
    }
