"""Calls that a model writes in place of making them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.chat.written_calls import written_calls
from evalkit.service.brain.conversation import Conversation, UserTurn

_TOOLS = tuple({"type": "function", "name": name, "parameters": {"type": "object"}} for name in ("find", "cancel"))
ASKED = Conversation("Be kind.", _TOOLS, (UserTurn("Where is it?"),))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_ARGUMENTS = st.dictionaries(st.text(), _VALUES, max_size=3)
_FRAMES = st.sampled_from(["{}", "```json\n{}\n```", "<tool_call>\n{}\n</tool_call>", "[{}]", "\n {} "])


@given(st.lists(st.tuples(_FRAMES, st.sampled_from(["find", "cancel"]), _ARGUMENTS), min_size=1, max_size=3))
def test_an_answer_of_nothing_else_is_its_calls(written: list[tuple[str, str, dict]]) -> None:
    """In their order, with the arguments as they were written, whatever these hold."""
    text = "\n".join(
        frame.replace("{}", json.dumps({"name": name, "arguments": arguments})) for frame, name, arguments in written
    )
    calls = written_calls(text, ASKED)
    assert [(call.name, call.arguments) for call in calls] == [(name, arguments) for _, name, arguments in written]
    assert [json.loads(call.arguments_json) for call in calls] == [arguments for _, _, arguments in written]


@given(_FRAMES, st.text().filter(lambda name: name not in ("find", "cancel")), _ARGUMENTS, st.booleans())
def test_a_name_that_is_no_tools_is_no_call(frame: str, name: str, arguments: dict, beside_one: bool) -> None:
    """Nor is one beside it that would be."""
    told = [{"name": name, "arguments": arguments}, *([{"name": "find", "arguments": {}}] if beside_one else [])]
    assert written_calls("\n".join(frame.replace("{}", json.dumps(one)) for one in told), ASKED) == ()


@given(st.text("abc .?!\n", min_size=1).filter(str.strip), _FRAMES, _ARGUMENTS, st.booleans())
def test_a_call_among_words_is_none(words: str, frame: str, arguments: dict, are_before: bool) -> None:
    """Wherever they stand."""
    call = frame.replace("{}", json.dumps({"name": "find", "arguments": arguments}))
    assert written_calls(f"{words}{call}" if are_before else f"{call}{words}", ASKED) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello.",
        '{"name": "find"}',
        '{"arguments": {}}',
        '{"name": "find", "arguments": "{}"}',
        '{"name": "find", "arguments": null}',
        '{"name": ["find"], "arguments": {}}',
        '{"name": "find", "arguments": {}, "say": "Hello."}',
        '{"name": "find", "parameters": {}}',
        '{"name": "find", "arguments": {"id": 7}',
        '{"tool": {"name": "find", "arguments": {}}}',
    ],
)
def test_what_falls_short_of_a_call_is_none(text: str) -> None:
    """Whichever part of it is missing, or too much."""
    assert written_calls(text, ASKED) == ()


@pytest.mark.parametrize(
    ("choice", "is_call"), [("auto", True), ("required", True), ("find", True), ("cancel", False), ("none", False)]
)
def test_only_a_tool_that_may_be_called_is(choice: str, is_call: bool) -> None:
    """By the choice that the client left."""
    asked = Conversation("", _TOOLS, (), tool_choice=choice)
    assert bool(written_calls('{"name": "find", "arguments": {}}', asked)) == is_call
    assert written_calls('{"name": "find", "arguments": {}}', Conversation("", (), ())) == ()
