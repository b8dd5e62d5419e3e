"""Small talk and questions that the instructions answer need no tool."""

import pytest

from evalkit.service.brain.rules.agent.answers import from_instructions, small_talk

INSTRUCTIONS = """You are a shop's assistant. Today is Monday.
- Phone hours: Monday to Saturday, eight to eight. Closed on Sundays.
- Never guess a number."""


@pytest.mark.parametrize(
    ("heard", "part"),
    [
        ("", "didn't catch"),
        ("Hello?", "how can I help"),
        ("Thanks a lot!", "You're welcome"),
        ("That's all, bye", "goodbye"),
        ("How are you?", "doing well"),
        ("Yes.", "anything else"),
        ("Are you open on Sundays?", "Closed on Sundays"),
        ("Tell me a joke", "can't help"),
    ],
)
def test_small_talk(heard: str, part: str) -> None:
    """Each kind of talk has its reply."""
    assert part in small_talk(heard, INSTRUCTIONS, ())


def test_orders_to_the_agent_are_no_answers() -> None:
    """Rules of the prompt are not read out."""
    assert from_instructions("Do you guess a number?", INSTRUCTIONS) == ""
