"""Each known-defect agent is wrong in one way and right in every other."""

from typing import Any

import jsonschema
import pytest

from evalkit.service.brain.conversation import Conversation, UserTurn
from evalkit.service.brain.rules.agent.models import MODELS

PARCEL = {
    "type": "object",
    "properties": {"parcel_id": {"type": "string", "pattern": r"^[A-Z]{2}-\d{4}$"}},
    "required": ["parcel_id"],
}
PICKUP = {
    "type": "object",
    "properties": {"day": {"type": "string", "format": "date"}, "size": {"enum": ["small", "large"]}},
    "required": ["day", "size"],
}
TOOLS: list[dict[str, Any]] = [
    {"name": "find_parcel", "description": "Find where a parcel is.", "parameters": PARCEL},
    {"name": "book_pickup", "description": "Book a pickup on a day.", "parameters": PICKUP},
]
REQUEST = "Where is parcel AB 1294?"


def reply(model: str, heard: str = REQUEST, tools: list[dict[str, Any]] | None = None) -> Any:
    """Return a model's reply."""
    return MODELS[model](Conversation("", tools or TOOLS, [UserTurn(heard)]))


def test_the_agent_itself_is_right() -> None:
    """What the defects are measured against."""
    (call,) = reply("local-agent").calls
    assert (call.name, call.arguments) == ("find_parcel", {"parcel_id": "AB-1294"})


def test_no_tool_says_something_and_calls_nothing() -> None:
    """Only the call is missing."""
    wrong = reply("local-no-tool")
    assert wrong.text
    assert wrong.calls == ()


def test_wrong_tool_is_another_one_with_plausible_arguments() -> None:
    """The other tool's schema accepts the call; a single tool is replaced by an invented one."""
    (call,) = reply("local-wrong-tool").calls
    assert call.name == "book_pickup"
    jsonschema.validate(call.arguments, TOOLS[1]["parameters"])
    assert reply("local-wrong-tool", tools=TOOLS[:1]).calls[0].name not in {"find_parcel", ""}


def test_wrong_arguments_are_valid_but_different() -> None:
    """The id differs in a digit, and still fits its pattern."""
    (call,) = reply("local-wrong-args").calls
    assert call.name == "find_parcel"
    jsonschema.validate(call.arguments, TOOLS[0]["parameters"])
    assert call.arguments != {"parcel_id": "AB-1294"}


def test_extra_call_keeps_the_right_one_first() -> None:
    """One call too many."""
    right, wrong = reply("local-agent"), reply("local-extra-call")
    assert wrong.calls[:1] == right.calls
    assert len(wrong.calls) == 2


def test_text_mismatch_has_another_voice() -> None:
    """The transcript is right, the voice says another sentence."""
    right, wrong = reply("local-agent"), reply("local-text-mismatch")
    assert (wrong.text, wrong.calls) == (right.text, right.calls)
    assert wrong.spoken
    assert not set(wrong.spoken.lower().split()) & set(right.text.lower().split()) - {"the", "of", "on"}


def test_silent_is_silent() -> None:
    """No words, no audio, no calls."""
    assert (reply("local-silent").text, reply("local-silent").spoken, reply("local-silent").calls) == ("", "", ())


@pytest.mark.parametrize("model", ["local-no-tool", "local-wrong-tool", "local-wrong-args", "local-extra-call"])
def test_tool_defects_leave_talk_alone(model: str) -> None:
    """Where no tool is called there is nothing to spoil."""
    assert reply(model, "Hello, good morning!") == reply("local-agent", "Hello, good morning!")
