"""Near misses of facts are corrected, other numbers are left alone."""

from __future__ import annotations

import pytest

from evalkit.service.brain.rules.caller.corrections import correct, find_mistake, find_slip
from evalkit.service.brain.rules.caller.persona import CallerPersona, Fact

PERSONA = CallerPersona(
    (
        Fact("Order number", "48213"),
        Fact("New address", "27 Maple Avenue, Apartment 5, Denver"),
        Fact("Date of birth", "June 14th, 1984"),
    ),
    (),
    "",
    (),
)


@pytest.mark.parametrize(
    "said",
    [
        "The order number is 48231.",
        "So that's 4 8 2 1 4, right?",
        "order four eight two, three one",
        "I have 27 Maple Avenue, Denver.",
        "It goes to 72 Maple Avenue, Apartment 5, Denver.",
        "Born on June 14th, 1985, is that right?",
    ],
)
def test_a_near_miss_is_a_mistake(said: str) -> None:
    """Swapped or wrong digits, a missing apartment, a wrong year: each is noticed."""
    assert find_mistake(said, PERSONA) is not None


@pytest.mark.parametrize(
    "said",
    [
        "The order number is 48213.",
        "four eight two, one three",
        "Your appointment number is 91350.",
        "It costs 23.50 dollars.",
        "It comes on Tuesday, March 3rd.",
        "It goes to 27 Maple Avenue, Apartment 5, Denver.",
        "What is the new address?",
        "",
    ],
)
def test_what_is_right_or_about_something_else_is_none(said: str) -> None:
    """Facts repeated rightly and numbers that are no fact of the caller's are left alone."""
    assert find_mistake(said, PERSONA) is None


def test_a_correction_names_what_is_right_and_changes_its_words() -> None:
    """The right value is always said; the second correction is another sentence."""
    mistake = find_mistake("48231", PERSONA)
    assert mistake is not None
    assert correct(mistake, 0) == "No, it's 48213."
    assert "48213" in correct(mistake, 1) != correct(mistake, 0)


def test_the_callers_own_slip_is_found() -> None:
    """A wrong number in the caller's own first words is one that it can take back."""
    slip = find_slip("Where's my order? The number is 48231.", PERSONA)
    assert slip is not None
    assert slip.heard == "48231"
    assert find_slip("Order 48213, please.", PERSONA) is None
