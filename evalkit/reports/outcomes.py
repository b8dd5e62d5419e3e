"""How each case-trial ended, in the words that pictures and pages share, and why one has not passed.

=================== ==============================================================
words               meaning
=================== ==============================================================
``passed``          it passed (:mod:`evalkit.records.passing`)
``not passed``      it did not
``undecided``       it ended well, and whether it passed is not known
``fault: assistant`` it broke off by the assistant's own fault: not passed
``lost: <fault>``   it broke off by somebody else's fault, and does not count
=================== ==============================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalkit.records.faults import Fault
from evalkit.records.passing import required_graders
from evalkit.records.record import CaseRecord
from evalkit.reports.rows import ResultTable, Row

PASSED, NOT_PASSED, UNDECIDED = "passed", "not passed", "undecided"
ASSISTANT_FAULT = f"fault: {Fault.ASSISTANT}"
_ORDER = (PASSED, NOT_PASSED, ASSISTANT_FAULT, UNDECIDED)


@dataclass(frozen=True)
class Shortfall:
    """A required grader that did not give a row the full grade; `turn_index` is None where a row is a whole case."""

    grader_id: str
    turn_index: int | None
    rationale: str


def endings_of(table: ResultTable) -> dict[str, str]:
    """Return case-trial -> how it ended, in the table's order."""
    faults = {row.key: str(row.cells["fault"]) for row in table.rows}
    return {key: _ending(faults[key], passed) for key, passed in table.passed.items()}


def count_endings(endings: Mapping[str, str]) -> dict[str, int]:
    """Return ending -> how many case-trials, best first; those that did not happen are left out."""
    counts = Counter(endings.values())
    order = [*_ORDER, *sorted(set(counts) - set(_ORDER))]
    return {name: counts[name] for name in order if counts[name]}


def find_shortfalls(table: ResultTable, record: CaseRecord, rows: Sequence[Row]) -> list[Shortfall]:
    """Return what kept `record`, whose rows `rows` are, from passing: each required grade below 1, row by row."""
    required = [grader_id for grader_id in table.grader_ids if grader_id in required_graders(record.case)]
    found = []
    for row in rows:
        turn_index = row.cells.get("turn_index") if table.layout.has_row_per_turn else None
        for grader_id in required:
            grade = row.cells.get(f"{grader_id}_grade")
            if isinstance(grade, int | float) and grade < 1:
                words = str(row.cells.get(f"{grader_id}_rationale") or "")
                found.append(Shortfall(grader_id, turn_index if isinstance(turn_index, int) else None, words))
    return found


def describe_undecided(table: ResultTable, record: CaseRecord, rows: Sequence[Row]) -> str:
    """Return in words why it is not decided whether `record` passed, though it was not lost."""
    required = required_graders(record.case)
    graded = [row for row in rows for grader in required if row.cells.get(f"{grader}_grade") is not None]
    if not graded:
        return "not graded"
    silent = [
        grader_id
        for grader_id in table.grader_ids
        if grader_id in required
        and any(row.cells.get(f"{grader_id}_grade") is None and row.cells.get(f"{grader_id}_rationale") for row in rows)
    ]
    return f"not decided: no verdict of {', '.join(silent)}" if silent else "not decided"


def _ending(fault: str, passed: bool | None) -> str:
    if fault:
        return ASSISTANT_FAULT if fault == Fault.ASSISTANT else f"lost: {fault}"
    return UNDECIDED if passed is None else PASSED if passed else NOT_PASSED
