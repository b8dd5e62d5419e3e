"""The grader of programs: by what was observed and what is expected today."""

from __future__ import annotations

from typing import Any

import factories
import pytest

from evalkit.graders.coding import GRADERS
from evalkit.graders.context import GraderContext
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.grade import GradeLevel, GraderSpec, Verdict
from evalkit.records.json import Json

(TESTS,) = GRADERS
EXPECTED: dict[str, Json] = {"one": {"expect": 1}, "two": {"expect": [2]}}
ANSWERS: dict[str, Json] = {"one": {"ok": 1}, "two": {"ok": [2]}}


async def _grade(observed: Any, *, strict: bool = False, expected: Any = EXPECTED, **fields: Any) -> Verdict:
    case = factories.make_case(extra={} if expected is None else {"expected_answers": expected})
    notes = {} if observed is None else {"observed": observed}
    record = factories.make_record(case, notes=notes, **fields)
    spec = GraderSpec("tests", "tests", {"strict": True} if strict else {}, GradeLevel.TRACE)
    context = GraderContext(record, None, spec)
    assert TESTS.inapplicable(context) is None or expected is None
    return await TESTS.grade(context)


async def test_everything_right_is_one() -> None:
    """With how it ended and how many calls were right, for columns."""
    verdict = await _grade({"status": "answered", "answers": ANSWERS, "patch_level": 0})
    assert (verdict.grade, verdict.rationale) == (1, "pass: 2 of 2 calls")
    assert verdict.details == {"outcome": "pass", "calls_passed": 2, "calls": 2}


async def test_one_wrong_is_zero_with_the_first_difference() -> None:
    """There is no half pass; how near it was stands beside."""
    verdict = await _grade({"status": "answered", "answers": {**ANSWERS, "two": {"ok": [3]}}})
    assert (verdict.grade, verdict.rationale) == (0, "fail: 1 of 2 calls; two: got 3, expected 2 at [0]")
    assert verdict.evidence == ("two: got 3, expected 2 at [0]",)
    assert verdict.details["calls_passed"] == 1


@pytest.mark.parametrize("status", ["build_error", "timeout", "no_patch", "protected_path", "protocol"])
async def test_how_far_it_came_is_the_outcome(status: str) -> None:
    """Each with its own word, and none of them passes."""
    verdict = await _grade({"status": status, "reason": "because", "answers": ANSWERS})
    assert (verdict.grade, verdict.details["outcome"]) == (0, status)
    assert "because" in verdict.rationale


async def test_strict_and_lenient_are_two_grades() -> None:
    """The strict one takes no leniency, and fills no column of the other."""
    observed = {"status": "answered", "answers": ANSWERS, "patch_level": 2}
    assert (await _grade(observed)).grade == 1
    strict = await _grade(observed, strict=True)
    assert (strict.grade, strict.details) == (0, {})
    assert "level 2" in strict.rationale


async def test_other_expectations_make_another_grade_of_the_same_record() -> None:
    """What is compared is what the case expects now."""
    observed = {"status": "answered", "answers": ANSWERS}
    assert (await _grade(observed, expected={**EXPECTED, "one": {"expect": 2}})).grade == 0


async def test_a_model_that_gave_no_answer_has_no_patch() -> None:
    """By its own fault that is 0; where nothing was to be run, there is no grade."""
    failure = Failure(Stage.RESPONSE_EMPTY, "empty", "nothing came")
    lost = await _grade(None, failure=failure, fault=Fault.ASSISTANT, turns=())
    assert (lost.grade, lost.details["outcome"]) == (0, "no_patch")
    assert (await _grade(None)).grade is None


def test_it_is_for_programs_only() -> None:
    """In another mode it is not applicable, and says so."""
    context = GraderContext(factories.make_record(factories.make_case()), None, GraderSpec("tests", "tests"))
    assert "no coding task" in str(TESTS.inapplicable(context))
    assert not TESTS.fails_on_silence
