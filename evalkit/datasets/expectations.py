"""The right answer of a row: the expected tool call in its three `gt_` columns, checked against the tools.

=================== ==============================================================================
column              holds
=================== ==============================================================================
gt_tool_call        the tool's name; empty: no tool must be called
gt_tool_call_arg    a JSON object with some or all of the call's arguments; empty: any will do
gt_tool_call_match  a JSON object, argument -> rule (:mod:`evalkit.records.match_rules`); optional
=================== ==============================================================================

The arguments are a subset of the real ones, so a required argument may be left out here; one that the tool does not
have, or a value that its schema forbids, could never be met and is an error. A tool without a schema takes any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.datasets.files import clip, parse_json
from evalkit.records.case import ExpectedCall
from evalkit.records.json import JsonObject
from evalkit.records.match_rules import find_match_problems
from evalkit.settings.names import did_you_mean

TOOL_COLUMN = "gt_tool_call"
ARGUMENTS_COLUMN = "gt_tool_call_arg"
MATCH_COLUMN = "gt_tool_call_match"

_ABOUT_ABSENCE = frozenset({"required", "dependentRequired", "minProperties"})


@dataclass(frozen=True)
class CellProblem:
    """What is wrong in one cell of a row."""

    column: str
    message: str


def read_expectation(
    cells: Mapping[str, str], tools: Sequence[JsonObject] | None
) -> tuple[tuple[ExpectedCall, ...], list[CellProblem]]:
    """Return the expected calls of a row (none, or one) and what is wrong with its cells.

    `tools` None means that the tools are not known, so that nothing is compared with them.
    """
    name = cells[TOOL_COLUMN]
    arguments, problems = _read_object(cells, ARGUMENTS_COLUMN)
    match, match_problems = _read_object(cells, MATCH_COLUMN)
    problems += match_problems
    if not name:
        problems += [
            CellProblem(column, f"holds {clip(cells[column])}, but {TOOL_COLUMN} is empty: no call, no arguments")
            for column in (ARGUMENTS_COLUMN, MATCH_COLUMN)
            if cells.get(column, "").strip()
        ]
        return (), problems
    if not problems:
        problems += [CellProblem(MATCH_COLUMN, text) for text in find_match_problems(match, arguments)]
        problems += _compare_with_tools(name, arguments, tools)
    return (ExpectedCall(name, arguments, {key: str(rule) for key, rule in match.items()}),), problems


def _read_object(cells: Mapping[str, str], column: str) -> tuple[dict[str, Any], list[CellProblem]]:
    text = cells.get(column, "")
    if not text.strip():
        return {}, []
    try:
        value = parse_json(text)
    except ValueError as error:
        return {}, [CellProblem(column, f"{clip(text)} is not valid JSON: {error}")]
    if not isinstance(value, dict):
        return {}, [
            CellProblem(column, f'{clip(text)} is not a JSON object; expected for example {{"order_id": "0071"}}')
        ]
    return value, []


def _compare_with_tools(name: str, arguments: JsonObject, tools: Sequence[JsonObject] | None) -> list[CellProblem]:
    if tools is None:
        return []
    by_name = {str(tool["name"]): tool for tool in tools}
    if name not in by_name:
        known = ", ".join(by_name) or "none"
        return [CellProblem(TOOL_COLUMN, f"no tool is called {name!r}{did_you_mean(name, by_name)}; tools: {known}")]
    parameters: Any = by_name[name].get("parameters")
    if parameters is None:
        return []
    return [CellProblem(ARGUMENTS_COLUMN, text) for text in _find_argument_problems(name, arguments, parameters)]


def _find_argument_problems(tool: str, arguments: JsonObject, parameters: Mapping[str, Any]) -> Iterator[str]:
    properties = parameters.get("properties", {})
    if not parameters.get("additionalProperties") and "patternProperties" not in parameters:
        known = ", ".join(properties) or "none"
        for name in arguments:
            if name not in properties:
                yield f"{tool} has no argument {name!r}{did_you_mean(name, properties)}; arguments: {known}"
    try:
        errors = list(_violations(arguments, {**parameters, "additionalProperties": True}))
    except RecursionError:
        yield f"cannot be checked: the parameters of {tool} refer to themselves without end"
        return
    for error in errors:
        place = error.json_path.removeprefix("$").removeprefix(".") or "it"
        yield f"{place} does not fit the parameters of {tool}: {clip(error.message, 200)}"


def _violations(arguments: JsonObject, parameters: Mapping[str, Any]) -> Iterator[Any]:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # A registry of our own: the default one would fetch an unknown $ref from the network.
    validator = Draft202012Validator(parameters, registry=Registry())
    return (error for error in validator.iter_errors(arguments) if not _is_about_absence(error))


def _is_about_absence(error: Any) -> bool:
    """Whether `error` only says that something is missing, which a subset may be."""
    if error.validator in _ABOUT_ABSENCE:
        return True
    if error.validator not in ("anyOf", "oneOf") or not error.context:
        return False
    return any(all(map(_is_about_absence, branch)) for branch in _branches(error.context))


def _branches(errors: Iterable[Any]) -> Iterable[list[Any]]:
    branches: dict[Any, list[Any]] = {}
    for error in errors:
        branches.setdefault(error.relative_schema_path[0], []).append(error)
    return branches.values()
