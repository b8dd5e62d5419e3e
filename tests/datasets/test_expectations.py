"""Expected calls: read from three cells, and held against the tools they name."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from evalkit.datasets.expectations import read_expectation
from evalkit.records.case import ExpectedCall

TOOL = {
    "type": "function",
    "name": "change_address",
    "description": "",
    "parameters": {
        "type": "object",
        "additionalProperties": False,
        "required": ["order_id", "address"],
        "properties": {
            "order_id": {"type": "string", "pattern": "^[0-9]+$"},
            "address": {
                "type": "object",
                "required": ["street", "zip"],
                "properties": {"street": {"type": "string"}, "zip": {"type": "string"}},
            },
            "floors": {"type": "array", "items": {"type": "integer"}},
            "size": {"enum": ["small", "large"]},
            "who": {
                "anyOf": [
                    {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
                    {"type": "null"},
                ]
            },
        },
    },
}


def tool(**parameters: Any) -> dict[str, Any]:
    return {**TOOL, "parameters": {"type": "object", **parameters}}


def read(
    name: str, arguments: Any = "", match: Any = None, tools: Any = (TOOL,)
) -> tuple[tuple[ExpectedCall, ...], list[tuple[str, str]]]:
    cells = {
        "gt_tool_call": name,
        "gt_tool_call_arg": arguments if isinstance(arguments, str) else json.dumps(arguments),
    }
    if match is not None:
        cells["gt_tool_call_match"] = match if isinstance(match, str) else json.dumps(match)
    expected, problems = read_expectation(cells, tools)
    return expected, [(problem.column, problem.message) for problem in problems]


def test_a_tool_without_parameters_takes_any_arguments() -> None:
    """What has no schema cannot be contradicted; the name still has to be right."""
    bare = [{"type": "function", "name": "note"}]
    expected, problems = read("note", {"text": "call back"}, tools=bare)
    assert (expected, problems) == ((ExpectedCall("note", {"text": "call back"}),), [])
    assert read("notes", {}, tools=bare)[1][0][0] == "gt_tool_call"


def test_no_tool_is_an_expectation_of_none() -> None:
    """Empty cells expect nothing, and are no problem."""
    assert read("") == ((), [])
    assert read("", " ", "") == ((), [])


def test_a_call_with_arguments_and_rules() -> None:
    """Name, arguments and rules are taken as they stand; ids stay text."""
    expected, problems = read("change_address", {"order_id": "0071"}, {"order_id": "id"})
    assert problems == []
    assert expected == (ExpectedCall("change_address", {"order_id": "0071"}, {"order_id": "id"}),)


@pytest.mark.parametrize(
    "arguments",
    ["", {}, {"order_id": "1"}, {"address": {"street": "Elm"}}, {"floors": [1, 2]}, {"who": {}}, {"who": None}],
)
def test_arguments_are_a_subset(arguments: Any) -> None:
    """What is left out, also deep inside, is no problem, although the tool requires it."""
    assert read("change_address", arguments)[1] == []


@pytest.mark.parametrize(
    ("name", "arguments", "match", "column", "said"),
    [
        ("chnage_address", "", None, "gt_tool_call", "did you mean 'change_address'"),
        ("change_address ", "", None, "gt_tool_call", "no tool is called 'change_address '"),
        ("", {"a": 1}, None, "gt_tool_call_arg", "no call, no arguments"),
        ("", "", {"a": "id"}, "gt_tool_call_match", "no call, no arguments"),
        ("change_address", '{"order_id": }', None, "gt_tool_call_arg", "line 1, column 14: expecting value"),
        ("change_address", "[1]", None, "gt_tool_call_arg", "not a JSON object"),
        ("change_address", "null", None, "gt_tool_call_arg", "not a JSON object"),
        ("change_address", {"oder_id": "1"}, None, "gt_tool_call_arg", "did you mean 'order_id'"),
        ("change_address", {"order_id": 71}, None, "gt_tool_call_arg", "order_id does not fit .* not of type 'string'"),
        ("change_address", {"order_id": "A1"}, None, "gt_tool_call_arg", "does not match"),
        ("change_address", {"size": "huge"}, None, "gt_tool_call_arg", "'huge' is not one of"),
        ("change_address", {"floors": [1, "2"]}, None, "gt_tool_call_arg", r"floors\[1\] does not fit"),
        ("change_address", {"address": {"street": 5}}, None, "gt_tool_call_arg", "address.street does not fit"),
        ("change_address", {"who": {"name": 5}}, None, "gt_tool_call_arg", "who does not fit"),
        ("change_address", {"order_id": "1"}, {"order_id": "idd"}, "gt_tool_call_match", "did you mean 'id'"),
        ("change_address", {"order_id": "1"}, {"size": "text"}, "gt_tool_call_match", "no such expected argument"),
        ("change_address", {"order_id": "1"}, "{", "gt_tool_call_match", "is not valid JSON"),
        ("change_address", {"order_id": "1"}, "7", "gt_tool_call_match", "not a JSON object"),
        ("change_address", {"order_id": "1"}, {"order_id": 7}, "gt_tool_call_match", "7"),
    ],
)
def test_what_is_wrong_is_named(name: str, arguments: Any, match: Any, column: str, said: str) -> None:
    """Each way to expect the impossible is found, in the cell that is to blame."""
    (problem,) = read(name, arguments, match)[1]
    assert problem[0] == column
    assert re.search(said, problem[1])


def test_without_tools_only_the_cells_are_checked() -> None:
    """When the tools are unknown, any name goes, but JSON must be JSON."""
    assert read("anything", {"x": 1}, tools=None)[1] == []
    assert len(read("anything", "{", tools=None)[1]) == 1
    assert "tools: none" in read("anything", tools=())[1][0][1]


def test_open_schemas_take_further_arguments() -> None:
    """An argument without a schema is fine only where the tool says that it takes others."""
    assert read("change_address", {"x": 1}, tools=[tool(additionalProperties=True)])[1] == []
    assert read("change_address", {"x1": 1}, tools=[tool(patternProperties={"^x": {}})])[1] == []
    assert len(read("change_address", {"x": 1}, tools=[tool()])[1]) == 1


def test_references_are_followed_and_never_fetched() -> None:
    """A $ref within the tool is followed; one that never ends is a problem, not a crash."""
    inside = tool(properties={"a": {"$ref": "#/$defs/n"}}, **{"$defs": {"n": {"type": "integer"}}})
    assert read("change_address", {"a": 1}, tools=[inside])[1] == []
    assert len(read("change_address", {"a": "1"}, tools=[inside])[1]) == 1
    endless = tool(properties={"a": {"$ref": "#/$defs/n"}}, **{"$defs": {"n": {"$ref": "#/$defs/n"}}})
    assert "without end" in read("change_address", {"a": 1}, tools=[endless])[1][0][1]
