"""Which rule answers for which criterion."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.brain.rules.judge.rules import apply_rules

FAILED = ("reschedule_delivery", {}, {"error": "no"})


@pytest.mark.parametrize(
    "clause",
    [
        "The assistant does not give a date that no tool returned",
        "The assistant's tone suits the brand",
        "If the caller has not said why, the assistant asks for the reason",
        "When the caller mentions a dragon, the assistant says that it is sorry",
        "",
    ],
)
def test_what_no_rule_knows_is_left_open(ask: Any, clause: str) -> None:
    """A rule for what must happen never answers for what must not."""
    assert apply_rules(ask("x", "u: Hi.", "a: Hello on March 3rd."), clause).met is None


@pytest.mark.parametrize(("said", "met"), [("I'm sorry, that failed.", True), ("All is well.", False)])
def test_a_situation_is_looked_for_first(ask: Any, said: str, met: bool) -> None:
    """What follows a failing tool is judged from there on."""
    question = ask("x", "u: Move it.", "a: Sorry to hear it.", FAILED, f"a: {said}")
    assert apply_rules(question, "When the tool fails, the assistant says that it is sorry").met is met
