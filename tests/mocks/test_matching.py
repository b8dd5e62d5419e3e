"""A mock takes the calls that its `match` describes, as a subset or as a JSON Schema, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.mocks.matching import find_match_problems, holds, is_schema, takes

LEAVES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False, width=16) | st.text("ab", max_size=2)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("pqr"), inner), max_leaves=8
)
OBJECTS = st.dictionaries(st.sampled_from("pqr"), VALUES)
PARAMETERS: dict[str, Any] = {"type": "object", "properties": {"order_id": {"type": "string"}}}


@pytest.mark.parametrize(
    ("match", "arguments", "expected"),
    [
        (None, {"order_id": "1"}, True),
        (None, None, True),
        ({}, {"order_id": "1"}, True),
        ({}, None, False),
        ({"order_id": "1"}, None, False),
        ({"order_id": "1"}, {"order_id": "1", "more": 2}, True),
        ({"order_id": "1"}, {"order_id": "2"}, False),
        ({"order_id": "1"}, {}, False),
        ({"order_id": "0071"}, {"order_id": "71"}, False),
        ({"order_id": "1"}, {"order_id": 1}, False),
        ({"count": 2}, {"count": 2.0}, True),
        ({"count": 1}, {"count": True}, False),
        ({"gift": False}, {"gift": 0}, False),
        ({"gift": None}, {}, False),
        ({"to": {"city": "Rome"}}, {"to": {"city": "Rome", "zip": "00100"}}, True),
        ({"to": {"city": "Rome"}}, {"to": "Rome"}, False),
        ({"ids": ["1", "2"]}, {"ids": ["1", "2"]}, True),
        ({"ids": ["1"]}, {"ids": ["1", "2"]}, False),
        ({"ids": ["1"]}, {"ids": "1"}, False),
        ({"type": "express"}, {"type": "express"}, True),
    ],
)
def test_subset_compares_as_json_does(match: Any, arguments: Any, expected: bool) -> None:
    """Every named argument must be there with an equal value; types and leading zeros count, others are free."""
    assert takes(match, arguments) is expected


@pytest.mark.parametrize(
    ("match", "arguments", "expected"),
    [
        ({"required": ["order_id"]}, {"order_id": "1"}, True),
        ({"required": ["order_id"]}, {}, False),
        ({"properties": {"order_id": {"pattern": "^0*71$"}}}, {"order_id": "0071"}, True),
        ({"properties": {"order_id": {"pattern": "^0*71$"}}}, {"order_id": "72"}, False),
        ({"properties": {"order_id": {"const": "1"}}}, {}, True),
        ({"properties": {"n": {"minimum": 3}}, "required": ["n"]}, {"n": 4}, True),
        ({"properties": {"n": {"minimum": 3}}, "required": ["n"]}, {"n": 2}, False),
        ({"required": ["order_id"]}, None, False),
    ],
)
def test_match_with_properties_or_required_is_a_schema(match: Any, arguments: Any, expected: bool) -> None:
    """`properties` and `required` make a match a JSON Schema for the arguments."""
    assert is_schema(match)
    assert takes(match, arguments) is expected


@given(OBJECTS, OBJECTS)
def test_arguments_hold_themselves_and_every_part(arguments: dict[str, Any], further: dict[str, Any]) -> None:
    """A call matches its own arguments, also when it has further ones."""
    assert holds(arguments, arguments)
    assert holds(arguments, {**further, **arguments})


@given(OBJECTS, st.none() | OBJECTS)
def test_matching_never_raises(match: dict[str, Any], arguments: Any) -> None:
    """Whatever an assistant sends, a condition is true or false."""
    assert takes(match, arguments) in (True, False)


def test_endless_nesting_is_no_match() -> None:
    """Arguments nested beyond what can be compared match nothing instead of ending the run."""
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]
    assert takes({"a": deep}, {"a": deep}) is False


@pytest.mark.parametrize(
    ("match", "words"),
    [
        ({"order_it": "1"}, "no argument 'order_it'; did you mean 'order_id'?; arguments: order_id"),
        ({"properties": {"order_it": {}}}, "no argument 'order_it'"),
        ({"properties": {}, "order_id": "1"}, "'order_id' is not a keyword of JSON Schema"),
        ({"properties": {"order_id": {"pattern": "("}}}, "not a valid JSON Schema at $.properties.order_id.pattern"),
        ({"properties": {"order_id": {"type": "text"}}}, "not a valid JSON Schema"),
        ({"properties": {"order_id": {"$ref": "#/x"}}}, "must not hold a $ref"),
        ({"required": ["order_id"], "allOf": [{"$ref": "https://example.org/s"}]}, "must not hold a $ref"),
    ],
)
def test_conditions_that_can_never_do_what_they_say_are_named(match: Any, words: str) -> None:
    """A typo in an argument, a keyword or a schema is a message, not a mock that silently never answers."""
    problems = list(find_match_problems(match, PARAMETERS))
    assert len(problems) == 1
    assert words in problems[0]


@pytest.mark.parametrize("match", [{"order_id": "1"}, {"properties": {"order_id": {"const": "1"}}, "title": "the one"}])
def test_sound_conditions_have_no_problems(match: Any) -> None:
    """What names real arguments and real keywords is accepted, with and without knowledge of the tool."""
    assert not list(find_match_problems(match, PARAMETERS))
    assert not list(find_match_problems(match, None))


@pytest.mark.parametrize("open_to", [{"additionalProperties": True}, {"patternProperties": {"^x": {}}}])
def test_tools_open_to_further_arguments_accept_any_name(open_to: dict[str, Any]) -> None:
    """Where the tool takes arguments that it does not list, a condition may name one."""
    assert not list(find_match_problems({"x_ref": "1"}, {**PARAMETERS, **open_to}))
