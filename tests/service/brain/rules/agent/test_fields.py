"""A property's kind comes from its schema and its words."""

from typing import Any

import pytest

from evalkit.service.brain.rules.agent.fields import Kind, read_tools


def kind_of(name: str, **schema: Any) -> Kind:
    """Return the kind of one property."""
    spec = {"name": "t", "parameters": {"type": "object", "properties": {name: {"type": "string", **schema}}}}
    return read_tools([spec])[0].fields[0].kind


@pytest.mark.parametrize(
    ("name", "schema", "kind"),
    [
        ("order_id", {}, Kind.ID),
        ("confirmationCode", {}, Kind.ID),
        ("card_last_four", {"description": "Last four digits"}, Kind.ID),
        ("checkIn", {"format": "date"}, Kind.DATE),
        ("when", {"description": "Day as YYYY-MM-DD"}, Kind.DATE),
        ("date_of_birth", {}, Kind.DATE),
        ("time", {"pattern": r"^\d{2}:\d{2}$"}, Kind.TIME),
        ("starts", {"description": "HH:MM"}, Kind.TIME),
        ("email", {}, Kind.EMAIL),
        ("phone_number", {}, Kind.PHONE),
        ("new_address", {}, Kind.ADDRESS),
        ("guestName", {"description": "Full name of the guest"}, Kind.PERSON),
        ("medication_name", {"description": "Name of the medication"}, Kind.THING),
        ("origin", {"description": "City of departure"}, Kind.PLACE),
        ("reason", {}, Kind.TEXT),
        ("reason", {"enum": ["lost", "stolen"]}, Kind.CHOICE),
        ("title", {"description": "Title of the book"}, Kind.THING),
        ("amount", {"type": "number"}, Kind.MONEY),
        ("guests", {"type": "integer"}, Kind.COUNT),
        ("account_number", {"type": "integer"}, Kind.ID),
        ("breakfast", {"type": "boolean"}, Kind.FLAG),
        ("items", {"type": "array", "items": {"type": "string"}}, Kind.LIST),
        ("address", {"type": "object", "properties": {}}, Kind.GROUP),
        ("weight_kg", {"type": "number", "description": "in pounds"}, Kind.COUNT),
        ("note", {"type": ["string", "null"]}, Kind.TEXT),
    ],
)
def test_kinds(name: str, schema: dict[str, Any], kind: Kind) -> None:
    """Types, formats, patterns, names and descriptions decide together."""
    assert kind_of(name, **schema) is kind


def test_tools_in_both_shapes_are_read() -> None:
    """Keys may stand flat or under `function`."""
    flat = {"type": "function", "name": "a", "parameters": {"properties": {"x": {"type": "string"}}, "required": ["x"]}}
    nested = {"type": "function", "function": {"name": "b"}}
    tools = read_tools([flat, nested])
    assert [tool.name for tool in tools] == ["a", "b"]
    assert [field.name for field in tools[0].required] == ["x"]
    assert tools[1].fields == ()


@pytest.mark.parametrize(
    ("description", "likely"),
    [
        ("Code of the hire, for example AE5512", r"^[A-Z]{2}\d{4}$"),
        ("Flight, such as SK482.", r"^[A-Z]{2}\d{3}$"),
        ("Reference, e.g. TX-48213", r"^[A-Z]{2}\d{5}$"),
        ("Number of the order, e.g. 4821", ""),
        ("Code of the hire", ""),
    ],
)
def test_an_example_tells_what_ids_look_like(description: str, likely: str) -> None:
    """Letters and digits do; digits alone are of any number. A pattern says it better."""
    properties = {"code": {"description": description}, "other_code": {"description": description, "pattern": "^x$"}}
    code, other = read_tools([{"name": "t", "parameters": {"properties": properties}}])[0].fields
    assert (code.likely, other.likely) == (likely, "")
