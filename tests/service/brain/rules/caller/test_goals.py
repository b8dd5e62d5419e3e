"""Orders to the caller become what a caller says, and are settled by what they ask for."""

from __future__ import annotations

import pytest

from evalkit.service.brain.rules.caller.goals import Wish, bring_up, is_about, is_settled, read_goal
from evalkit.service.brain.rules.caller.persona import CallerPersona, Fact
from evalkit.service.brain.rules.caller.remarks import read_remark

PERSONA = CallerPersona(
    (Fact("New address", "27 Maple Avenue, Apartment 5, Denver"), Fact("Order number", "74438")), (), "", ()
)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("Cancel the order.", "I'd like to cancel the order."),
        ("Find out on which day it will arrive.", "Can you tell me on which day it will arrive?"),
        ("Ask which order number they have written down.", "Can you tell me which order number you have written down?"),
        ("Ask whether it will rain tomorrow.", "Can you tell me whether it will rain tomorrow?"),
        ("Hear the new day.", "Can you tell me the new day?"),
        ("Hear that it is cancelled.", "Can you confirm that it is cancelled?"),
        ("Be told a day on which it will arrive.", "Can you tell me a day on which it will arrive?"),
        ("Get help for your father.", "I'd like to get help for my father."),
        ("Tell about your cat, Biscuit.", "Let me tell you about my cat, Biscuit."),
        ("Have a table booked, or hear that this is the wrong number for it.", "I'd like to have a table booked."),
        (
            "Have it sent to the new address.",
            "I'd like to have it sent to the new address, 27 Maple Avenue, Apartment 5, Denver.",
        ),
        (
            "Hear the new address repeated, with the apartment.",
            "Can you repeat the new address, with the apartment?",
        ),
    ],
)
def test_a_step_is_brought_up_in_the_callers_words(order: str, said: str) -> None:
    """Orders turn into requests and questions of the first person."""
    assert bring_up(read_goal(order), PERSONA, 0) == said


def test_a_step_is_brought_up_again_in_other_words() -> None:
    """The second attempt is no repetition of the first."""
    for order in ("Cancel the order.", "Find out where it is.", "Hear that it is cancelled."):
        goal = read_goal(order)
        assert bring_up(goal, PERSONA, 0) != bring_up(goal, PERSONA, 1)


@pytest.mark.parametrize(
    ("order", "heard", "settled"),
    [
        ("Cancel the order.", "The status is cancelled.", True),
        ("Cancel the order.", "I can cancel that for you.", False),
        ("Cancel the order.", "One moment, let me do that.", False),
        ("Cancel the order.", "I'm sorry, I couldn't cancel it.", False),
        ("Find out on which day it will arrive.", "It arrives on Tuesday, March 3rd.", True),
        ("Find out on which day it will arrive.", "It is on the van.", False),
        ("Find out how long returns are possible.", "You have 30 days.", True),
        ("Hear the new address repeated.", "It goes to 27 Maple Avenue, Apartment 5, Denver.", True),
        ("Hear the new address repeated.", "The status is address changed.", False),
        ("Ask which order number they have.", "The order number is 74438.", True),
        ("Find out where the order is.", "Could you tell me the order number, please?", False),
    ],
)
def test_a_step_is_settled_by_what_it_asks_for(order: str, heard: str, *, settled: bool) -> None:
    """Promises, questions and refusals settle nothing."""
    assert is_settled(read_goal(order), read_remark(heard), PERSONA, raised=True) is settled


def test_what_must_be_asked_is_not_settled_before_it_was() -> None:
    """A step that begins with "Ask" is brought up although its answer was heard before."""
    remark = read_remark("The order number is 74438.")
    assert not is_settled(read_goal("Ask which order number they have."), remark, PERSONA, raised=False)


def test_an_offer_is_about_what_the_step_wants() -> None:
    """Offers are matched to steps by their words and by what is to be done."""
    goal = read_goal("Cancel the order.")
    assert goal.wish is Wish.DO
    assert is_about("Shall I cancel it?", goal)
    assert not is_about("Shall I arrange a callback?", goal)
