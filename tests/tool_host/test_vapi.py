"""Vapi's envelope is read in every form in which it is sent, and answered in the one in which it is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.tool_host.hosted_call import AskedTool, Via
from evalkit.tool_host.vapi import is_message, make_result, read_tool_calls

ARGUMENTS = {"order_id": "48213"}


def envelope(*entries: Any, **further: Any) -> dict[str, Any]:
    return {"message": {"type": "tool-calls", "toolCallList": list(entries), **further}}


@pytest.mark.parametrize(
    "entry",
    [
        {"id": "t1", "name": "get_order", "arguments": ARGUMENTS},
        {"id": "t1", "name": "get_order", "parameters": ARGUMENTS},
        {"id": "t1", "type": "function", "function": {"name": "get_order", "arguments": ARGUMENTS}},
        {"id": "t1", "type": "function", "function": {"name": "get_order", "arguments": json.dumps(ARGUMENTS)}},
    ],
)
def test_every_form_of_a_call(entry: dict[str, Any]) -> None:
    """The short one, the older one, and the one of Chat Completions."""
    message = read_tool_calls(envelope(entry, call={"id": "CA1"}))
    assert message is not None
    (asked,) = message.asked
    assert (asked.name, asked.arguments, asked.call_id, asked.via) == ("get_order", ARGUMENTS, "t1", Via.WEBHOOK)
    assert json.loads(asked.raw_arguments) == ARGUMENTS
    assert message.call_ids == ("CA1",)


def test_arguments_that_are_no_object_are_kept_as_they_came() -> None:
    """The mock's check says what is wrong with them."""
    message = read_tool_calls(
        envelope({"id": "1", "name": "a", "arguments": "{broken"}, {"id": "2", "name": "b", "arguments": [1]}, {})
    )
    assert message is not None
    assert [(each.arguments, each.raw_arguments) for each in message.asked] == [
        (None, "{broken"), (None, "[1]"), ({}, "{}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        ({"message": {"type": "status-update"}}, True),
        ({"message": {"type": "tool-calls"}}, True),
        ({"message": "hello"}, False),
        ({"order_id": "1"}, False),
        ([], False),
        (None, False),
    ],
)
def test_what_else_is_in_the_envelope(body: Any, is_one: bool) -> None:
    """It holds no calls."""
    assert is_message(body) is is_one
    assert read_tool_calls(body) is None


def test_a_result_is_one_line() -> None:
    """A line break would cut it off."""
    asked = AskedTool("get_order", {}, "{}", Via.WEBHOOK, "t1")
    assert make_result(asked, "It is\r\non its way.", fails=False) == {
        "toolCallId": "t1", "name": "get_order", "result": "It is on its way.",
    }  # fmt: skip
    assert make_result(asked, "down", fails=True) == {"toolCallId": "t1", "name": "get_order", "error": "down"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_no_body_is_too_odd(body: Any) -> None:
    """It is in the envelope or not; nothing raises."""
    for document in (body, {"message": body}, envelope(body), envelope(body, call=body), {"message": {"type": body}}):
        message = read_tool_calls(document)
        assert message is None or is_message(document)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans())
def test_arguments_arrive_as_they_were_sent(arguments: dict[str, Any], as_text: bool) -> None:
    """Whatever they are, as an object or as text."""
    sent = json.dumps(arguments) if as_text else arguments
    message = read_tool_calls(json.loads(json.dumps(envelope({"id": "1", "name": "a", "arguments": sent}))))
    assert message is not None
    assert message.asked[0].arguments == arguments
