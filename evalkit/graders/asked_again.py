"""Questions that judges were asked, made again from what is stored: a record, and the grade that answered.

A case that has graders of its own lists them among what it carries, with their options; the others have none. So a
question can be shown to a person, and asked of another judge, long after the config that asked it has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalkit.graders.context import GraderContext
from evalkit.graders.judge import make_question
from evalkit.graders.judge_prompt import JudgeQuestion
from evalkit.records.case import Case
from evalkit.records.grade import Grade, GradeLevel, GraderSpec
from evalkit.records.record import CaseRecord

_IS_INSTRUCTION = {"llm_as_judge": False, "instruction_following": True}


def spec_of(case: Case, grade: Grade) -> GraderSpec:
    """Return the grader that gave `grade`, with its options as `case` carries them."""
    level = GradeLevel.TRACE if grade.turn_index is None else GradeLevel.TURN
    return GraderSpec(grade.grader_id, grade.grader_type, _options(case, grade.grader_id), level)


def question_of(record: CaseRecord, grade: Grade) -> JudgeQuestion | None:
    """Return what the judge of `grade` was asked about `record`.

    None where no judge of evalkit's was asked, or the record has no such turn any more.
    """
    is_instruction = _IS_INSTRUCTION.get(grade.grader_type)
    turn = next((turn for turn in record.turns if turn.turn_index == grade.turn_index), None)
    if is_instruction is None or (turn is None and grade.turn_index is not None):
        return None
    return make_question(GraderContext(record, turn, spec_of(record.case, grade)), is_instruction=is_instruction)


def _options(case: Case, grader_id: str) -> Mapping[str, Any]:
    for listed in case.extra.values():
        for spec in listed if isinstance(listed, list | tuple) else ():
            if isinstance(spec, Mapping) and spec.get("grader_id") == grader_id:
                options: Any = spec.get("options")
                return options if isinstance(options, Mapping) else {}
    return {}
