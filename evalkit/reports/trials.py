"""One number per case-trial and metric: what a run is compared and repeated by.

A dialogue has a row for each turn. Its `grade` is the lowest of its rows' (one wrong call spoils it), every other
metric the mean over the rows that have it. Whether it `passed` is asked of :mod:`evalkit.records.passing` and stands on
its last row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import fmean

from evalkit.reports.rows import ResultTable, Row

PASSED, GRADE = "passed", "grade"
CALLS, ARGUMENTS = "tool_call_correctness", "tool_call_arg_correctness"
# Graders whose grades fill the two columns above; a table that shows those need not show them again.
_SHOWN_AS_COLUMNS = ("tool_call", "tool_call_args")


def graded_metrics(table: ResultTable) -> tuple[str, ...]:
    """Return a table's metrics, each once: `passed`, then those of tool calls, then each grader's."""
    if table.layout.grades_calls:
        others = [grader_id for grader_id in table.grader_ids if grader_id not in _SHOWN_AS_COLUMNS]
        return (PASSED, GRADE, CALLS, ARGUMENTS, *(f"{grader_id}_grade" for grader_id in others))
    return (PASSED, *(f"{grader_id}_grade" for grader_id in table.grader_ids))


def trial_values(rows: Sequence[Row], metric: str) -> dict[str, float]:
    """Return the value of `metric` of each case-trial in `rows` that has one, by key."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        value = row.cells.get(metric)
        if isinstance(value, int | float):
            found[row.key].append(value)
    return {key: min(values) if metric == GRADE else fmean(values) for key, values in found.items()}
