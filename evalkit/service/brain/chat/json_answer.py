"""How a model that takes no tools calls them all the same: it is told of them in words, and answers with one object.

``{"call": {"name": …, "arguments": {…}} or null, "say": what is said}``, the call first: who has said already that a
moment is needed has nothing left to do, to a small model. One call at a time. An answer that is no such
object is asked for once more, by :func:`repair_messages`, unless it is a call alone
(:mod:`~evalkit.service.brain.chat.written_calls`); one that is none again is what the model says.
"""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from evalkit.json_among_words import objects_among_words
from evalkit.service.brain.chat.messages import Message, to_plain_messages
from evalkit.service.brain.chat.written_calls import written_call, written_calls
from evalkit.service.brain.conversation import Call, Conversation

_FORM = (
    "You cannot call a tool by yourself. Answer with one JSON object and nothing else, no code fence and no words "
    'around it: {"call": {"name": the name of a tool, "arguments": an object that keeps to its parameters}, or null, '
    '"say": what you say to the caller, or ""}. Call a tool as soon as you know what it needs, and only with values '
    "that you know. Its answer is told to you then. The tools:"
)

_MOST_TRIES = 50
"""At so many braces an object is looked for: a model that repeats one for ever must not hold up other sessions."""


def answer_schema(conversation: Conversation) -> dict[str, Any]:
    """Return the JSON Schema of an answer."""
    call = {
        "type": "object",
        "required": ["name", "arguments"],
        "properties": {
            "name": {"type": "string", "enum": [tool["name"] for tool in conversation.tools]},
            "arguments": {"type": "object"},
        },
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "required": ["call", "say"],
        "properties": {"call": {"anyOf": [call, {"type": "null"}]}, "say": {"type": "string"}},
        "additionalProperties": False,
    }


def asking_messages(conversation: Conversation) -> list[Message]:
    """Return the messages that ask for an answer of that form."""
    shown = [{key: tool.get(key) for key in ("name", "description", "parameters")} for tool in conversation.tools]
    told = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in shown)
    form = f"{_FORM}\n{told}{_demand(conversation.tool_choice)}"
    instructions = "\n\n".join(filter(None, (conversation.instructions, form)))
    return to_plain_messages(Conversation(instructions, conversation.tools, conversation.items))


def repair_messages(messages: list[Message], answer: str, problem: str) -> list[Message]:
    """Return the messages that ask once more, after `answer`, which has a `problem`."""
    again = f"That was not in the form that was asked for: {problem}. Answer again, with the JSON object alone."
    return [*messages, {"role": "assistant", "content": answer}, {"role": "user", "content": again}]


def read_answer(text: str, conversation: Conversation) -> tuple[str, tuple[Call, ...]]:
    """Return what is said and what is called by `text`; raises ValueError, which tells why it is no such answer."""
    validator = Draft202012Validator(answer_schema(conversation))
    problem = "it is no JSON object"
    for found in objects_among_words(text, most_tries=_MOST_TRIES):
        error = next(validator.iter_errors(found.value), None)
        if error is None:
            say, call = found.value["say"], found.value["call"]
            return say, () if call is None else (written_call(call),)
        problem = f"{error.json_path}: {error.message}"
    if calls := written_calls(text, conversation):
        return "", calls
    raise ValueError(problem)


def _demand(tool_choice: str) -> str:
    match tool_choice:
        case "auto":
            return ""
        case "none":
            return "\nCall none of them now."
        case "required":
            return "\nCall one of them now."
        case name:
            return f"\nCall {name} now."
