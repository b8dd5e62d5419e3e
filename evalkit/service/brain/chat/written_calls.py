"""Calls that a model writes in place of making them: ``{"name": …, "arguments": {…}}``, and nothing else.

Small models do so, bare, in a fence or between the marks of a template (``<tool_call>``), also where they got the tools
by the API's own field. It is a call where nothing else was written and every name is that of a tool which may be called
now. What falls short of that is what the model said, of which JSON is never spoken.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from evalkit.service.brain.conversation import Call, Conversation
from evalkit.service.written_json import objects_alone


def written_calls(text: str, conversation: Conversation) -> tuple[Call, ...]:
    """Return the calls that an answer to `conversation` consists of; empty: it is none, or has more in it."""
    callable_now = _callable_now(conversation)
    objects = objects_alone(text)
    if not all(_is_call(one) and one["name"] in callable_now for one in objects):
        return ()
    return tuple(written_call(one) for one in objects)


def written_call(found: Mapping[str, Any]) -> Call:
    """Return the call that an object of `name` and `arguments` is; the arguments may hold numbers of any size."""
    return Call(found["name"], found["arguments"], json.dumps(found["arguments"]))


def _is_call(found: Mapping[str, Any]) -> bool:
    return found.keys() == {"name", "arguments"} and isinstance(found["arguments"], dict)


def _callable_now(conversation: Conversation) -> tuple[str, ...]:
    names = tuple(str(tool["name"]) for tool in conversation.tools)
    match conversation.tool_choice:
        case "auto" | "required":
            return names
        case "none":
            return ()
        case chosen:
            return tuple(name for name in names if name == chosen)
