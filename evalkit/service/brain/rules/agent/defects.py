"""Agents that are wrong in exactly one way, for calibrating graders.

Each is a transformation of what the agent below it really decided, so everything else about its replies is right: a
grader that catches one of them caught that defect and nothing else. Where the agent calls no tool, the defects about
tools leave its reply as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from evalkit.service.brain.conversation import Call, Conversation, Model, Reply
from evalkit.service.brain.rules.language.patterns import matches

_REFUSAL = "I understand. I'm afraid there is nothing more that I need to do on my side right now."
_MISMATCH = (
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "Seven purple elephants danced quietly on the roof of the old museum.",
)
_INVENTED = "do_something_else"


def without_calls(agent: Model) -> Model:
    """Return an agent that never calls a tool and says something plausible in its place."""

    def reply(conversation: Conversation) -> Reply:
        right = agent(conversation)
        return Reply(_REFUSAL) if right.calls else right

    return reply


def with_wrong_tool(agent: Model) -> Model:
    """Return an agent that calls another of the session's tools; an invented one where there is only one."""

    def reply(conversation: Conversation) -> Reply:
        right = agent(conversation)
        right_names = {call.name for call in right.calls}
        calls = tuple(_other_call(conversation.tools, right_names, call.arguments) for call in right.calls)
        return Reply(right.text, calls, right.spoken)

    return reply


def with_wrong_arguments(agent: Model) -> Model:
    """Return an agent that calls the right tools with one argument changed to another value of its kind."""

    def reply(conversation: Conversation) -> Reply:
        right = agent(conversation)
        schemas = {str(tool["name"]): tool for tool in map(_function, conversation.tools)}
        calls = tuple(Call(call.name, _altered(call.arguments, schemas.get(call.name, {}))) for call in right.calls)
        return Reply(right.text, calls, right.spoken)

    return reply


def with_extra_call(agent: Model) -> Model:
    """Return an agent that makes one call more than it should, wherever it calls a tool."""

    def reply(conversation: Conversation) -> Reply:
        right = agent(conversation)
        if not right.calls:
            return right
        names = {call.name for call in right.calls}
        extra = _other_call(conversation.tools, names, right.calls[-1].arguments)
        return Reply(right.text, (*right.calls, extra), right.spoken)

    return reply


def with_other_words(agent: Model) -> Model:
    """Return an agent whose voice says something that its transcript doesn't."""

    def reply(conversation: Conversation) -> Reply:
        right = agent(conversation)
        return Reply(right.text, right.calls, _MISMATCH[len(right.text) % 2]) if right.text else right

    return reply


def silent(conversation: Conversation) -> Reply:
    """Return no words, no audio and no calls, whatever `conversation` is."""
    del conversation
    return Reply("", (), "")


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = tool.get("function")
    return inner if isinstance(inner, Mapping) else tool


def _other_call(tools: Sequence[Mapping[str, Any]], names: set[str], arguments: Mapping[str, Any]) -> Call:
    """Return a schema-plausible call of the first tool that is not one of `names`, keeping arguments that it shares."""
    for tool in map(_function, tools):
        if tool.get("name") not in names:
            parameters = tool.get("parameters") or {}
            properties: Mapping[str, Any] = parameters.get("properties") or {}
            kept = {name: value for name, value in arguments.items() if name in properties}
            invented = {
                name: _example(properties.get(name, {}))
                for name in parameters.get("required") or ()
                if name not in kept
            }
            return Call(str(tool["name"]), {**kept, **invented})
    return Call(_INVENTED, dict(arguments))


_EXAMPLES = {"date": "2031-10-25", "time": "17:35", "date-time": "2031-10-25T17:35:00", "email": "some.one@example.com"}


def _example(schema: Mapping[str, Any]) -> Any:
    """Return some value of `schema`."""
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type", "string")
    if kind == "array":
        return [_example(schema.get("items") or {})]
    if kind == "object":
        inner = schema.get("properties") or {}
        return {name: _example(inner.get(name, {})) for name in schema.get("required") or ()}
    if kind != "string":
        return True if kind == "boolean" else schema.get("minimum", 1)
    pattern = str(schema.get("pattern") or "")
    by_format = _EXAMPLES.get(str(schema.get("format")), "12 Elm Street")
    return _of_pattern(pattern) if pattern else by_format


def _of_pattern(pattern: str) -> str:
    shapes = [
        *_EXAMPLES.values(),
        "12 Elm Street",
        "Example",
        *("7" * size for size in range(1, 17)),
        *("AB" + "7" * size for size in range(1, 9)),
    ]
    shapes += ["A" + "7" * size for size in range(1, 9)] + ["AB-" + "7" * size for size in range(1, 9)]
    prefix = re.match(r"\^?([A-Za-z]+[-#]?)", pattern)
    if prefix:
        shapes += [prefix.group(1) + "7" * size for size in range(1, 12)]
    return next((shape for shape in shapes if matches(shape, pattern)), "7777")


def _altered(arguments: Mapping[str, Any], tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return `arguments` with the first one that can be changed within its schema changed; required ones first."""
    parameters = tool.get("parameters") or {}
    properties: Mapping[str, Any] = parameters.get("properties") or {}
    required = list(parameters.get("required") or ())
    order = sorted(arguments, key=lambda name: (name not in required, list(arguments).index(name)))
    for name in order:
        changed = _another(arguments[name], properties.get(name) or {})
        if changed != arguments[name]:
            return {**arguments, name: changed}
    return dict(arguments)


def _another(value: Any, schema: Mapping[str, Any]) -> Any:
    """Return a value of the same kind that no tolerant comparison takes for `value`; `value` where there is none."""
    options = schema.get("enum")
    if options:
        return next((option for option in options if option != value), value)
    if isinstance(value, (bool, int, float)):
        return not value if isinstance(value, bool) else _another_number(value, schema)
    if isinstance(value, str):
        return _another_text(value, str(schema.get("pattern") or ""))
    if isinstance(value, list) and value:
        return [_another(value[0], schema.get("items") or {}), *value[1:]]
    return _altered(value, {"parameters": schema}) if isinstance(value, Mapping) else value


def _another_number(value: float, schema: Mapping[str, Any]) -> float:
    low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    return next((other for other in (value + 1, value - 1, value + 10) if low <= other <= high), value)


def _another_text(value: str, pattern: str) -> str:
    day = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})(.*)", value)
    if day:
        try:
            moved = date(int(day[1]), int(day[2]), int(day[3])) + timedelta(days=1)
        except (ValueError, OverflowError):
            moved = date(2031, 10, 25)
        return moved.isoformat() + day[4]
    clock = re.fullmatch(r"(\d{2}):(\d{2})(.*)", value)
    if clock:
        return f"{(int(clock[1]) + 1) % 24:02d}:{clock[2]}{clock[3]}"
    for place in range(len(value) - 1, -1, -1):
        if value[place].isdigit():
            other = value[:place] + str((int(value[place]) + 3) % 10) + value[place + 1 :]
            if not pattern or matches(other, pattern):
                return other
    return "something else entirely" if not pattern else value
