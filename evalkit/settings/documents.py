"""Checks a JSON document against its schema in ``schemas/``: what is wrong and where, as messages for its author.

A place reads like a way into the file. Items of a list count from 1, and a list that is the document itself calls its
items what its `item` says: ``mock #3: 'delay_ms'``, ``'graders.turn_level' #2: 'id'``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evalkit.settings.names import did_you_mean
from evalkit.settings.schemas import Key, named_validator

_KINDS = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
_LONGEST = 120


def find_document_problems(schema: str, document: Any, item: str = "item") -> list[str]:
    """Return one message for everything in `document` that ``schemas/<schema>.schema.json`` does not allow.

    Args:
        schema: The schema's name.
        document: The JSON value.
        item: What an item is called when the document is a list.

    """
    errors = sorted(
        named_validator(schema).iter_errors(document),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    return list(dict.fromkeys(message for error in errors for message in _explain(error, item)))


def describe_place(path: Sequence[str | int], item: str = "item") -> str:
    """Return `path` as a message names it; empty for the document itself."""
    parts: list[str] = []
    keys: list[str] = []
    for step in path:
        if isinstance(step, str):
            keys.append(step)
        elif keys:
            parts.append(f"{'.'.join(keys)!r} #{step + 1}")
            keys = []
        else:
            parts.append(f"{item} #{step + 1}")
    return ": ".join([*parts, repr(".".join(keys))] if keys else parts)


def _explain(error: Any, item: str) -> Iterator[str]:
    path = list(error.absolute_path)
    if error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield f"{describe_place([*path, name], item)}: is missing"
    elif error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        for name in error.instance:
            if name not in known:
                hint = did_you_mean(name, known)
                yield f"{describe_place([*path, name], item)}: unknown key{hint}; known keys: {', '.join(known)}"
    elif "propertyNames" in list(error.schema_path)[-2:-1]:
        yield f"{describe_place([*path, error.instance], item)}: {_describe_name(error)}"
    elif error.validator != "oneOf" or isinstance(error.instance, dict):
        place = describe_place(path, item)
        yield f"{place}: {_describe_error(error)}" if place else _describe_error(error)


def _describe_name(error: Any) -> str:
    """Return what is wrong with a key whose name, and not its value, is not allowed where it stands."""
    if error.validator not in ("enum", "const"):
        return "this name is not allowed here"
    known = error.validator_value if error.validator == "enum" else [error.validator_value]
    return f"does not belong here{did_you_mean(error.instance, known)}; allowed are: {', '.join(known)}"


def _describe_error(error: Any) -> str:
    if error.validator == "oneOf":
        names = [name for option in error.validator_value for name in option["required"]]
        found = [name for name in names if name in error.instance]
        return f"has {' and '.join(found) or 'none of them'}, expected exactly one of {', '.join(names)}"
    if error.validator == "pattern" and not error.instance.strip():
        return "is blank, expected text"
    if error.validator == "minItems":
        return "is empty, expected at least one item"
    allowed = Key("", error.schema).allowed.replace("array", "list")
    if error.validator == "pattern":
        is_padded = error.instance != error.instance.strip()
        said = error.schema.get("description") or f"text that matches {error.validator_value}"
        allowed = "text without white space around it" if is_padded else said.rstrip(".")
    shown = repr(error.instance)
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
    kind = _KINDS.get(type(error.instance), "number")
    return f"is the {kind} {shown}, expected {allowed}"
