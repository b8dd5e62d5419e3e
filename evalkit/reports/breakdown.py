"""What a run's results break down into: faults with their cause, graders that did not pass, grades by turn."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.metrics.statistics import Estimate, estimate_mean
from evalkit.records.faults import Fault
from evalkit.records.record import CaseRecord
from evalkit.reports.rows import ResultTable, Row, row_number


@dataclass(frozen=True)
class FaultCount:
    """Case-trials that broke off in the same way; `example` is the first of them."""

    fault: Fault
    stage: str
    error_type: str
    count: int
    example: str
    message: str

    @property
    def name(self) -> str:
        """The way in words."""
        return f"{self.fault} · {self.stage} · {self.error_type}"


@dataclass(frozen=True)
class GraderCount:
    """Case-trials that count and that a grader gave less than 1, of those it graded; `reason` is the commonest."""

    grader_id: str
    failed: int
    graded: int
    reason: str
    example: str


@dataclass(frozen=True)
class TurnGrade:
    """What was found at one turn over all dialogues.

    `wait_ms` is the median of the mode's answer latency; None where nothing was measured.
    """

    turn_index: int
    grade: Estimate
    wait_ms: float | None


def count_faults(records: Sequence[CaseRecord]) -> list[FaultCount]:
    """Return how case-trials broke off, the most frequent way first."""
    found: dict[tuple[str, str, str], list[CaseRecord]] = defaultdict(list)
    for record in records:
        if record.fault and record.failure:
            found[record.fault, record.failure.stage, record.failure.error_type].append(record)
    counts = [
        FaultCount(
            Fault(fault), stage, kind, len(same), same[0].key, same[0].failure.message if same[0].failure else ""
        )
        for (fault, stage, kind), same in found.items()
    ]
    return sorted(counts, key=lambda count: (-count.count, count.name))


def count_failing_graders(table: ResultTable) -> list[GraderCount]:
    """Return the graders that did not pass everything, the most frequent first."""
    counts = [count for grader_id in table.grader_ids if (count := _count_failed(table, grader_id))]
    return sorted(counts, key=lambda count: (-count.failed, count.grader_id))


def grades_by_turn(table: ResultTable) -> list[TurnGrade]:
    """Return a line for each turn that any dialogue reached, in order; a row's lowest grade of any grader counts."""
    rows: dict[int, list[Row]] = defaultdict(list)
    for row in table.rows:
        turn_index = row.cells.get("turn_index")
        if row.scored and isinstance(turn_index, int) and turn_index > 0:
            rows[turn_index].append(row)
    return [_at_turn(index, rows[index], table) for index in sorted(rows)]


def _count_failed(table: ResultTable, grader_id: str) -> GraderCount | None:
    graded: set[str] = set()
    failed: dict[str, None] = {}
    reasons: Counter[str] = Counter()
    for row in table.rows:
        grade = row_number(row, f"{grader_id}_grade")
        if not row.scored or grade is None:
            continue
        graded.add(row.key)
        if grade < 1:
            failed[row.key] = None
            reasons[str(row.cells.get(f"{grader_id}_rationale") or "")] += 1
    if not failed:
        return None
    return GraderCount(grader_id, len(failed), len(graded), reasons.most_common(1)[0][0], next(iter(failed)))


def _at_turn(turn_index: int, rows: Sequence[Row], table: ResultTable) -> TurnGrade:
    columns = [f"{grader_id}_grade" for grader_id in table.grader_ids]
    graded: list[tuple[str, float]] = []
    for row in rows:
        given = [value for column in columns if (value := row_number(row, column)) is not None]
        if given:
            graded.append((row.case_id, min(given)))
    grade = estimate_mean([value for _, value in graded], [case_id for case_id, _ in graded], seed=0)
    waits = [wait for row in rows if (wait := row_number(row, table.layout.answer_latency)) is not None]
    return TurnGrade(turn_index, grade, statistics.median(waits) if waits else None)
