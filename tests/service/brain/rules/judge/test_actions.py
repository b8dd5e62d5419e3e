"""Which tool calls a text speaks of, and who said yes to them."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.brain.rules.judge.actions import (
    calls_of,
    find_agreement,
    find_asking,
    find_request,
    matches_action,
    succeeded,
)

CANCEL = ("cancel_order", {"order_id": "9"}, {"status": "cancelled"})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("cancel_order", "cancels the order", True),
        ("get_order_status", "cancels the order", False),
        ("start_return", "the return is started", True),
        ("find_free_slots", "looks for free times", True),
        ("transferToHuman", "transfers the caller to a person", True),
        ("", "anything", False),
    ],
)
def test_a_tool_is_known_by_its_name(name: str, text: str, expected: bool) -> None:
    """The verb decides; where it says little, the nouns do."""
    assert matches_action(name, text) is expected


def test_a_call_with_an_error_did_not_succeed(ask: Any) -> None:
    """Only an output without an error counts as done."""
    question = ask("x", "u: Hi.", CANCEL, ("cancel_order", {}, {"error": "no"}))
    assert [succeeded(question, call) for call in calls_of(question, "cancel")] == [True, False]


def test_asking_is_told_from_saying(ask: Any) -> None:
    """A question with the thing in it asks for it; a statement, or a question about another number, doesn't."""
    lines = ask("x", "a: Your order number is nine.", "a: What's your phone number?", "a: What is the number?").of(
        "assistant"
    )
    assert find_asking("the order number", lines) is lines[2]


def test_agreement_follows_a_question(ask: Any) -> None:
    """Yes after a question agrees; a request outright does too; thinking aloud does not."""
    question = ask("x", "u: I might cancel it.", "a: Shall I?", "u: Yes, please.", CANCEL)
    found = find_agreement(question, "cancels the order", 99)
    assert found is not None
    assert found.text == "Yes, please."
    assert find_request(ask("x", "u: Maybe cancel it."), "cancels", 99) is None
    assert find_request(ask("x", "u: Cancel it."), "cancels", 99) is not None
