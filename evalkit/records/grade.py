"""Grades: a number in 0..1, or None with the reason, and always the grader that gave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from evalkit.records.json import Json


class GradeLevel(StrEnum):
    """What one grade is about: each turn by itself, or the whole trace."""

    TURN = "turn"
    TRACE = "trace"


@dataclass(frozen=True)
class GraderSpec:
    """One grader to apply: an id that is unique in its run, a registered type, its options and its level.

    `required` says whether a case can pass only when this grader is full (:mod:`evalkit.records.passing`).
    """

    grader_id: str
    grader_type: str
    options: Mapping[str, Json] = field(default_factory=dict)
    level: GradeLevel = GradeLevel.TURN
    required: bool = True


@dataclass(frozen=True)
class Verdict:
    """The result of one grader. `grade` None: it could not be applied, and `rationale` says why.

    `judge` is empty for deterministic graders; see :class:`Grade`, also for `unanswered` and `details`.
    """

    grade: float | None
    rationale: str
    evidence: tuple[str, ...] = ()
    judge: Mapping[str, Json] = field(default_factory=dict)
    unanswered: bool = False
    details: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Grade:
    """One line of ``grades.jsonl``: a verdict, what it is about, and the grader's identity.

    Attributes:
        key: The case-trial's file name.
        turn_index: The turn it is about, or None for the whole trace.
        record_sha256: The stored record it was made from.
        judge: Empty for deterministic graders; else `model`, `votes`, `agreement`, `prompt_sha256`, `cost_usd`.
        cost_usd: Role -> dollars of what was asked beside a judge; None where a price is unknown.
        unanswered: A judge or a transcription was needed and gave no answer: absent, too slow, not usable. A judge
            that cannot tell, or whose votes contradict each other, has answered.
        in_force: False: unanswered when it was asked again, so that the earlier grade counts on.
        details: Column -> what the grader found beside the grade, for layouts that have such a column.

    """

    key: str
    turn_index: int | None
    grader_id: str
    grader_type: str
    grader_version: str
    grade: float | None
    rationale: str
    record_sha256: str
    graded_at: str
    evidence: tuple[str, ...] = ()
    judge: Mapping[str, Json] = field(default_factory=dict)
    cost_usd: Mapping[str, float | None] = field(default_factory=dict)
    unanswered: bool = False
    in_force: bool = True
    details: Mapping[str, str | int | float] = field(default_factory=dict)

    @property
    def question(self) -> tuple[str, int | None, str]:
        """Case-trial, turn and grader: of several grades with the same three, the newest counts."""
        return (self.key, self.turn_index, self.grader_id)


def grade_to_json(grade: Grade) -> dict[str, Any]:
    """Return `grade` as plain JSON values."""
    return asdict(grade)


def grade_from_json(data: Mapping[str, Any]) -> Grade:
    """Return the grade in `data`, as :func:`grade_to_json` wrote it."""
    return Grade(**{**data, "evidence": tuple(data.get("evidence", ()))})
