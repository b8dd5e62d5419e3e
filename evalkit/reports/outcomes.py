"""How each case-trial ended, in the words that pictures and pages share.

=================== ==============================================================
words               meaning
=================== ==============================================================
``passed``          full grade
``not passed``      a grade below 1
``ungraded``        it ended well and nothing could be graded
``fault: assistant`` it broke off by the assistant's own fault, and counts
``lost: <fault>``   it broke off by somebody else's fault, and does not count
=================== ==============================================================

The grade is the row's own (right tool and right arguments); where no row of a case-trial has one, it is the lowest that
any other grader gave.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from evalkit.records.faults import Fault
from evalkit.reports.rows import ResultTable, Row

PASSED, NOT_PASSED, UNGRADED = "passed", "not passed", "ungraded"
ASSISTANT_FAULT = f"fault: {Fault.ASSISTANT}"
_ORDER = (PASSED, NOT_PASSED, ASSISTANT_FAULT, UNGRADED)


def endings_of(table: ResultTable) -> dict[str, str]:
    """Return case-trial -> how it ended, in the table's order."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in table.rows:
        rows[row.key].append(row)
    return {key: _ending(found, case_grade(found, table.grader_ids)) for key, found in rows.items()}


def count_endings(endings: Mapping[str, str]) -> dict[str, int]:
    """Return ending -> how many case-trials, best first; those that did not happen are left out."""
    counts = Counter(endings.values())
    order = [*_ORDER, *sorted(set(counts) - set(_ORDER))]
    return {name: counts[name] for name in order if counts[name]}


def case_grade(rows: Sequence[Row], grader_ids: Sequence[str]) -> float | None:
    """Return the grade of the case-trial that `rows` make up; None where nothing was graded."""
    own = _numbers(rows, ("grade",))
    found = own or _numbers(rows, [f"{grader_id}_grade" for grader_id in grader_ids])
    return min(found, default=None)


def _ending(rows: Sequence[Row], grade: float | None) -> str:
    fault = next((str(row.cells["fault"]) for row in rows if row.cells.get("fault")), "")
    if fault:
        return ASSISTANT_FAULT if fault == Fault.ASSISTANT else f"lost: {fault}"
    if grade is None:
        return UNGRADED
    return PASSED if grade == 1 else NOT_PASSED


def _numbers(rows: Sequence[Row], columns: Sequence[str]) -> list[float]:
    cells = (row.cells.get(column) for row in rows for column in columns)
    return [float(cell) for cell in cells if isinstance(cell, int | float)]
