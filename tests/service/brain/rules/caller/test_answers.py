"""A question finds the fact that answers it, and no other."""

from __future__ import annotations

from collections import Counter

import pytest

from evalkit.service.brain.rules.caller.answers import answer, find_asked_facts
from evalkit.service.brain.rules.caller.persona import CallerPersona, Fact

FACTS = (
    Fact("Name", "Nora Walsh"),
    Fact("Order number", "48213"),
    Fact("Phone number", "555 816 3092"),
    Fact("Date of birth", "June 14th, 1984"),
    Fact("New delivery day", "March 12th"),
    Fact("Time", "half past ten in the morning"),
    Fact("Office address", "600 Market Street, Suite 210, Oakland"),
    Fact("Reason", "It arrived broken."),
)
PERSONA = CallerPersona(FACTS, (), "", ())


@pytest.mark.parametrize(
    ("question", "keys"),
    [
        ("Could you tell me the order number, please?", ["Order number"]),
        ("what is the order id", ["Order number"]),
        ("Can I have your full name?", ["Name"]),
        ("What number can we reach you on?", ["Phone number"]),
        ("What is the date of birth, please?", ["Date of birth"]),
        ("When were you born?", ["Date of birth"]),
        ("For which date?", ["New delivery day"]),
        ("Which day would you like it moved to?", ["New delivery day"]),
        ("At what time?", ["Time"]),
        ("May I ask what the reason is?", ["Reason"]),
        ("Why would you like to return it?", ["Reason"]),
        ("And the address?", ["Office address"]),
        ("Could you tell me the order number and the date of birth, please?", ["Order number", "Date of birth"]),
        ("What is the orders number?", ["Order number"]),
        ("Could I get your email address?", []),
        ("What is the appointment number, please?", []),
        ("What is your favourite colour?", []),
    ],
)
def test_the_fact_asked_for_is_found(question: str, keys: list[str]) -> None:
    """Synonyms and recogniser slips find a fact; what isn't known finds none."""
    assert [fact.key for fact in find_asked_facts(question, PERSONA)] == keys


def test_an_offer_is_answered_with_the_fact_that_is_among_it() -> None:
    """Of several times offered the caller takes the one that it wants, however it is written."""
    found = find_asked_facts("Which of these works for you?", PERSONA, "We have 9:00, 10:30 and 16:15.")
    assert [fact.key for fact in found] == ["Time"]


def test_a_fact_told_again_is_told_in_other_words() -> None:
    """Nobody says the same sentence three times, and the value stays as it is."""
    lines = [answer([FACTS[1]], Counter({"Order number": times})) for times in range(3)]
    assert len(set(lines)) == 3
    assert all("48213" in line for line in lines)
    assert lines[0] == "The order number is 48213."


def test_several_facts_stand_in_one_sentence() -> None:
    """Two things asked for at once are answered at once."""
    line = answer([FACTS[1], FACTS[0]], Counter())
    assert line == "The order number is 48213 and the name is Nora Walsh."
