"""An answer is right when it is what was expected, and by no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.records.code_answers import CodeStatus, find_difference, judge_answers
from evalkit.records.json import Json, JsonObject

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(_VALUES)
def test_a_value_is_equal_to_itself(value: Json) -> None:
    """Whatever it is made of."""
    assert find_difference({"expect": value}, {"ok": value}) == ""


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1, True), (True, 1), (0, False), (None, False), ("1", 1), (1, "1"), ([], {}), ({}, []), ([1, 2], [2, 1]),
        ([1], [1, 1]), ([[1]], [1]), ({"a": 1}, {"a": 1, "b": 2}), ({"a": 1}, {}), ({"a": [1]}, {"a": [True]}),
        (0.1, 0.1 + 1e-12), (2**53, 2.0**53 + 2), ("a", "A"), ("", None), ({"$float": "nan"}, {"$float": "inf"}),
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_wrong(expected: Json, got: Json) -> None:
    """True is no number, a text no number, order and length of a list count."""
    assert find_difference({"expect": expected}, {"ok": got}) != ""


@pytest.mark.parametrize(("expected", "got"), [(1, 1.0), (1.0, 1), ([0], [-0.0]), ({"a": 2.5}, {"a": 2.5})])
def test_one_and_one_point_zero_are_one_number(expected: Json, got: Json) -> None:
    """JSON has one kind of number, and languages write it as they like."""
    assert find_difference({"expect": expected}, {"ok": got}) == ""


def test_tolerance_holds_for_every_number_in_the_value() -> None:
    """Absolute up to 1, relative above; never for what is no number."""
    expected: dict[str, Json] = {"expect": {"a": [1e6, 0.5], "b": "x"}, "tolerance": 1e-6}
    assert find_difference(expected, {"ok": {"a": [1e6 + 0.5, 0.5 + 9e-7], "b": "x"}}) == ""
    assert find_difference(expected, {"ok": {"a": [1e6 + 1.5, 0.5], "b": "x"}}) != ""
    assert find_difference(expected, {"ok": {"a": [1e6, 0.5 + 2e-6], "b": "x"}}) != ""
    assert find_difference({"expect": 1, "tolerance": 2}, {"ok": True}) != ""
    assert find_difference({"expect": 10**400, "tolerance": 0.1}, {"ok": 1.0}) != ""


@pytest.mark.parametrize(
    ("expected", "answer", "is_right"),
    [
        ({"error": "ValueError"}, {"error": "ValueError", "message": "x"}, True),
        ({"error": "ValueError"}, {"error": "TypeError", "message": "x"}, False),
        ({"error": True}, {"error": "TypeError"}, True),
        ({"error": True}, {"ok": None}, False),
        ({"expect": None}, {"error": "ValueError", "message": ""}, False),
        ({"expect": None}, None, False),
        ({"error": True}, None, False),
        ({"error": True}, {"oversized": 10**6}, False),
        ({"expect": "x"}, {"oversized": 10**6}, False),
    ],
)
def test_an_error_is_right_where_one_is_expected(
    expected: dict[str, Json], answer: dict[str, Json] | None, is_right: bool
) -> None:
    """By its kind, or by being any; a missing answer is never right."""
    assert (find_difference(expected, answer) == "") is is_right


def test_the_difference_names_the_place() -> None:
    """Whoever reads a report sees which part of a value is wrong."""
    difference = find_difference({"expect": {"rows": [{"n": 1}, {"n": 2}]}}, {"ok": {"rows": [{"n": 1}, {"n": 3}]}})
    assert difference == "got 3, expected 2 at .rows[1].n"


EXPECTED = {"a": {"expect": 1}, "b": {"expect": 2}, "c": {"error": True}}
RIGHT = {"a": {"ok": 1}, "b": {"ok": 2}, "c": {"error": "E"}}


def test_pass_needs_every_answer() -> None:
    """All right is a pass, one wrong or missing is a fail with the number."""
    assert judge_answers({"status": "answered", "answers": RIGHT}, EXPECTED).status is CodeStatus.PASS
    found = judge_answers({"status": "answered", "answers": {**RIGHT, "b": {"ok": 3}}}, EXPECTED)
    assert (found.status, found.right, found.calls) == (CodeStatus.FAIL, 2, 3)
    assert found.first_difference == "b: got 3, expected 2"
    assert judge_answers({"status": "answered", "answers": {"a": {"ok": 1}}}, EXPECTED).right == 1


@pytest.mark.parametrize(
    "status", [status for status in CodeStatus if status not in (CodeStatus.PASS, CodeStatus.FAIL)]
)
def test_how_far_it_came_is_the_status_whatever_was_answered(status: CodeStatus) -> None:
    """A program that answered all and then took all memory has not passed."""
    found = judge_answers({"status": str(status), "reason": "why", "answers": RIGHT}, EXPECTED)
    assert (found.status, found.right, found.first_difference) == (status, 3, "why")


def test_strict_takes_no_patch_that_needed_leniency() -> None:
    """The same answers count or do not count by the level of the patch alone."""
    observed = {"status": "answered", "answers": RIGHT, "patch_level": 2}
    assert judge_answers(observed, EXPECTED).status is CodeStatus.PASS
    assert judge_answers(observed, EXPECTED, strict=True).status is CodeStatus.INVALID_PATCH
    assert judge_answers({**observed, "patch_level": 0}, EXPECTED, strict=True).status is CodeStatus.PASS


def test_answers_to_what_was_not_asked_change_nothing() -> None:
    """Only the calls that are expected count."""
    assert (
        judge_answers({"status": "answered", "answers": {**RIGHT, "z": {"ok": 0}}}, EXPECTED).status is CodeStatus.PASS
    )


def test_what_a_program_says_cannot_speak_to_a_terminal() -> None:
    """Values, kinds, messages and the compiler's words are told on one line, with nothing that a terminal obeys."""
    loud = "\x1b[2J\x9b32m\r\n58 passed \u202e"
    answers: list[JsonObject] = [{"ok": loud}, {"error": loud, "message": ""}, {"error": "E", "message": loud}]
    found = [find_difference(expected, answer) for answer in answers for expected in ({"expect": 1}, {"error": "F"})]
    observed = {"status": "build_error", "reason": loud, "answers": {}}
    found.append(judge_answers(observed, EXPECTED).first_difference)
    assert all("58 passed" in text for text in found)
    assert [text for text in found if not text.isprintable()] == []
