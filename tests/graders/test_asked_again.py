"""A judge's question made again from the record and the grade is the one that was asked."""

from __future__ import annotations

from typing import Any

import pytest
from factories import NOW, make_case, make_grade, make_record, make_turn

from evalkit.graders.apply import grade_record
from evalkit.graders.asked_again import question_of, spec_of
from evalkit.graders.context import GraderServices, JudgeAnswer
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord

ANSWER = {"evidence": [], "reasoning": "it did", "verdict": "pass"}
SPEC = {"grader_id": "kind", "grader_type": "llm_as_judge", "options": {"criteria": "Stays kind."}, "level": "turn"}


class _Judge:
    """A judge that always passes."""

    model = "judge-a"
    votes = 1

    async def ask(self, instructions: str, text: str, schema: JsonObject, *, vote: int) -> JudgeAnswer:
        return JudgeAnswer(text="", parsed=ANSWER, problem="", refused=False, model="judge-a", cost_usd=0.0)


def _record(**extra: Any) -> CaseRecord:
    case = make_case(inputs={"system_prompt": "Be kind.", "scenario": "A call."}, extra=extra)
    return make_record(case, turns=(make_turn(1), make_turn(2, assistant_text="Bye.")))


@pytest.mark.parametrize("level", [GradeLevel.TURN, GradeLevel.TRACE])
@pytest.mark.parametrize(
    ("grader_type", "options"),
    [("llm_as_judge", {"criteria": "Stays kind."}), ("instruction_following", {}),
     ("instruction_following", {"criteria": "At most two sentences."})],
)  # fmt: skip
async def test_it_is_the_question_that_was_asked(grader_type: str, options: dict[str, Any], level: GradeLevel) -> None:
    """By the hash that the grade has of it."""
    spec = GraderSpec("kind", grader_type, options, level)
    record = _record(graders=[{**SPEC, "grader_type": grader_type, "options": options}])
    for grade in await grade_record(record, "sha", [spec], GraderServices(judge=_Judge()), lambda: NOW):
        question = question_of(record, grade)
        assert question is not None
        assert question.sha256 == grade.judge["question_sha256"]
        assert spec_of(record.case, grade) == spec


def test_what_no_judge_was_asked_is_no_question() -> None:
    """A rule's grade, or one about a turn that the record does not have."""
    record = _record(graders=[SPEC])
    assert question_of(record, make_grade(record, "tool_call", 1)) is None
    assert question_of(record, make_grade(record, "kind", 1, 9, grader_type="llm_as_judge")) is None


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"graders": "kind"},
        {"graders": [7, {"grader_id": "other"}]},
        {"graders": [{"grader_id": "kind", "options": 3}]},
    ],
)
def test_a_grader_that_the_case_does_not_list_has_no_options(extra: dict[str, Any]) -> None:
    """Whatever lies there."""
    record = _record(**extra)
    assert spec_of(record.case, make_grade(record, "kind", 1)).options == {}
