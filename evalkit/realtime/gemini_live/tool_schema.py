"""Tools as Gemini Live is told of them: their arguments in the part of JSON Schema that it takes. No I/O.

A declaration with a key that it does not know ends the session, and ``parametersJsonSchema``, which would take all of
them, leaves some of its models with empty arguments. What is left out here, the mocks check all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = frozenset(
    {
        "title", "description", "nullable", "maxItems", "minItems", "required", "minProperties", "maxProperties",
        "minLength", "maxLength", "pattern", "minimum", "maximum",
    }
)  # fmt: skip
_FORMATS = {
    "STRING": frozenset({"enum", "date-time"}),
    "NUMBER": frozenset({"float", "double"}),
    "INTEGER": frozenset({"int32", "int64"}),
}


def declare_function(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return the declaration of a tool that is described as in the Realtime protocol."""
    declared: dict[str, Any] = {"name": tool["name"], "description": str(tool.get("description") or "")}
    parameters = tool.get("parameters")
    if isinstance(parameters, Mapping) and parameters.get("properties"):
        declared["parameters"] = _reduce(parameters)
    return declared


def _reduce(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what can be said of `schema`; a value that may be null as well is nullable."""
    reduced: dict[str, Any] = {key: schema[key] for key in schema if key in _KEPT}
    named = schema.get("type")
    types = [str(each) for each in (named if isinstance(named, list) else [named]) if each is not None]
    if "null" in types:
        reduced["nullable"] = True
    kinds = [each.upper() for each in types if each != "null"]
    if len(kinds) == 1:
        reduced["type"] = kinds[0]
        if schema.get("format") in _FORMATS.get(kinds[0], ()):
            reduced["format"] = schema["format"]
    allowed = [schema["const"]] if "const" in schema else schema.get("enum", [])
    words: list[Any] = [each for each in allowed if isinstance(each, str)]
    if words:
        reduced["enum"] = words
    if isinstance(schema.get("items"), Mapping):
        reduced["items"] = _reduce(schema["items"])
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        reduced["properties"] = {name: _reduce(each) for name, each in properties.items() if isinstance(each, Mapping)}
    choices = schema.get("anyOf") or schema.get("oneOf") or ([{"type": kind} for kind in kinds] if kinds[1:] else [])
    alternatives: list[Any] = [_reduce(each) for each in choices if isinstance(each, Mapping)]
    if alternatives:
        reduced["anyOf"] = alternatives
    return reduced
