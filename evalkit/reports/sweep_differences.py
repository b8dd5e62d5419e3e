"""Which jobs of a sweep differ in their grade by more than chance: case-trials paired by content, Holm's correction.

A job's grades are read from its results.csv, and what each case asks from its record; a case that was lost in one of
two jobs takes no part between them. With many jobs only the best is compared with each other one.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from evalkit.metrics.paired import Pair, PairedDifference, compare_pairs, holm
from evalkit.records.faults import Fault
from evalkit.reports.rows import both

MOST_JOBS_IN_ALL_PAIRS = 10
_SIGNIFICANT = 0.05
_MOST_CELL_CHARS = 1 << 30  # a cell is as long as what a model says


@dataclass(frozen=True)
class CaseGrade:
    """The grade of one case-trial."""

    case_id: str
    grade: float


@dataclass(frozen=True)
class JobDifference:
    """Two jobs side by side.

    Attributes:
        first: Number of one job.
        second: Number of the other.
        found: What the second is better (or worse) by; None where they have no case in common.
        first_only: Case-trials that passed in the first alone.
        second_only: In the second alone.
        p_adjusted: The p-value after Holm's correction for all the pairs shown.

    """

    first: int
    second: int
    found: PairedDifference | None
    first_only: int = 0
    second_only: int = 0
    p_adjusted: float | None = None

    @property
    def verdict(self) -> str:
        """What can be said, in words."""
        if self.found is None or self.p_adjusted is None:
            return "no case in common"
        if self.p_adjusted >= _SIGNIFICANT:
            return "no difference shown"
        return f"job {self.second if self.found.difference > 0 else self.first} is better"


def read_grades(run_dir: Path) -> dict[tuple[str, int], CaseGrade]:
    """Return (hash of the case, trial) -> grade of every case-trial that counts and was graded."""
    path = run_dir / "results.csv"
    if not path.is_file():
        return {}
    grades: dict[tuple[str, int], list[float]] = defaultdict(list)
    csv.field_size_limit(_MOST_CELL_CHARS)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            grade = _grade_of(row)
            if grade is not None and row.get("fault") in ("", Fault.ASSISTANT):
                case_id = row.get("example_id") or row.get("simulation_id") or ""
                grades[case_id, int(row.get("trial") or 1)].append(grade)
    found = {}
    for (case_id, trial), values in grades.items():
        case_sha256 = _case_sha256(run_dir, case_id, trial)
        if case_sha256:
            found[case_sha256, trial] = CaseGrade(case_id, min(values))
    return found


def compare_jobs(grades: Mapping[int, Mapping[tuple[str, int], CaseGrade]], best: int | None) -> list[JobDifference]:
    """Return every pair of jobs that has grades, or, with many jobs, the `best` beside each other one."""
    graded = [job for job, found in grades.items() if found]
    if len(graded) > MOST_JOBS_IN_ALL_PAIRS and best in graded:
        pairs = [(best, job) for job in graded if job != best]
    else:
        pairs = list(combinations(graded, 2))
    differences = [_compare(first, second, grades[first], grades[second]) for first, second in pairs]
    adjusted = holm({str(place): d.found.p_value for place, d in enumerate(differences) if d.found})
    return [replace(d, p_adjusted=adjusted.get(str(place))) for place, d in enumerate(differences)]


def best_jobs(lower_bounds: Sequence[tuple[int, float | None]]) -> list[int]:
    """Return the jobs with the highest lower bound of their interval; several when they tie, none without any."""
    known = [(job, low) for job, low in lower_bounds if low is not None]
    highest = max((low for _, low in known), default=None)
    return [job for job, low in known if low == highest]


def _compare(
    first: int,
    second: int,
    before: Mapping[tuple[str, int], CaseGrade],
    after: Mapping[tuple[str, int], CaseGrade],
) -> JobDifference:
    pairs = [Pair(grade.case_id, grade.grade, after[key].grade) for key, grade in before.items() if key in after]
    if not pairs:
        return JobDifference(first, second, None)
    return JobDifference(
        first,
        second,
        compare_pairs(pairs, seed=0),
        first_only=sum(pair.before == 1 and pair.after < 1 for pair in pairs),
        second_only=sum(pair.after == 1 and pair.before < 1 for pair in pairs),
    )


def _grade_of(row: Mapping[str, str]) -> float | None:
    """Return a row's grade; the table of a dialogue has only what it is made of."""
    if "grade" in row:
        return _number(row["grade"])
    return both(_number(row.get("tool_call_correctness", "")), _number(row.get("tool_call_arg_correctness", "")))


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _case_sha256(run_dir: Path, case_id: str, trial: int) -> str:
    key = case_id if trial == 1 else f"{case_id}.t{trial}"
    try:
        record = json.loads((run_dir / "records" / f"{key}.json").read_bytes())
    except (OSError, ValueError):
        return ""
    return str(record.get("case_sha256", ""))
