"""The agent's words are natural and true to the tool's output."""

import json
from typing import Any

import pytest

from evalkit.service.brain.rules.agent.fields import read_tools
from evalkit.service.brain.rules.agent.speech import abilities, ask_for, ask_half, preamble, question, report

FIELDS = {
    "order_id": ({"type": "string"}, "Could you tell me the order number, please?"),
    "reason": ({"enum": ["lost", "stolen"]}, "May I ask what the reason is?"),
    "from_account": ({"enum": ["checking", "savings"]}, "Which account should it come from: checking or savings?"),
    "date": ({"format": "date"}, "For which date?"),
    "check_in": ({"format": "date"}, "What is the check in date, please?"),
    "guests": ({"type": "integer"}, "What is the number of guests, please?"),
    "breakfast": ({"type": "boolean"}, "One question: breakfast, yes or no?"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_questions(name: str) -> None:
    """Every kind of field has its question."""
    schema, expected = FIELDS[name]
    (tool,) = read_tools([{"name": "t", "parameters": {"properties": {name: schema}}}])
    assert question(tool.fields[0]) == expected


def test_two_things_are_asked_at_once() -> None:
    """Two missing fields make one question; a misheard id is asked for again."""
    (tool,) = read_tools([{"name": "t", "parameters": {"properties": {"order_id": {}, "new_address": {}}}}])
    assert "order number and the new address" in ask_for(tool.fields, began_earlier=True, misheard=False)
    assert "again" in ask_for(tool.fields, began_earlier=True, misheard=True)


def test_the_half_of_the_day_is_asked_for() -> None:
    """With the time that was said."""
    assert ask_half("8:15") == "Sure. Is that 8:15 in the morning, or in the evening?"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            {"status": "in_transit", "eta": "2026-03-05"},
            "The status is in transit. The estimated arrival is March 5, 2026.",
        ),
        ({"message": "Your order is cancelled."}, "Your order is cancelled."),
        ({"in_stock": True, "colors": ["red", "blue"]}, "In stock: yes. The colors are red and blue."),
        ({"error": "order not found"}, "I'm sorry, that didn't work. Order not found."),
        ({"success": False, "message": "it has shipped"}, "I'm sorry, that didn't work. It has shipped."),
        ({"status": "Unsupported tool"}, "I'm sorry, but I can't get order at the moment."),
        ({}, "That's done."),
        ("plain words", "Plain words."),
        (json.dumps('{"status": "in_transit"}'), "The status is in transit."),
        (json.dumps('{"status": "Unsupported tool"}'), "I'm sorry, but I can't get order at the moment."),
        (json.dumps("[half of it"), "[half of it."),
    ],
)
def test_reports(output: Any, expected: str) -> None:
    """JSON becomes sentences, errors an apology."""
    assert report("get_order", json.dumps(output) if isinstance(output, dict) else output) == expected


@pytest.mark.parametrize(
    "envelope",
    [
        lambda text: {"type": "text", "text": text, "annotations": None, "meta": None},
        lambda text: [{"type": "text", "text": text}],
        lambda text: {"content": [{"type": "text", "text": text}], "structuredContent": None, "isError": False},
        lambda text: {"content": [], "structuredContent": json.loads(text), "isError": False},
        lambda text: json.dumps({"type": "text", "text": text}),
    ],
    ids=["content", "contents", "result", "structured", "json in json"],
)
def test_the_envelope_of_mcp_is_not_told(envelope: Any) -> None:
    """Not every framework takes a tool's answer out of it."""
    answer = json.dumps({"status": "delayed"})
    assert report("get_order_status", json.dumps(envelope(answer))) == report("get_order_status", answer)
    assert "delayed" in report("get_order_status", answer)


def test_preambles_fit_the_tool() -> None:
    """A lookup is announced otherwise than a change."""
    assert "look that up" in preamble(["get_status"])
    assert "take care" in preamble(["cancel_it"])


def test_abilities_are_the_tools_own_words() -> None:
    """Short orders are taken from descriptions, else names are spoken."""
    tools = read_tools(
        [{"name": "a_b", "description": "Cancel an order."}, {"name": "get_x", "description": "Shows x."}]
    )
    assert abilities(tools) == "cancel an order, or get x"
