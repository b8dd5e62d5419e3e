"""Which calls a mock takes: its `match` against the arguments of a call.

A `match` with `properties` or `required` is a JSON Schema (draft 2020-12). Any other is a subset: the call must have
each of its arguments with an equal value, may have further ones, and objects inside are subsets again. Values are
compared as JSON: numbers by value (``2`` is ``2.0``), ``true`` is not ``1``, text letter by letter; what is to be
taken more loosely is said with a schema (``{"properties": {"order_id": {"pattern": "^0*71$"}}}``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from evalkit.records.json import Json, JsonObject
from evalkit.settings.names import did_you_mean

# Keywords that only name or hold things, so that a validator has no function for them.
_SILENT_KEYWORDS = frozenset(
    {"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples", "deprecated", "then", "else"}
)


def is_schema(match: JsonObject) -> bool:
    """Whether `match` is a JSON Schema and no subset of arguments."""
    return isinstance(match.get("properties"), Mapping) or _is_list(match.get("required"))


def takes(match: JsonObject | None, arguments: JsonObject | None) -> bool:
    """Whether a call with `arguments` matches; None as `match` takes every call. Never raises.

    `arguments` None are those of a call that carried no JSON object; only a mock without condition takes it.
    """
    if match is None:
        return True
    if arguments is None:
        return False
    try:
        return _validator(match).is_valid(arguments) if is_schema(match) else holds(match, arguments)
    except RecursionError:
        return False


def holds(wanted: Json, found: Json) -> bool:
    """Whether `found` has all of `wanted`: objects as subsets, everything else by value."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(name in found and holds(wanted[name], found[name]) for name in wanted)
    if _is_list(wanted):
        return (
            _is_list(found)
            and len(wanted) == len(found)
            and all(holds(left, right) for left, right in zip(wanted, found, strict=True))
        )
    return isinstance(wanted, bool) == isinstance(found, bool) and wanted == found


def find_match_problems(match: JsonObject, parameters: JsonObject | None) -> Iterator[str]:
    """Yield what is wrong with a mock's `match`.

    `parameters` is the schema of the tool's arguments; None when it is not known.
    """
    from jsonschema import Draft202012Validator, SchemaError

    if not is_schema(match):
        yield from _find_unknown_arguments(match, parameters)
        return
    keywords = {*Draft202012Validator.VALIDATORS, *_SILENT_KEYWORDS}
    for name in match:
        if name not in keywords:
            yield f"{name!r} is not a keyword of JSON Schema, which a match with 'properties' or 'required' is"
    try:
        Draft202012Validator.check_schema(match)
    except SchemaError as error:
        yield f"is not a valid JSON Schema at {error.json_path}: {error.message}"
        return
    except RecursionError:
        yield "is nested too deeply"
        return
    if any(_references(match)):
        yield "must not hold a $ref; write out what it points to"
    properties = match.get("properties")
    yield from _find_unknown_arguments(properties if isinstance(properties, Mapping) else {}, parameters)


def _find_unknown_arguments(names: JsonObject, parameters: JsonObject | None) -> Iterator[str]:
    if parameters is None or "patternProperties" in parameters or parameters.get("additionalProperties"):
        return
    properties = parameters.get("properties")
    known = list(properties) if isinstance(properties, Mapping) else []
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known)
            yield f"the tool has no argument {name!r}{hint}; arguments: {', '.join(known) or 'none'}"


def _references(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (name for name in ("$ref", "$dynamicRef") if isinstance(value.get(name), str))
        for part in value.values():
            yield from _references(part)
    elif _is_list(value):
        for part in value:
            yield from _references(part)


def _is_list(value: Json) -> TypeGuard[Sequence[Json]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _validator(schema: JsonObject) -> Any:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # A registry of our own: the default one would fetch an unknown reference from the network.
    return Draft202012Validator(schema, registry=Registry())
