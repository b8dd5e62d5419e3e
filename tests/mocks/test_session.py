"""A conversation's tools answer by the contract: first match wins, sequences and state hold, nothing raises."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.mocks.definitions import Mock, parse_mocks
from evalkit.mocks.matching import takes
from evalkit.mocks.session import MockAnswer, MockSession
from evalkit.records.record import ToolCall

TOOLS: tuple[dict[str, Any], ...] = (
    {
        "name": "get_order",
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}, "count": {"type": "integer"}},
            "required": ["order_id"],
            "additionalProperties": False,
        },
    },
    {"name": "cancel_order", "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}}},
)


def call(name: str, arguments: Any = None, call_id: str = "call_1") -> ToolCall:
    return ToolCall(name, arguments, "{" if arguments is None else json.dumps(arguments), call_id)


def session(*entries: dict[str, Any]) -> MockSession:
    return MockSession(parse_mocks(list(entries), "test"), TOOLS)


def answers(held: MockSession, *calls: ToolCall) -> list[Any]:
    return [held.answer(each).output.output for each in calls]


def test_minimal_mock_answers_every_call_of_its_tool() -> None:
    """Name and output are enough, also for a call without a JSON object; the output keeps the call's id."""
    held = session({"name": "get_order", "output": {"status": "shipped"}})
    for arguments in ({"order_id": "1"}, {}, None):
        answer = held.answer(call("get_order", arguments, "call_7"))
        assert answer.matched
        assert answer.output.output == {"status": "shipped"}
        assert (answer.output.call_id, answer.output.name, answer.output.arguments) == (
            "call_7",
            "get_order",
            arguments,
        )


def test_first_mock_that_matches_wins() -> None:
    """Order decides, not how special a condition is."""
    held = session(
        {"name": "get_order", "match": {"order_id": "1"}, "output": "one"},
        {"name": "get_order", "output": "any"},
        {"name": "get_order", "match": {"order_id": "2"}, "output": "never"},
    )
    calls = [call("get_order", {"order_id": number}) for number in "123"]
    assert answers(held, *calls) == ["one", "any", "any"]


def test_unmatched_call_is_said_to_be_unmatched() -> None:
    """A call that no mock takes gets the documented answer and an event of its own."""
    held = session({"name": "get_order", "match": {"order_id": "1"}, "output": 1})
    for unmatched in (call("get_order", {"order_id": "2"}), call("cancel_order", {})):
        answer = held.answer(unmatched)
        assert not answer.matched
        assert answer.output.output == {"status": "Unsupported tool"}
        assert answer.event["type"] == "unmatched_tool_call"
        assert answer.event["name"] == unmatched.name


def test_sequence_runs_and_its_last_output_repeats() -> None:
    """A mock counts the calls that it answered, not those of its tool."""
    held = session(
        {"name": "get_order", "match": {"order_id": "9"}, "output": "other"},
        {"name": "get_order", "outputs": [1, 2, 3]},
    )
    one, nine = call("get_order", {"order_id": "1"}), call("get_order", {"order_id": "9"})
    assert answers(held, one, nine, one, nine, one, one, one) == [1, "other", 2, "other", 3, 3, 3]


def test_failing_tool_answers_its_message() -> None:
    """The assistant sees an error object, and the call counts as matched."""
    answer = session({"name": "get_order", "error": "down"}).answer(call("get_order", {"order_id": "1"}))
    assert answer.matched
    assert answer.output.output == {"error": "down"}


def test_mock_that_is_used_up_is_passed_by() -> None:
    """`times` lets a tool fail first and work then, within one file."""
    held = session({"name": "get_order", "error": "down", "times": 2}, {"name": "get_order", "output": "up"})
    assert answers(held, *[call("get_order", {})] * 4) == [{"error": "down"}] * 2 + ["up"] * 2


def test_state_is_set_by_one_mock_and_asked_by_another() -> None:
    """What a mock sets holds for the rest of the conversation, and for no other conversation."""
    entries: list[dict[str, Any]] = [
        {"name": "get_order", "state": {"order": "cancelled"}, "output": "cancelled"},
        {"name": "get_order", "output": "waiting"},
        {"name": "cancel_order", "match": {"order_id": "1"}, "set": {"order": "cancelled"}, "output": "done"},
        {"name": "cancel_order", "output": "not found"},
    ]
    held, other = session(*entries), session(*entries)
    ask, wrong, right = (
        call("get_order", {}),
        call("cancel_order", {"order_id": "2"}),
        call("cancel_order", {"order_id": "1"}),
    )
    assert answers(held, ask, wrong, ask, right, ask) == ["waiting", "not found", "waiting", "done", "cancelled"]
    assert answers(other, ask) == ["waiting"]


def test_delay_is_told_and_not_waited() -> None:
    """The answer comes at once and says how long the tool would have taken."""
    assert (
        session({"name": "get_order", "output": 1, "delay_ms": 600_000}).answer(call("get_order")).delay_ms == 600_000
    )


@pytest.mark.parametrize(
    ("made", "problems"),
    [
        (call("get_order", {"order_id": "1"}), ()),
        (call("get_order", {}), ("arguments: 'order_id' is a required property",)),
        (call("get_order", {"order_id": 1}), ("order_id: 1 is not of type 'string'",)),
        (
            call("get_order", {"count": "x"}),
            ("arguments: 'order_id' is a required property", "count: 'x' is not of type 'integer'"),
        ),
        (call("get_order", None), ("the arguments are not a JSON object",)),
        (call("get_weather", {}), ("no tool is called 'get_weather'",)),
    ],
)
def test_arguments_are_checked_against_the_tools_own_schema(made: ToolCall, problems: tuple[str, ...]) -> None:
    """The verdict stands in the answer and its event, and the mock answers all the same."""
    answer = session({"name": made.name, "output": "fine"}).answer(made)
    assert answer.schema_problems == problems
    assert answer.event["schema_problems"] == list(problems)
    assert answer.output.output == "fine"


def test_a_tool_without_parameters_takes_any_arguments() -> None:
    """It is known, its mocks may ask for any argument, and no argument is held against it."""
    bare = [{"type": "function", "name": "note"}]
    mocks = parse_mocks([{"name": "note", "match": {"text": "hi"}, "output": {"ok": True}}], "test", bare)
    answer = MockSession(mocks, bare).answer(call("note", {"text": "hi", "loud": 1}))
    assert (answer.output.output, answer.schema_problems) == ({"ok": True}, ())


def test_event_says_which_mock_answered_what() -> None:
    """The trace can tell why the assistant was told what it was told."""
    held = session({"name": "get_order", "output": 0}, {"name": "cancel_order", "output": {"ok": True}, "delay_ms": 5})
    assert held.answer(call("cancel_order", {"order_id": "1"})).event == {
        "type": "mocked_tool_call",
        "call_id": "call_1",
        "name": "cancel_order",
        "arguments": {"order_id": "1"},
        "output": {"ok": True},
        "answered_by": "mock #2",
        "schema_problems": [],
        "delay_ms": 5.0,
    }


def test_arguments_without_bottom_are_answered() -> None:
    """Nesting that no validator gets through is a verdict."""
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]
    recursive = {"name": "walk", "parameters": {"type": "object", "additionalProperties": {"$ref": "#/$defs/node"},
                 "$defs": {"node": {"items": {"$ref": "#/$defs/node"}}}}}  # fmt: skip
    held = MockSession(parse_mocks([{"name": "walk", "output": 1}], "test"), [recursive])
    answer = held.answer(ToolCall("walk", {"a": deep}, "…", "call_1"))
    assert answer.output.output == 1
    assert answer.schema_problems == ("the arguments are nested too deeply to be checked",)


NAMES = st.sampled_from(["get_order", "cancel_order", "unknown"])
ARGUMENTS = st.dictionaries(st.sampled_from(["order_id", "count"]), st.sampled_from(["1", "2", 1, True, None, [1]]))
MOCKS = st.lists(
    st.builds(
        Mock,
        origin=st.just(""),
        name=NAMES,
        outputs=st.lists(st.integers(), min_size=1, max_size=3).map(tuple),
        match=st.none()
        | ARGUMENTS
        | st.just({"required": ["order_id"]})
        | st.just({"properties": {"count": {"type": "integer"}}}),
        state=st.dictionaries(st.just("s"), st.booleans()),
        times=st.none() | st.integers(1, 2),
        delay_ms=st.floats(0, 10),
        sets=st.dictionaries(st.just("s"), st.booleans()),
    ),
    max_size=5,
).map(lambda mocks: [replace(mock, origin=f"mock #{number}") for number, mock in enumerate(mocks, 1)])
CALLS = st.lists(
    st.builds(ToolCall, name=NAMES, arguments=st.none() | ARGUMENTS, raw_arguments=st.text(), call_id=st.text()),
    max_size=8,
)


def replay(mocks: list[Mock], calls: list[ToolCall]) -> list[MockAnswer]:
    held = MockSession(mocks, TOOLS)
    return [held.answer(each) for each in calls]


@given(MOCKS, CALLS)
def test_same_calls_get_the_same_answers_byte_for_byte(mocks: list[Mock], calls: list[ToolCall]) -> None:
    """Two conversations with the same mocks and calls cannot be told apart; every call has one output."""
    first, second = (json.dumps([answer.event for answer in replay(mocks, calls)]) for _ in range(2))
    assert first == second
    assert len(json.loads(first)) == len(calls)


@given(MOCKS, CALLS)
def test_answer_comes_from_the_first_mock_that_could_give_it(mocks: list[Mock], calls: list[ToolCall]) -> None:
    """Checked against a second, simpler account of the rules, call by call."""
    state: dict[str, Any] = {}
    used = dict.fromkeys([mock.origin for mock in mocks], 0)
    for made, answer in zip(calls, replay(mocks, calls), strict=True):
        able = [
            mock
            for mock in mocks
            if mock.name == made.name
            and (mock.times is None or used[mock.origin] < mock.times)
            and mock.state.items() <= state.items()
            and takes(mock.match, made.arguments)
        ]
        assert answer.matched == bool(able)
        if able:
            assert answer.answered_by == able[0].origin
            assert answer.output.output == [*able[0].outputs, *[able[0].outputs[-1]] * 9][used[able[0].origin]]
            used[able[0].origin] += 1
            state.update(able[0].sets)
