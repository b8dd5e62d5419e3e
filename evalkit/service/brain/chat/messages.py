"""A conversation as the messages of a chat completion, in the order that strict endpoints insist on.

- Instructions are one ``system`` message: some endpoints know no ``developer``.
- A call is followed at once by what it was answered, or by the word that nothing has come yet: a caller may have spoken
  in between. An answer to no call is left out.
- What one side said in several pieces is one message, since many templates want the sides to alternate.
- Of an answer that was cut, what was heard of it, and :data:`INTERRUPTED`.
- No message is empty, and there is one of the user's: a caller of whom no word was understood is :data:`INAUDIBLE`, and
  one who has not spoken yet is :data:`ON_THE_LINE`.
- Ids of calls are nine letters and digits, which every endpoint takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from evalkit.service.brain.conversation import Answered, Called, Conversation, Item, Said, UserTurn

INTERRUPTED = "[interrupted]"
NO_RESULT = "(no result yet)"
INAUDIBLE = "[inaudible]"
ON_THE_LINE = "[the caller is on the line]"
_ID_CHARACTERS = 9
_CHOICES = ("none", "required")

Message = dict[str, Any]


def to_messages(conversation: Conversation) -> list[Message]:
    """Return the messages for an endpoint that knows tools."""
    outputs = _outputs(conversation.items)
    messages = _told(conversation.instructions)
    for item in conversation.items:
        _say_words(messages, item)
        if isinstance(item, Called):
            function = {"name": item.name, "arguments": _json(item.arguments)}
            _say(messages, "assistant", "")
            called = {"id": _short(item.call_id), "type": "function", "function": function}
            messages[-1].setdefault("tool_calls", []).append(called)
    return [answered for message in _with_caller(messages) for answered in _with_outputs(message, outputs)]


def to_plain_messages(conversation: Conversation) -> list[Message]:
    """Return the messages for an endpoint that knows no tools: calls and outputs stand among the words.

    A call is the JSON that :mod:`~evalkit.service.brain.chat.json_answer` asks for, an output is told by the user.
    """
    names = {item.call_id: item.name for item in conversation.items if isinstance(item, Called)}
    messages = _told(conversation.instructions)
    for item in conversation.items:
        _say_words(messages, item)
        if isinstance(item, Called):
            call = {"name": item.name, "arguments": dict(item.arguments)}
            _say(messages, "assistant", _json({"call": call, "say": ""}))
        elif isinstance(item, Answered):
            name = names.get(item.call_id, "that was called")
            _say(messages, "user", f"Result of the tool {name}: {item.output}")
    return _with_caller(messages)


def to_tools(conversation: Conversation) -> Mapping[str, Any]:
    """Return the fields of a request that offer the conversation's tools."""
    keys = ("name", "description", "parameters")
    tools = [
        {"type": "function", "function": {key: tool[key] for key in keys if key in tool}} for tool in conversation.tools
    ]
    choice = conversation.tool_choice
    if choice == "auto":
        return {"tools": tools}
    named = {"type": "function", "function": {"name": choice}}
    return {"tools": tools, "tool_choice": choice if choice in _CHOICES else named}


def said_words(item: Said) -> str:
    """Return what was heard of an assistant's turn, and that it was cut, if it was."""
    return item.text if item.heard is None else f"{item.heard} {INTERRUPTED}".lstrip()


def _told(instructions: str) -> list[Message]:
    return [{"role": "system", "content": instructions}] if instructions else []


def _with_caller(messages: list[Message]) -> list[Message]:
    """Return `messages` with one of the user's behind the instructions, where there is none anywhere."""
    if any(message["role"] == "user" for message in messages):
        return messages
    told = [message for message in messages if message["role"] == "system"]
    return [*told, {"role": "user", "content": ON_THE_LINE}, *messages[len(told) :]]


def _say_words(messages: list[Message], item: Item) -> None:
    """Add what a side said, where `item` is that."""
    if isinstance(item, UserTurn):
        _say(messages, "user", item.text or INAUDIBLE)
    elif isinstance(item, Said) and (words := said_words(item)):
        _say(messages, "assistant", words)


def _say(messages: list[Message], role: str, text: str) -> None:
    """Add words to the last message where it is of the same side and has called nothing, else as a new one."""
    last = messages[-1] if messages else {}
    if last.get("role") != role or ("tool_calls" in last and text):
        messages.append({"role": role, "content": text})
    elif text:
        last["content"] = f"{last['content']} {text}".lstrip()


def _outputs(items: Sequence[Item]) -> Mapping[str, str]:
    return {_short(item.call_id): item.output for item in items if isinstance(item, Answered)}


def _with_outputs(message: Message, outputs: Mapping[str, str]) -> list[Message]:
    if "tool_calls" not in message:
        return [message]
    ids = [call["id"] for call in message["tool_calls"]]
    answers = [{"role": "tool", "tool_call_id": one, "content": outputs.get(one, NO_RESULT)} for one in ids]
    return [{**message, "content": message["content"] or None}, *answers]


def _short(call_id: str) -> str:
    return sha256(call_id.encode()).hexdigest()[:_ID_CHARACTERS]


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(value)).decode()
