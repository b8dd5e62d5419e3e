"""Mocks are read from JSON as they are meant, and everything wrong with a list is said at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalkit.errors import DataError
from evalkit.mocks.definitions import Mock, parse_mocks
from evalkit.settings.resources import resource_dir

TOOLS: tuple[dict[str, Any], ...] = (
    {"name": "get_order", "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}}},
    {"name": "cancel_order", "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}}},
)
RUN = resource_dir("data") / "run"


def problems_of(document: Any, tools: Any = None) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        parse_mocks(document, "mocks.json", tools)
    return caught.value.problems


def test_name_and_output_are_enough() -> None:
    """The minimum: a tool and what it answers, whatever JSON value that is."""
    assert parse_mocks([{"name": "get_order", "output": None}], "m", TOOLS) == (Mock("mock #1", "get_order", (None,)),)


def test_every_key_is_read() -> None:
    """What stands in the file stands in the mock."""
    document = [
        {
            "name": "get_order",
            "match": {"order_id": "1"},
            "state": {"order": "cancelled"},
            "times": 2,
            "outputs": [1, 2],
            "delay_ms": 250,
            "set": {"order": "gone"},
        },
        {"name": "get_order", "error": "down"},
    ]
    first, second = parse_mocks(document, "m", TOOLS)
    assert first == Mock(
        "mock #1", "get_order", (1, 2), {"order_id": "1"}, {"order": "cancelled"}, 2, 250.0, {"order": "gone"}
    )
    assert second == Mock("mock #2", "get_order", ({"error": "down"},), fails=True)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"name": "a"}, "mocks.json: is the object {'name': 'a'}, expected list"),
        (["a"], "mocks.json: mock #1: is the string 'a', expected object"),
        ([{"output": 1}], "mocks.json: mock #1: 'name': is missing"),
        ([{"name": " ", "output": 1}], "mocks.json: mock #1: 'name': is blank, expected text"),
        ([{"name": "a"}], "mocks.json: mock #1: has none of them, expected exactly one of output, outputs, error"),
        (
            [{"name": "a", "output": 1, "error": "x"}],
            "mocks.json: mock #1: has output and error, expected exactly one of output, outputs, error",
        ),
        ([{"name": "a", "outputs": []}], "mocks.json: mock #1: 'outputs': is empty, expected at least one item"),
        ([{"name": "a", "error": ""}], "mocks.json: mock #1: 'error': is blank, expected text"),
        (
            [{"name": "a", "output": 1}] * 2 + [{"name": "a", "output": 1, "delay_ms": -5}],
            "mocks.json: mock #3: 'delay_ms': is the number -5, expected number ≥ 0 ≤ 600000",
        ),
        (
            [{"name": "a", "output": 1, "delay_ms": True}],
            "mocks.json: mock #1: 'delay_ms': is the boolean True, expected number ≥ 0 ≤ 600000",
        ),
        (
            [{"name": "a", "output": 1, "times": 0}],
            "mocks.json: mock #1: 'times': is the number 0, expected integer ≥ 1",
        ),
        ([{"name": "a", "output": 1, "match": []}], "mocks.json: mock #1: 'match': is the list [], expected object"),
    ],
)
def test_each_mistake_has_its_message(document: Any, message: str) -> None:
    """A message names the file, the mock as a person counts, the key, the value and what is allowed."""
    assert problems_of(document) == (message,)


def test_unknown_keys_are_answered_with_the_nearest_one() -> None:
    """A typo never silently turns a condition off."""
    (problem,) = problems_of([{"name": "a", "output": 1, "matches": {}}])
    assert problem.startswith("mocks.json: mock #1: 'matches': unknown key; did you mean 'match'?; known keys: name")


def test_all_problems_come_together() -> None:
    """Nobody has to fix a file once per mistake."""
    document = [{"name": "a"}, {"output": 1, "delay_ms": "x", "extra": 1}]
    assert [problem.split(": ")[1] for problem in problems_of(document)] == ["mock #1", *["mock #2"] * 3]


def test_mocks_must_fit_the_tools_when_these_are_known() -> None:
    """A mock of a tool or an argument that does not exist, or of a state that nobody sets, could never answer."""
    document = [
        {"name": "get_ordre", "output": 1},
        {"name": "get_order", "match": {"order": "1"}, "output": 1},
        {"name": "get_order", "state": {"ordr": "gone"}, "output": 1},
        {"name": "cancel_order", "set": {"order": "gone"}, "output": 1},
    ]
    assert problems_of(document, TOOLS) == (
        (
            "mocks.json: mock #1: 'name': no tool is called 'get_ordre'; did you mean 'get_order'?; "
            "tools: get_order, cancel_order"
        ),
        "mocks.json: mock #2: 'match': the tool has no argument 'order'; did you mean 'order_id'?; arguments: order_id",
        "mocks.json: mock #3: 'state': no mock sets 'ordr'; did you mean 'order'?; it would never hold",
    )
    assert len(parse_mocks(document[:2], "shared.json")) == 2


@pytest.mark.parametrize("path", sorted(RUN.glob("sim_*.json")), ids=lambda path: path.stem)
def test_shipped_mocks_are_read(path: Path) -> None:
    """Every shipped simulation, older format included, has mocks that fit its tools."""
    simulation = json.loads(path.read_text(encoding="utf-8"))
    tools = json.loads((RUN.parent / simulation["assistant"]["tools_file"]).read_text(encoding="utf-8"))
    mocks = parse_mocks(simulation["tool_mocks"], path.name, tools)
    assert [mock.name for mock in mocks] == [entry["name"] for entry in simulation["tool_mocks"]]
