"""An agent that is cut short waits when it is asked to, and says again what was not heard when it is asked for that."""

from __future__ import annotations

import json

import pytest

from evalkit.service.brain.conversation import Answered, Called, Conversation, Item, Said, UserTurn
from evalkit.service.brain.rules.agent.models import local_agent

TOOLS = (
    {
        "type": "function", "name": "get_order_status", "description": "Look up where an order is.",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    },
)  # fmt: skip
ASKED: tuple[Item, ...] = (
    UserTurn("Where is order 48213?"),
    Called("c", "get_order_status", {"order_id": "48213"}),
    Answered("c", json.dumps({"status": "shipped", "carrier": "Blue Van"})),
)
AGAIN = ["Sorry, go on. What did you say?", "Okay, sorry. Could you say that again?", "What was that?"]


def _reply(*items: Item) -> str:
    return local_agent(Conversation("", TOOLS, items)).text


@pytest.mark.parametrize("words", ["Sorry, one moment.", "Wait, wait.", "Hold on a second.", "Can I stop you there?"])
def test_it_waits_when_it_is_asked_to(words: str) -> None:
    """And does not take it for a wish."""
    assert _reply(*ASKED, Said("The status"), UserTurn(words)) == "Of course."


@pytest.mark.parametrize("words", AGAIN)
def test_what_was_cut_short_is_said_again(words: str) -> None:
    """All of it, whatever was said around the interruption; no tool is called again."""
    whole = _reply(*ASKED)
    assert "shipped" in whole
    assert _reply(*ASKED, Said("The status"), UserTurn(words)) == whole
    assert _reply(*ASKED, Said("The"), UserTurn("Wait, wait."), Said("Of course."), UserTurn(words)) == whole


def test_a_question_of_the_agent_is_asked_again() -> None:
    """It is what it said last."""
    asked = _reply(UserTurn("Where is my order?"))
    assert "order" in asked
    assert _reply(UserTurn("Where is my order?"), Said(asked), UserTurn("Sorry, what was that?")) == asked


@pytest.mark.parametrize("words", ["Wait, the order number is 48213.", "Hold on, cancel that.", ""])
def test_who_says_more_is_not_put_off(words: str) -> None:
    """A correction that begins with "wait" is a correction."""
    assert _reply(UserTurn("Where is my order?"), Said("What is its number?"), UserTurn(words)) != "Of course."


def test_with_nothing_said_yet_there_is_nothing_to_say_again() -> None:
    """The first words of a call are answered as they are."""
    assert _reply(UserTurn("Could you say that again?"))
