"""Tools as Gemini Live is told of them: whatever their schemas hold, only what the protocol has is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.realtime.gemini_live.tool_schema import declare_function

ROOT = Path(__file__).parents[3]
KNOWN = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "anyOf", "items", "minimum", "maximum",
}  # fmt: skip


def _keys_of(schema: Any) -> set[str]:
    inner = [
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", []),
        *([schema["items"]] if "items" in schema else []),
    ]
    return set(schema).union(*(_keys_of(each) for each in inner))


@pytest.mark.parametrize("path", sorted((ROOT / "data" / "tools").glob("*.json")), ids=lambda path: path.stem)
def test_the_shipped_tools(path: Path) -> None:
    """Every argument is there, with its type in capitals and its words."""
    for tool in json.loads(path.read_text()):
        declared = declare_function(tool)
        assert (declared["name"], declared["description"]) == (tool["name"], tool["description"])
        told = declared.get("parameters", {"properties": {}})
        assert _keys_of(told) <= KNOWN
        assert set(told["properties"]) == set(tool["parameters"]["properties"])
        assert all(each["type"].isupper() for each in told["properties"].values())


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string", "format": "date", "default": "x"}, {"type": "STRING"}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        ({"const": "a"}, {"enum": ["a"]}),
        ({"type": "integer", "enum": [1, 2], "minimum": 1}, {"type": "INTEGER", "minimum": 1}),
        ({"type": "array", "items": {"type": "number", "x-own": 1}}, {"type": "ARRAY", "items": {"type": "NUMBER"}}),
        ({"oneOf": [{"type": "boolean"}]}, {"anyOf": [{"type": "BOOLEAN"}]}),
    ],
)
def test_what_becomes_of_a_schema(schema: dict[str, Any], told: dict[str, Any]) -> None:
    """What can be said of it is said in the protocol's words, and the rest left out."""
    tool = {"name": "f", "parameters": {"type": "object", "properties": {"a": schema}, "additionalProperties": False}}
    assert declare_function(tool)["parameters"] == {"type": "OBJECT", "properties": {"a": told}}


def test_a_tool_without_arguments_has_no_parameters() -> None:
    """An object without properties is refused."""
    tool = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    assert declare_function(tool) == {"name": "f", "description": "d"}
    assert declare_function({"name": "f"}) == {"name": "f", "description": ""}


_SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional={"type": st.sampled_from(["string", "integer", ["number", "null"]]),
                                        "enum": st.lists(st.text() | st.integers()), "$ref": st.text()}),
    lambda inner: st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(st.text(), inner)},
                                        optional={"items": inner, "oneOf": st.lists(inner), "allOf": st.lists(inner)}),
)  # fmt: skip


@given(_SCHEMAS)
def test_nothing_else_is_ever_said(schema: dict[str, Any]) -> None:
    """Of any schema."""
    declared = declare_function({"name": "f", "parameters": {"type": "object", "properties": {"a": schema}}})
    assert _keys_of(declared["parameters"]) <= KNOWN
