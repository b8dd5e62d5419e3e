"""Tools files: accepted as they stand, or refused with tool, place and reason."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.datasets.tools import load_tools
from evalkit.errors import DataError

DATA = Path(__file__).resolve().parents[2] / "data"
GOOD: dict[str, Any] = {
    "type": "function",
    "name": "cancel_order",
    "description": "Cancel an order.",
    "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}


def write(tmp_path: Path, value: Any) -> Path:
    path = tmp_path / "tools.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != key}


@pytest.mark.parametrize("name", ["support", "clinic"])
def test_the_shipped_tools_load(name: str) -> None:
    """The shipped files are good, and are returned exactly as they stand."""
    path = DATA / "tools" / f"{name}.json"
    assert list(load_tools(path)) == json.loads(path.read_text(encoding="utf-8"))


def test_what_the_protocol_lets_out_may_be_left_out(tmp_path: Path) -> None:
    """A function tool is a type and a name; description and parameters may be missing, and stay missing."""
    bare = {"type": "function", "name": "hang_up"}
    assert load_tools(write(tmp_path, [bare, without("description")])) == (bare, without("description"))


def test_no_tools_are_tools(tmp_path: Path) -> None:
    """An empty list is a session without tools."""
    assert load_tools(write(tmp_path, [])) == ()


def parameters(**schema: Any) -> dict[str, Any]:
    return {**GOOD, "parameters": {"type": "object", **schema}}


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({"tools": []}, "holds a JSON object, expected a list"),
        ("null", "holds a JSON null"),
        ("[", "line 1"),
        ([3], "tool 1: is not a JSON object"),
        ([without("name")], "tool 1: name is missing"),
        ([without("type")], r"tool 1 \('cancel_order'\): type is missing"),
        ([{**GOOD, "strict": True}], "strict: unknown key"),
        ([{**without("description"), "descripton": ""}], "did you mean 'description'"),
        ([{"type": "function", "function": without("type")}], "Chat Completions kind"),
        ([{**GOOD, "type": "mcp"}], "type: is 'mcp', expected 'function'"),
        ([{**GOOD, "name": "cancel order"}], "name: is 'cancel order', expected 1 to 64 letters"),
        ([{**GOOD, "name": "x" * 65}], "1 to 64"),
        ([{**GOOD, "name": 7}], "name: is 7, expected a JSON string"),
        ([{**GOOD, "description": None}], "description: is None"),
        ([{**GOOD, "parameters": []}], "parameters: is .*, expected a JSON object"),
        ([{**GOOD, "parameters": {"type": "array"}}], "parameters.type: is 'array', expected 'object'"),
        ([parameters(properties=[])], "parameters.properties: is"),
        ([parameters(properties={"a": {"type": "strng"}})], "properties.a.type: is not a valid JSON Schema"),
        ([parameters(properties={"a": {"pattern": "["}})], "properties.a.pattern: is not a valid JSON Schema"),
        ([parameters(properties={"id": {}}, required=["idd"])], "'idd' is none of the properties; did you mean 'id'"),
        ([parameters(properties={"a": {"$ref": "https://example.com/a"}})], "points nowhere"),
        ([parameters(properties={"a": {"$ref": "#/$defs/a"}})], "points nowhere"),
        ([parameters(**{"$ref": "#"})], "points nowhere"),
        ([GOOD, {**GOOD, "description": "again"}], "tool 2 .*: the name is already that of tool 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, tools: Any, said: str) -> None:
    """Each way to break a tools file is answered with the tool's number and name, the place and the reason."""
    path = write(tmp_path, tools)
    with pytest.raises(DataError, match=said) as caught:
        load_tools(path)
    assert all(problem.startswith(str(path)) for problem in caught.value.problems)


def test_all_problems_at_once(tmp_path: Path) -> None:
    """Problems of several tools, and several of one, are raised together."""
    with pytest.raises(DataError) as caught:
        load_tools(write(tmp_path, [{"type": "x"}, {**GOOD, "name": ""}, 4]))
    assert len(caught.value.problems) == 4


def test_references_inside_a_tool_are_followed(tmp_path: Path) -> None:
    """A $ref to the tool's own $defs is allowed, with escaped names, too."""
    schema = parameters(properties={"a": {"$ref": "#/$defs/x~1y"}}, **{"$defs": {"x/y": {"type": "string"}}})
    assert len(load_tools(write(tmp_path, [schema]))) == 1


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(["object", "#", "#/", "function"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "name", "description", "parameters", "properties", "required", "$ref", "$defs", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=15,
)


tools_with_any_parameters = st.fixed_dictionaries(
    {**{key: st.just(value) for key, value in GOOD.items()}, "parameters": json_values}
)


@given(value=st.lists(json_values | tools_with_any_parameters))
def test_any_json_is_tools_or_a_message(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    """Whatever JSON stands in the file, the answer is the tools in it or a DataError."""
    path = write(tmp_path_factory.mktemp("tools"), value)
    with contextlib.suppress(DataError):
        assert list(load_tools(path)) == value
