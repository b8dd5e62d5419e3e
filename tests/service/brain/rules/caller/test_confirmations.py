"""Yes and no, by the facts and by the goal."""

from __future__ import annotations

import pytest

from evalkit.service.brain.rules.caller.confirmations import GO_ON, NO, RIGHT, YES, confirm, is_yes_no
from evalkit.service.brain.rules.caller.goals import read_goal
from evalkit.service.brain.rules.caller.persona import CallerPersona, Fact

PERSONA = CallerPersona((Fact("Order number", "48213"), Fact("New delivery day", "March 12th")), (), "", ())
GOALS = [read_goal("Have the delivery moved to March 12th.")]


@pytest.mark.parametrize(
    ("question", "told", "reply"),
    [
        ("Is your order number 48213?", "", RIGHT),
        ("Is that right?", "The order number is 48213.", RIGHT),
        ("So you want it on March 13th, correct?", "", "No, it's March 12th."),
        ("Would you like me to move the delivery to March 12th?", "", YES),
        ("Shall I move the delivery to March 20th?", "", "No, make it March 12th."),
        ("Would you like me to arrange a callback?", "", NO),
        ("Is that okay?", "There is a small fee.", GO_ON),
        ("Could you tell me the order number?", "", ""),
        ("Which day would you like?", "", ""),
    ],
)
def test_yes_and_no_follow_facts_and_goal(question: str, told: str, reply: str) -> None:
    """Facts decide what is right, the goal decides which offers are taken; what asks for a fact is left alone."""
    assert confirm(question, told, PERSONA, GOALS) == reply


def test_a_yes_or_no_question_is_known_as_one() -> None:
    """By its form, whatever it is about."""
    assert is_yes_no("Are you a member?")
    assert not is_yes_no("What is the number?")
