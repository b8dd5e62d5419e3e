"""Tools for a model that takes none: told in words, called by JSON."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from evalkit.service.brain.chat.json_answer import answer_schema, asking_messages, read_answer, repair_messages
from evalkit.service.brain.conversation import Conversation, UserTurn

TOOL = {"type": "function", "name": "find", "description": "Finds.", "parameters": {"type": "object"}}
ASKED = Conversation("Be kind.", (TOOL,), (UserTurn("Where is it?"),))
CALL = {"say": "One moment.", "call": {"name": "find", "arguments": {"id": 7}}}


def test_the_model_is_told_of_the_tools_in_words() -> None:
    """Behind the instructions, with their schemas, and with the choice where there is one."""
    system, user = asking_messages(ASKED)
    assert system["content"].startswith("Be kind.\n\n")
    assert '"name": "find"' in system["content"]
    assert user == {"role": "user", "content": "Where is it?"}
    for choice, demand in (("required", "Call one of them now."), ("none", "Call none"), ("find", "Call find now.")):
        asked = Conversation("", (TOOL,), (), tool_choice=choice)
        assert demand in asking_messages(asked)[0]["content"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CALL),
        f"```json\n{json.dumps(CALL)}\n```",
        f"Sure! {json.dumps(CALL)} Is that all?",
        f'{{"thought": 1}} {json.dumps(CALL)}',
    ],
)
def test_an_answer_is_found_in_what_stands_around_it(text: str) -> None:
    """A fence, words, another object."""
    said, (call,) = read_answer(text, ASKED)
    assert (said, call.name, call.arguments) == ("One moment.", "find", {"id": 7})
    assert call.arguments_json == '{"id": 7}'


def test_a_call_alone_is_one() -> None:
    """Without the form about it; a number may be of any size."""
    text = json.dumps({"name": "find", "arguments": {"id": 10**30}})
    said, (call,) = read_answer(f"```json\n{text}\n```", ASKED)
    assert (said, call.name, call.arguments_json) == ("", "find", '{"id": 1000000000000000000000000000000}')


def test_an_answer_without_a_call() -> None:
    """Says something."""
    assert read_answer('{"say": "Hello.", "call": null}', ASKED) == ("Hello.", ())


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Hello there.", "no JSON object"),
        ("{", "no JSON object"),
        ("{" * 100_000, "no JSON object"),
        ('{"say": "Hello."}', "'call' is a required property"),
        ('{"say": 7, "call": null}', "say"),
        ('{"say": "", "call": {"name": "fly", "arguments": {}}}', "call"),
        ('{"say": "", "call": {"name": "find", "arguments": "{}"}}', "call"),
    ],
)
def test_what_is_no_answer_says_why(text: str, problem: str) -> None:
    """For the one who is asked again."""
    with pytest.raises(ValueError, match=problem) as refused:
        read_answer(text, ASKED)
    *before, answer, again = repair_messages(asking_messages(ASKED), text, str(refused.value))
    assert before == asking_messages(ASKED)
    assert answer == {"role": "assistant", "content": text}
    assert str(refused.value) in again["content"]


def test_the_schema_is_one() -> None:
    """And holds the answers."""
    schema = answer_schema(ASKED)
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(CALL)
