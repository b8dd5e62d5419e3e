"""Who passed, by the one definition that every reader asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from factories import make_case, make_grade, make_record
from hypothesis import given
from hypothesis import strategies as st

from evalkit.records.case import Case
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.grade import Grade
from evalkit.records.passing import CALL_GRADERS, passed, passed_by_key, required_graders
from evalkit.records.record import CaseRecord, from_json, to_json

POLITE = "polite"


def call(**fields: Any) -> CaseRecord:
    """Return the record of a simulated call that requires the call graders and the judge `polite`."""
    return make_record(make_case(required_graders=(*CALL_GRADERS, POLITE)), **fields)


def judged(record: CaseRecord, turn_index: int | None, *verdicts: str, **fields: Any) -> Grade:
    """Return what a judge that did not decide leaves behind."""
    return make_grade(record, POLITE, None, turn_index, judge={"model": "m", "verdicts": list(verdicts)}, **fields)


@pytest.mark.parametrize(
    ("calls", "arguments", "wanted"),
    [(1, 1, True), (1, 0, False), (0, 1, False), (0, 0, False), (1, None, True), (0, None, False), (None, None, None)],
)
def test_right_tool_and_right_arguments(calls: float | None, arguments: float | None, wanted: bool | None) -> None:
    """Both must be full; arguments that have no grade are no obstacle; without any grade nothing is decided."""
    record = make_record(make_case(required_graders=CALL_GRADERS))
    grades = [make_grade(record, "tool_call", calls), make_grade(record, "tool_call_args", arguments)]
    assert passed(record, grades) is wanted


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.ASSISTANT])
def test_a_lost_case_neither_passes_nor_fails(fault: Fault) -> None:
    """What broke by somebody else's fault is not decided, whatever a grade says."""
    record = call(fault=fault)
    assert passed(record, []) is None
    assert passed(record, [make_grade(record, "tool_call", 1), make_grade(record, POLITE, 0)]) is None


def test_the_assistants_own_failure_is_a_failure() -> None:
    """A call that broke off by the assistant's fault has not passed, even where all that was graded is full."""
    record = call(failure=Failure(Stage.RESPONSE_STATUS, "failed", "no"), fault=Fault.ASSISTANT)
    assert passed(record, [make_grade(record, grader, 1) for grader in (*CALL_GRADERS, POLITE)]) is False
    assert passed(record, []) is False


def test_a_judge_that_said_no_fails_the_call() -> None:
    """Right tool and right arguments do not make up for a required judge."""
    record = call()
    grades = [make_grade(record, "tool_call", 1), make_grade(record, "tool_call_args", 1)]
    assert passed(record, [*grades, make_grade(record, POLITE, 0, None)]) is False
    assert passed(record, [*grades, make_grade(record, POLITE, 1, None)]) is True


@pytest.mark.parametrize("grade", [0.0, 0.5, 0.999])
def test_less_than_full_is_not_passed(grade: float) -> None:
    """A required grader that measures must be full too; who only wants the number marks it as not required."""
    record = call()
    assert passed(record, [make_grade(record, "tool_call", 1), make_grade(record, POLITE, grade)]) is False


def test_what_is_not_required_decides_nothing() -> None:
    """A grader that is not required neither fails a call, nor decides it alone, nor keeps it open."""
    record = make_record(make_case(required_graders=CALL_GRADERS))
    aside = [make_grade(record, "mood", 0), make_grade(record, "noise", None, unanswered=True)]
    assert passed(record, [make_grade(record, "tool_call", 1), *aside]) is True
    assert passed(record, aside) is None
    assert passed(record, [make_grade(record, "mood", 1)], required=["mood"]) is True


def test_each_turn_counts() -> None:
    """One turn below 1 fails the call, and turns without a grade are no obstacle."""
    record = call()
    grades = [make_grade(record, "tool_call", grade, turn) for turn, grade in ((1, None), (2, 1), (3, None))]
    assert passed(record, [*grades, make_grade(record, POLITE, 1, 1), make_grade(record, POLITE, 1, 2)]) is True
    assert passed(record, [*grades, make_grade(record, POLITE, 1, 1), make_grade(record, POLITE, 0, 2)]) is False


def test_a_silent_judge_leaves_the_call_open_unless_it_failed_anyway() -> None:
    """Nobody answered: neither a pass nor a failure, but another required failure stands."""
    record = call()
    silent = make_grade(record, POLITE, None, 2, unanswered=True)
    good = [make_grade(record, "tool_call", 1), make_grade(record, POLITE, 1, 1)]
    assert passed(record, [*good, silent]) is None
    assert passed(record, [make_grade(record, "tool_call", 0), silent]) is False


@pytest.mark.parametrize(
    ("verdicts", "wanted"),
    [
        (["not_applicable"], True),
        (["cannot_tell"], None),
        (["pass", "fail"], None),
        (["not_applicable", "not_applicable", "pass"], True),
        (["not_applicable", "cannot_tell", "pass"], None),
    ],
)
def test_a_judge_that_could_not_tell_leaves_the_call_open(verdicts: list[str], wanted: bool | None) -> None:
    """A criterion that does not apply is no obstacle; one that was looked at and not decided is."""
    record = call()
    assert passed(record, [make_grade(record, "tool_call", 1), judged(record, None, *verdicts)]) is wanted


def test_a_judge_that_decided_about_one_turn_has_decided() -> None:
    """Turns about which nothing could be told say nothing against those that were judged."""
    record = call()
    called = make_grade(record, "tool_call", 1)
    assert passed(record, [called, judged(record, 1, "cannot_tell"), make_grade(record, POLITE, 1, 2)]) is True
    assert passed(record, [called, judged(record, 1, "cannot_tell"), judged(record, 2, "not_applicable")]) is None


def test_the_newest_answer_in_force_counts() -> None:
    """A later grade replaces an earlier one of the same question, unless it is not in force."""
    record = make_record(make_case(required_graders=("tool_call",)))
    no, yes = make_grade(record, "tool_call", 0), make_grade(record, "tool_call", 1)
    idle = make_grade(record, "tool_call", None, unanswered=True, in_force=False)
    assert passed(record, [no, yes]) is True
    assert passed(record, [yes, no]) is False
    assert passed(record, [yes, idle]) is True


def test_grades_of_others_are_passed_over() -> None:
    """A second trial's grade says nothing about the first, and each case-trial is answered by its own."""
    case = make_case(required_graders=("tool_call",))
    first, second, third = (make_record(case, trial=trial) for trial in (1, 2, 3))
    grades = [make_grade(first, "tool_call", 1), make_grade(second, "tool_call", 0)]
    assert passed(first, grades) is True
    assert passed_by_key([third, second, first], grades) == {
        "case-1.t3": None,
        "case-1.t2": False,
        "case-1": True,
    }


@pytest.mark.parametrize(
    ("extra", "wanted"),
    [
        ({}, CALL_GRADERS),
        ({"graders": "a CSV's own column"}, CALL_GRADERS),
        ({"graders": [{"grader_id": POLITE}]}, (*CALL_GRADERS, POLITE)),
        ({"graders": [{"grader_id": POLITE, "required": False}]}, CALL_GRADERS),
        ({"graders": [{"grader_id": "tool_call", "required": False}, {"grader_id": "b"}]}, ("tool_call_args", "b")),
    ],
)
def test_an_older_record_names_its_graders_in_its_own_way(extra: dict[str, Any], wanted: tuple[str, ...]) -> None:
    """A case that was stored before cases named what they require: call graders, and those it lists itself."""
    assert required_graders(Case("c", "run", {}, extra=extra)) == wanted


def test_what_is_required_is_stored_with_the_case_and_is_no_part_of_it() -> None:
    """A stored record answers by itself; other graders do not make it another case."""
    record = call()
    assert from_json(json.loads(json.dumps(to_json(record)))) == record
    assert record.case.sha256 == make_case().sha256
    stored = to_json(record)
    del stored["case"]["required_graders"]
    assert required_graders(from_json(json.loads(json.dumps(stored))).case) == CALL_GRADERS


_GRADES = st.lists(
    st.tuples(st.sampled_from([*CALL_GRADERS, POLITE, "aside"]), st.sampled_from([None, 0.0, 0.5, 1.0]), st.booleans()),
    unique_by=lambda item: item[0],
)


@given(_GRADES)
def test_a_pass_is_a_full_grade_and_nothing_against_it(items: list[tuple[str, float | None, bool]]) -> None:
    """For any mixture: False exactly where a required grade is below 1, True only where one is full and none open."""
    record = call()
    grades = [make_grade(record, name, value, unanswered=value is None and open_) for name, value, open_ in items]
    required = [grade for grade in grades if grade.grader_id != "aside"]
    failed = any(grade.grade is not None and grade.grade < 1 for grade in required)
    full = any(grade.grade == 1 for grade in required) and not any(grade.unanswered for grade in required)
    assert passed(record, grades) is (False if failed else True if full else None)
