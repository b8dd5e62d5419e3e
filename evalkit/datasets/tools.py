"""Tools files: the list of function tools of the Realtime API, checked against ``schemas/tools.schema.json``.

`description` and `parameters` may be left out, as in the API. A tool without `parameters` takes any arguments: nothing
that is expected, mocked or called is compared with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from evalkit.datasets.files import clip, read_json
from evalkit.errors import DataError
from evalkit.records.json import JsonObject
from evalkit.settings.names import did_you_mean
from evalkit.settings.schemas import load_schema


def load_tools(path: Path) -> tuple[JsonObject, ...]:
    """Return the tools in the JSON file `path`, as they stand there. Raises DataError with every problem."""
    tools = read_json(path)
    if not isinstance(tools, list):
        raise DataError(f"{path}: holds a JSON {_kind(tools)}, expected a list of tools: [{{...}}, {{...}}]")
    problems = [problem for number, tool in enumerate(tools, 1) for problem in _find_problems(path, number, tool)]
    problems += _find_repeated_names(path, tools)
    if problems:
        raise DataError(list(dict.fromkeys(problems)))
    return tuple(tools)


def _find_problems(path: Path, number: int, tool: Any) -> Iterator[str]:
    from jsonschema import Draft202012Validator

    where = f"{path}: {_label(number, tool)}"
    if isinstance(tool, dict) and isinstance(tool.get("function"), dict):
        yield f"{where}: is of the Chat Completions kind; move what is inside 'function' up, beside 'type'"
        return
    schema = load_schema("tools")["items"]
    problems = [
        f"{where}: {problem}"
        for error in sorted(Draft202012Validator(schema).iter_errors(tool), key=lambda error: error.json_path)
        for problem in _explain(error)
    ]
    yield from problems
    if not problems and "parameters" in tool:
        found = _find_schema_problems_of(json.dumps(tool["parameters"]))
        yield from (f"{where}: parameters{problem}" for problem in found)


def _explain(error: Any) -> list[str]:
    place = error.json_path.removeprefix("$").removeprefix(".")
    prefix = f"{place}." if place else ""
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return [f"{prefix}{name} is missing" for name in missing]
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        return [
            f"{prefix}{name}: unknown key{did_you_mean(name, known)}; known keys: {', '.join(known)}"
            for name in sorted(set(error.instance) - set(known))
        ]
    allowed = {
        "type": f"a JSON {error.validator_value}",
        "const": repr(error.validator_value),
        "pattern": "1 to 64 letters, digits, _ or -",
    }[error.validator]
    return [f"{place}: is {clip(error.instance)}, expected {allowed}" if place else f"is not {allowed}"]


@lru_cache(maxsize=1024)
def _find_schema_problems_of(parameters: str) -> tuple[str, ...]:
    """Return the problems of a JSON Schema: to find them takes milliseconds, and many runs have the same tools."""
    return tuple(_find_schema_problems(json.loads(parameters)))


def _find_schema_problems(parameters: Mapping[str, Any]) -> Iterator[str]:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(parameters)
    except SchemaError as error:
        yield f"{error.json_path.removeprefix('$')}: is not a valid JSON Schema: {clip(error.message, 200)}"
        return
    except RecursionError:
        yield ": is nested too deeply"
        return
    for reference in _references(parameters):
        if not _resolves(reference, parameters):
            yield f": $ref {clip(reference)} points nowhere; it must stand in the same tool, as '#/$defs/NAME'"
    required = parameters.get("required", [])
    properties = parameters.get("properties", {})
    for name in required:
        if name not in properties:
            yield f".required: {name!r} is none of the properties{did_you_mean(name, properties)}"


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _resolves(reference: str, schema: Any) -> bool:
    # A bare '#' is the whole schema: legal, and endless where nothing stands between.
    if not reference.startswith("#/"):
        return False
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(schema, Mapping) or name not in schema:
            return False
        schema = schema[name]
    return isinstance(schema, Mapping | bool)


def _find_repeated_names(path: Path, tools: list[Any]) -> list[str]:
    first: dict[str, int] = {}
    problems = []
    for number, tool in enumerate(tools, 1):
        name = tool.get("name") if isinstance(tool, dict) else None
        if isinstance(name, str) and first.setdefault(name, number) != number:
            problems.append(f"{path}: {_label(number, tool)}: the name is already that of tool {first[name]}")
    return problems


def _label(number: int, tool: Any) -> str:
    name = tool.get("name") if isinstance(tool, dict) else None
    return f"tool {number} ({clip(name)})" if isinstance(name, str) else f"tool {number}"


def _kind(value: Any) -> str:
    kinds = {dict: "object", str: "string", bool: "boolean", int: "number", float: "number", type(None): "null"}
    return kinds[type(value)]
