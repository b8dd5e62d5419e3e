"""What came first."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.brain.rules.judge.rules import apply_rules

FIND, BOOK = ("find_free_slots", {}, {"free": ["9:00"]}), ("book_appointment", {}, {"status": "booked"})
ASK, YES, TELL = "a: What's your number? Shall I book it?", "u: Yes.", "a: It's at 9:00."


@pytest.mark.parametrize(
    ("clause", "first", "second"),
    [
        ("asks for the number before it calls any tool", [ASK], [BOOK]),
        ("looks for free times before it books the appointment", [FIND], [BOOK]),
        ("books the appointment only after the caller has agreed", [ASK, YES], [BOOK]),
        ("tells the caller 9:00 before anything is booked", [TELL], [BOOK]),
        ("confirms the appointment only after a tool has succeeded", [BOOK], ["a: The appointment is booked."]),
    ],
)
def test_order_decides(ask: Any, clause: str, first: list[Any], second: list[Any]) -> None:
    """The same things in the other order fail."""
    right = ask("x", "u: Could I see somebody?", *first, *second)
    wrong = ask("x", "u: Could I see somebody?", *second, *first)
    assert apply_rules(right, f"The assistant {clause}").met is True
    assert apply_rules(wrong, f"The assistant {clause}").met is False


def test_a_condition_of_another_kind_is_left_open(ask: Any) -> None:
    """What has to come first must be something that rules know."""
    assert apply_rules(ask("x", "u: Hi.", BOOK), "The assistant books it only if the moon is full").met is None
