"""What grading again changed: which verdicts, from what to what. Pure; for ``evalkit score``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evalkit.records.grade import Grade

_MOST_LISTED = 50
_MOST_UNANSWERED = 5


@dataclass(frozen=True)
class VerdictChange:
    """A question whose verdict is another one now. None: it had, or has, no grade."""

    key: str
    turn_index: int | None
    grader_id: str
    before: float | None
    after: float | None
    reason: str


@dataclass(frozen=True)
class VerdictDiff:
    """What grading again did.

    Attributes:
        asked: Questions that were graded.
        changed: Those that have another verdict now, in order.
        added: Questions that had never been graded.
        unanswered: Questions that nobody could answer; the earlier verdict counts on where there is one.

    """

    asked: int
    changed: tuple[VerdictChange, ...]
    added: int
    unanswered: tuple[Grade, ...]

    @property
    def kinds(self) -> dict[str, int]:
        """How many verdicts changed from what to what, most frequent first."""
        return dict(
            Counter(f"{shown(change.before)} to {shown(change.after)}" for change in self.changed).most_common()
        )


def diff_verdicts(before: Iterable[Grade], after: Sequence[Grade]) -> VerdictDiff:
    """Return what `after` changed; `before` are all earlier grades, oldest first."""
    newest = {grade.question: grade for grade in before if grade.in_force}
    counted = [grade for grade in after if grade.in_force]
    changed = tuple(
        VerdictChange(grade.key, grade.turn_index, grade.grader_id, earlier.grade, grade.grade, grade.rationale)
        for grade in counted
        if (earlier := newest.get(grade.question)) and earlier.grade != grade.grade
    )
    return VerdictDiff(
        asked=len(after),
        changed=changed,
        added=sum(grade.question not in newest for grade in counted),
        unanswered=tuple(grade for grade in after if grade.unanswered),
    )


def diff_to_json(diff: VerdictDiff) -> dict[str, Any]:
    """Return `diff` as plain JSON values."""
    return {
        "asked": diff.asked,
        "changed": [asdict(change) for change in diff.changed],
        "kinds": diff.kinds,
        "added": diff.added,
        "unanswered": [
            {"key": grade.key, "turn_index": grade.turn_index, "grader_id": grade.grader_id, "reason": grade.rationale}
            for grade in diff.unanswered
        ],
    }


def diff_lines(diff: VerdictDiff) -> list[str]:
    """Return `diff` as lines for a terminal."""
    lines = [f"{diff.asked} verdicts, {len(diff.changed)} changed, {diff.added} new, {len(diff.unanswered)} unanswered"]
    lines += [f"  {count} from {kind}" for kind, count in diff.kinds.items()]
    lines += [
        f"{_where(asdict(change))}: {shown(change.before)} to {shown(change.after)}: {_first_line(change.reason)}"
        for change in diff.changed[:_MOST_LISTED]
    ]
    lines += _more(len(diff.changed), _MOST_LISTED)
    lines += [
        f"{_where(asdict(grade))}: unanswered, {_kept(grade)}: {_first_line(grade.rationale)}"
        for grade in diff.unanswered[:_MOST_UNANSWERED]
    ]
    return lines + _more(len(diff.unanswered), _MOST_UNANSWERED)


def shown(grade: float | None) -> str:
    """Return a grade for people."""
    return "none" if grade is None else f"{grade:g}"


def _where(question: Mapping[str, Any]) -> str:
    turn = "" if question["turn_index"] is None else f" turn {question['turn_index']}"
    return f"{question['key']}{turn} {question['grader_id']}"


def _more(count: int, most: int) -> list[str]:
    return [f"and {count - most} more"] if count > most else []


def _kept(grade: Grade) -> str:
    return "not graded" if grade.in_force else "the earlier verdict counts on"


def _first_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:159]}…"
