"""Each defect caller is wrong in its way from the second turn on, and right before."""

from __future__ import annotations

import pytest

from evalkit.service.brain.conversation import Conversation, Item, Said, UserTurn
from evalkit.service.brain.rules.caller.models import CALLERS

PERSONA = """# Facts
Order number: 48213
# Goal
- Cancel the order.
# Style
Calm.
# Rules
- When your goal is settled, say END_CALL and nothing else.
"""
OPENING: tuple[Item, ...] = (Said("Hi, I'd like to cancel my order."), UserTurn("What is the order number, please?"))
DEFECTS = sorted(name for name in CALLERS if name != "local-caller")


def reply(name: str, items: tuple[Item, ...]) -> str:
    """Return what a caller says next."""
    return CALLERS[name](Conversation(PERSONA, (), items)).text


@pytest.mark.parametrize("name", DEFECTS)
def test_the_first_turn_is_right(name: str) -> None:
    """A defect caller that speaks first says what a right one says."""
    assert reply(name, ()) == reply("local-caller", ())


@pytest.mark.parametrize("name", DEFECTS)
def test_the_second_turn_is_wrong(name: str) -> None:
    """From the second turn on it is another reply than the right one, and no end of the call."""
    assert reply(name, OPENING) not in (reply("local-caller", OPENING), "END_CALL")


def test_each_defect_is_what_its_name_says() -> None:
    """Talks like an agent, is silent, reads its instructions, says another id."""
    assert "for you" in reply("local-caller-swaps-roles", OPENING)
    silence = CALLERS["local-caller-silent"](Conversation(PERSONA, (), OPENING))
    assert (silence.text, silence.spoken) == ("", "")
    assert "Cancel the order" in reply("local-caller-leaks", OPENING)
    invented = reply("local-caller-invents", OPENING)
    assert any(char.isdigit() for char in invented)
    assert "48213" not in invented


def test_the_repeating_caller_repeats_whatever_it_hears() -> None:
    """What it says second it says for ever, also where the call was over."""
    ended: tuple[Item, ...] = (Said("Cancel order 48213."), UserTurn("Your order has been cancelled."))
    second = reply("local-caller-repeats", ended)
    assert second not in ("", "END_CALL")
    later = (*ended, Said(second), UserTurn("You're welcome."))
    assert reply("local-caller-repeats", later) == second
    assert reply("local-caller-repeats", (*later, Said(second), UserTurn("Goodbye."))) == second
