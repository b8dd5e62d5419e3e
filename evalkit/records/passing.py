"""Did a case-trial pass? The one definition, asked by every reader of a stored run.

A case names the graders that must be full for it to pass (:func:`required_graders`). Then

============================================================================================ ==========
the case-trial                                                                               passed
============================================================================================ ==========
was lost, and not by the assistant's fault                                                   None
broke off by the assistant's own fault                                                       False
has a required grade below 1                                                                 False
has a required grader whose judge or transcription gave no answer                            None
has a required judge that was asked and could not tell about any turn                        None
has no grade of any required grader                                                          None
all else: every required grader that applies to it is full                                   True
============================================================================================ ==========

The first line that holds decides. A grader that does not apply to the case (`tool_call_args` where no call is
expected), or was not asked for in the run, changes nothing. None counts in no mean: it is neither a pass nor a failure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from evalkit.records.case import Case
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord

CALL_GRADERS = ("tool_call", "tool_call_args")
"""The graders that are required where a case does not say more."""

_NOT_APPLICABLE = "not_applicable"  # what a judge's vote is called in `Grade.judge["verdicts"]`


def passed(record: CaseRecord, grades: Iterable[Grade], required: Collection[str] | None = None) -> bool | None:
    """Return whether the case-trial `record` passed; None where that is not decided.

    Args:
        record: As stored, of any record version.
        grades: Its grades, oldest first: the newest answer to a question counts. Grades of other case-trials, and those
            no longer in force, are passed over; grades of a replaced record must not be among them.
        required: Ids of the graders that must be full; None: those that the record itself names.

    """
    if not record.scored:
        return None
    if record.fault is not None:
        return False
    wanted = required_graders(record.case) if required is None else required
    newest = {grade.question: grade for grade in grades if grade.key == record.key and grade.in_force}
    asked: dict[str, list[Grade]] = defaultdict(list)
    for grade in newest.values():
        if grade.grader_id in wanted:
            asked[grade.grader_id].append(grade)
    values = [grade.grade for found in asked.values() for grade in found if grade.grade is not None]
    if any(value < 1 for value in values):
        return False
    if not values or any(_is_undecided(found) for found in asked.values()):
        return None
    return True


def passed_by_key(records: Iterable[CaseRecord], grades: Iterable[Grade]) -> dict[str, bool | None]:
    """Return case-trial -> whether it passed, in the order of `records`; `grades` are those of all, oldest first."""
    of_key: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        of_key[grade.key].append(grade)
    return {record.key: passed(record, of_key[record.key]) for record in records}


def required_graders(case: Case) -> tuple[str, ...]:
    """Return the ids of the graders that must be full for `case` to pass.

    A case that was stored before it named them requires the call graders and, where it lists graders of its own, those
    that are not marked ``"required": false``.
    """
    if case.required_graders is not None:
        return case.required_graders
    listed = case.extra.get("graders")  # a CSV's column of this name holds a text
    own: Sequence[Any] = listed if isinstance(listed, list | tuple) else ()
    optional = {spec["grader_id"] for spec in own if spec.get("required") is False}
    ids = [*CALL_GRADERS, *(str(spec["grader_id"]) for spec in own)]
    return tuple(dict.fromkeys(grader_id for grader_id in ids if grader_id not in optional))


def _is_undecided(grades: Sequence[Grade]) -> bool:
    """Whether one grader's grades decide nothing.

    A grader that decided about some turns and could not tell about others has decided.
    """
    if any(grade.unanswered for grade in grades):
        return True
    return all(grade.grade is None for grade in grades) and any(_could_not_tell(grade) for grade in grades)


def _could_not_tell(grade: Grade) -> bool:
    """Whether a judge looked and did not decide, other than by saying that the criterion does not apply."""
    verdicts: Any = grade.judge.get("verdicts", ())
    return bool(grade.judge) and 2 * sum(verdict == _NOT_APPLICABLE for verdict in verdicts) <= len(verdicts)
