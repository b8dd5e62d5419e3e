"""Right tools, right arguments, right order."""

from __future__ import annotations

from typing import Any

import factories
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.graders.context import GraderContext
from evalkit.graders.registry import GRADER_TYPES
from evalkit.graders.tool_calls import (
    grade_no_duplicate_calls,
    grade_tool_call,
    grade_tool_call_args,
    grade_tool_sequence,
)
from evalkit.records.case import ExpectedCall
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.grade import GraderSpec, Verdict
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput, Words

A = ExpectedCall("a", {"id": "007"}, {"id": "id"})
B = ExpectedCall("b", {})
RIGHT, WRONG = ("a", {"id": "0-07"}), ("a", {"id": "7"})


def context(record: CaseRecord, turn: int | None = 1, **options: Any) -> GraderContext:
    spec = GraderSpec("g", "g", options)
    return GraderContext(record, None if turn is None else record.turns[turn - 1], spec)


async def grades(
    record: CaseRecord, turn: int | None = 1, *, repeats_allowed: bool = False
) -> tuple[float | None, float | None]:
    """Grade calls and arguments as a run would: a type that does not apply gives None."""
    found: list[float | None] = []
    for name, options in (("tool_call", {"repeats_allowed": repeats_allowed}), ("tool_call_args", {})):
        asked = context(record, turn, **options)
        grader = GRADER_TYPES[name]
        verdict = Verdict(None, "") if grader.inapplicable(asked) else await grader.grade(asked)
        found.append(verdict.grade)
    return found[0], found[1]


@pytest.mark.parametrize(
    ("expected", "calls", "right_tool", "right_arguments"),
    [
        ([], [], 1, None),
        ([], [RIGHT], 0, None),
        ([A], [RIGHT], 1, 1),
        ([A], [WRONG], 1, 0),
        ([A], [("b", {"id": "007"})], 0, 0),
        ([A], [RIGHT, ("b", {})], 0, 1),
        ([A], [("b", {}), RIGHT], 0, 1),
        ([A], [WRONG, RIGHT], 0, 0),
        ([A], [RIGHT, RIGHT], 0, 1),
        ([A], [], 0, 0),
        ([A], [("a", '{"id": ')], 1, 0),
        ([B], [("b", {"more": 1})], 1, 1),
        ([B], [], 0, 0),
        ([B], [("b", "no object")], 1, 0),
        ([A, B], [RIGHT, ("b", {})], 1, 1),
        ([A, B], [("b", {}), RIGHT], 1, 1),
        ([A, B], [RIGHT], 0, 0),
    ],
)
async def test_one_turn(
    make_record: Any, expected: list[ExpectedCall], calls: list[Any], right_tool: float, right_arguments: float | None
) -> None:
    """The table in the module's docstring, and the cases around it."""
    record = make_record(expected, calls, none=not expected)
    assert await grades(record) == (right_tool, right_arguments)
    assert await grades(record, turn=None) == (right_tool, right_arguments)


async def test_a_case_that_says_nothing_about_calls_is_not_graded(make_record: Any) -> None:
    """Neither expecting a call nor expecting none: no grade, whatever happened."""
    record = make_record([], [RIGHT])
    assert await grades(record) == (None, None)


async def test_silence_about_tools_does_not_pass_for_an_answer_that_broke_off(make_record: Any) -> None:
    """No call where none is expected is right only when the response came to its end."""
    failure = Failure(Stage.RESPONSE_TIMEOUT, "timeout", "no end")
    record = make_record([], [], none=True, failure=failure, fault=Fault.ASSISTANT)
    assert await grades(record) == (0, None)


@pytest.mark.parametrize(
    ("expected", "turns", "wanted"),
    [
        ([A], [[], [RIGHT], []], [(None, None), (1, 1), (None, None)]),
        ([A], [[], [WRONG], []], [(None, None), (1, 0), (None, None)]),
        ([A], [[], [], []], [(None, None), (None, None), (0, 0)]),
        ([A], [[("b", {})], [RIGHT]], [(0, None), (1, 1)]),
        ([A], [[("b", {})], []], [(0, 0), (None, None)]),
        ([A], [[RIGHT], [RIGHT]], [(1, 1), (0, None)]),
        ([A, B], [[RIGHT], [("b", {})]], [(1, 1), (1, 1)]),
        ([A, B], [[RIGHT], []], [(1, 1), (0, 0)]),
        ([], [[], []], [(None, None), (1, None)]),
        ([], [[RIGHT], []], [(0, None), (None, None)]),
    ],
)
async def test_several_turns(
    make_record: Any, expected: list[ExpectedCall], turns: list[Any], wanted: list[tuple[float | None, float | None]]
) -> None:
    """A turn is graded when a call happened in it, the last one when an expected call never came, no other."""
    record = make_record(expected, *turns, none=not expected)
    assert [await grades(record, turn) for turn in range(1, len(turns) + 1)] == wanted


@pytest.mark.parametrize(
    ("expected", "turns", "whole", "by_turn"),
    [
        ([A], [[RIGHT, RIGHT]], 1, [1]),
        ([A], [[RIGHT], [RIGHT]], 1, [1, 1]),
        ([A], [[WRONG, WRONG]], 1, [1]),
        ([A], [[RIGHT, WRONG]], 0, [0]),
        ([A], [[RIGHT, ("b", {})]], 0, [0]),
        ([A], [[RIGHT, ("b", {}), ("b", {})]], 0, [0]),
        ([A], [[("b", {}), RIGHT], [("b", {})]], 0, [0, 1]),
        ([A, B], [[RIGHT], [RIGHT], []], 0, [1, 1, 0]),
        ([], [[RIGHT, RIGHT]], 0, [0]),
    ],
)
async def test_a_repeat_may_be_left_to_the_grader_of_duplicates(
    make_record: Any, expected: list[ExpectedCall], turns: list[Any], whole: float, by_turn: list[float]
) -> None:
    """An equal call is no call too many then; another one, and the first of its kind that nobody expected, still is."""
    record = make_record(expected, *turns, none=not expected)
    assert (await grades(record, None, repeats_allowed=True))[0] == whole
    found = [(await grades(record, turn, repeats_allowed=True))[0] for turn in range(1, len(turns) + 1)]
    assert found == by_turn


async def test_calls_of_one_tool_may_come_in_any_order(make_record: Any) -> None:
    """Where one tool is expected twice, the arguments decide which call answers which expectation."""
    first, second = ExpectedCall("a", {"n": 1}), ExpectedCall("a", {"n": 2})
    assert await grades(make_record([first, second], [("a", {"n": 2}), ("a", {"n": 1})])) == (1, 1)
    assert await grades(make_record([first, second], [("a", {"n": 2}), ("a", {"n": 2})])) == (1, 0)
    assert await grades(make_record([ExpectedCall("a"), first], [("a", {"n": 1}), ("a", {"n": 5})])) == (1, 1)


async def test_the_rationale_names_what_is_wrong(make_record: Any) -> None:
    """A person reads from the rationale what was expected and what was found."""
    wrong_tool = await grade_tool_call(context(make_record([A], [("b", {})])))
    assert wrong_tool.rationale == "unexpected call of b; expected: a"
    wrong_argument = await grade_tool_call_args(context(make_record([A], [WRONG])))
    assert wrong_argument.rationale == 'id: expected "007", found "7" (by id)'
    missing = await grade_tool_call(context(make_record([A], [])))
    assert missing.rationale == "a was never called"


@pytest.mark.parametrize(
    ("made", "ordered", "grade"),
    [
        (["a", "b"], True, 1),
        (["b", "a"], True, 0),
        (["b", "a"], False, 1),
        (["a", "c", "b"], True, 1),
        (["a"], True, 0),
        ([], False, 0),
    ],
)
async def test_sequence(make_record: Any, made: list[str], ordered: bool, grade: float) -> None:
    """Order counts unless `ordered` is false; calls in between do not."""
    record = make_record([ExpectedCall("a"), ExpectedCall("b")], [(name, {}) for name in made])
    assert (await grade_tool_sequence(context(record, ordered=ordered))).grade == grade


async def test_sequence_is_graded_once_at_the_last_turn(make_record: Any) -> None:
    """Earlier turns of a dialogue have no sequence grade."""
    record = make_record([ExpectedCall("a"), ExpectedCall("b")], [("a", {})], [("b", {})])
    assert (await grade_tool_sequence(context(record, 1))).grade is None
    assert (await grade_tool_sequence(context(record, 2))).grade == 1


def test_a_sequence_needs_two_expected_calls(make_record: Any) -> None:
    """With fewer than two expected calls the grader does not apply."""
    reason = GRADER_TYPES["tool_sequence"].inapplicable(context(make_record([A], [RIGHT])))
    assert reason == "fewer than two tool calls are expected"


CALLS = st.lists(st.tuples(st.sampled_from("abc"), st.dictionaries(st.just("n"), st.integers(0, 1))), max_size=4)


@settings(max_examples=500)
@given(wanted=CALLS, turns=st.lists(CALLS, min_size=1, max_size=4), allowed=st.booleans())
async def test_the_turns_agree_with_the_trace(wanted: list[Any], turns: list[Any], allowed: bool) -> None:
    """The whole trace passes exactly when no turn fails, and some turn is always graded."""
    expected = tuple(ExpectedCall(name, arguments) for name, arguments in wanted)
    made = tuple(factories.make_turn(index, calls=calls) for index, calls in enumerate(turns, start=1))
    record = factories.make_record(
        factories.make_case(expected_calls=expected, expects_no_call=not expected), turns=made
    )
    whole = await grades(record, None, repeats_allowed=allowed)
    by_turn = [await grades(record, index, repeats_allowed=allowed) for index in range(1, len(made) + 1)]
    for place in (0, 1):
        given_grades = [graded[place] for graded in by_turn if graded[place] is not None]
        assert bool(given_grades) == (whole[place] is not None)
        if given_grades:
            assert min(grade for grade in given_grades if grade is not None) == whole[place]


@pytest.mark.parametrize(
    ("turns", "repeatable", "whole", "by_turn"),
    [
        ([[]], [], None, [None]),
        ([[("a", {"n": 1})]], [], 1, [1]),
        ([[("a", {"n": 1}), ("a", {"n": 2}), ("b", {"n": 1})]], [], 1, [1]),
        ([[("a", {"n": 1}), ("a", {"n": 1})]], [], 0, [0]),
        ([[("a", {"n": 1, "m": [2]}), ("a", {"m": [2.0], "n": 1.0})]], [], 0, [0]),
        ([[("a", {"n": 1}), ("a", {"n": True})]], [], 1, [1]),
        ([[("a", {"n": "1"}), ("a", {"n": 1})]], [], 1, [1]),
        ([[("a", "{"), ("a", "{")]], [], 0, [0]),
        ([[("a", "{"), ("a", "[")]], [], 1, [1]),
        ([[("a", {"n": 1})], [], [("a", {"n": 1})]], [], 0, [1, None, 0]),
        ([[("a", {"n": 1})], [("b", {})], [("a", {"n": 1})]], ["a"], 1, [1, 1, 1]),
        ([[("a", {}), ("a", {}), ("b", {}), ("b", {})]], ["a"], 0, [0]),
    ],
)
async def test_duplicate_calls(
    make_record: Any, turns: list[Any], repeatable: list[str], whole: float | None, by_turn: list[float | None]
) -> None:
    """Of one tool with equal arguments, in the whole conversation; the turn of the second call loses its grade."""
    record = make_record([], *turns)
    options = {"repeatable": repeatable} if repeatable else {}
    assert (await grade_no_duplicate_calls(context(record, None, **options))).grade == whole
    found = [await grade_no_duplicate_calls(context(record, turn, **options)) for turn in range(1, len(turns) + 1)]
    assert [verdict.grade for verdict in found] == by_turn


@pytest.mark.parametrize(
    ("outputs", "grade"),
    [
        ([{"error": "down"}, {"status": "shipped"}], 1),
        ([{"error": "down"}, {"error": "down"}, {"status": "shipped"}], 1),
        ([{"status": "shipped"}, {"status": "shipped"}], 0),
        ([{"error": "down"}, {"status": "shipped"}, {"status": "shipped"}], 0),
        (["error", "shipped"], 0),
        ([None, {"status": "shipped"}], 0),
    ],
)
async def test_to_try_again_is_no_duplicate(make_record: Any, outputs: list[Any], grade: float) -> None:
    """After an error an assistant that tries again does right; after an answer, or none yet, it does not."""
    steps: list[Any] = []
    for number, output in enumerate(outputs):
        call = factories.make_call("a", {"n": 1}, f"call_{number}")
        steps.append(call)
        if output is not None:
            steps.append(ToolOutput(call.call_id, "a", call.arguments, output))
    record = make_record([], [], steps=(*steps, Words("Done.")))
    assert (await grade_no_duplicate_calls(context(record, None))).grade == grade


async def test_what_was_repeated_is_named(make_record: Any) -> None:
    """With both turns, so that a person finds them."""
    record = make_record([], [("a", {"n": 1})], [("a", {"n": 1})])
    verdict = await grade_no_duplicate_calls(context(record, None))
    assert verdict.rationale == 'a was called with {"n": 1} in turn 2, as before in turn 1'


@settings(max_examples=300)
@given(turns=st.lists(CALLS, min_size=1, max_size=4))
async def test_duplicates_of_the_turns_are_those_of_the_trace(turns: list[Any]) -> None:
    """The whole trace passes exactly when no call stands there twice, and no turn fails."""
    made = tuple(factories.make_turn(index, calls=calls) for index, calls in enumerate(turns, start=1))
    record = factories.make_record(turns=made)
    calls: list[ToolCall] = [call for turn in made for call in turn.tool_calls]
    whole = (await grade_no_duplicate_calls(context(record, None))).grade
    distinct = {(call.name, call.raw_arguments) for call in calls}
    assert whole == (None if not calls else float(len(distinct) == len(calls)))
    by_turn = [(await grade_no_duplicate_calls(context(record, index))).grade for index in range(1, len(made) + 1)]
    graded = [grade for grade in by_turn if grade is not None]
    assert min(graded, default=None) == whole
