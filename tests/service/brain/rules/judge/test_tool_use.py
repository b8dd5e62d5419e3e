"""Which tools were called, and how."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.brain.rules.judge.rules import apply_rules

BOOK = ("book_table", {"people": 4, "date": "2026-03-09", "code": "LX381"}, {"status": "booked"})


@pytest.mark.parametrize(
    ("clause", "met"),
    [
        ("The assistant calls no tool", False),
        ("The assistant books the table with exactly one tool call", True),
        ("The assistant books the table with two tool calls", False),
        ("The assistant books the table for four people", True),
        ("The assistant books the table for five people", False),
        ("The tool is called with the code LX 381", True),
        ("The tool is called with the code LX 318", False),
        ("The assistant uses Monday the 9th", True),
        ("The assistant uses Monday the 7th", False),
        ("The assistant calls the tool with the number that the caller gave", False),
    ],
)
def test_tool_traffic_decides(ask: Any, clause: str, met: bool) -> None:
    """Counts and values come from the calls, not from what is said."""
    question = ask("x", "u: My number is 55012.", BOOK, "a: Done, for five people on March 8th.")
    assert apply_rules(question, clause).met is met
