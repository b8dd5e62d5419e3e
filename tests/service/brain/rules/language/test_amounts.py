"""Sums and counts are told apart."""

import pytest

from evalkit.service.brain.rules.language.amounts import read_amounts
from evalkit.service.brain.rules.language.words import read_words


@pytest.mark.parametrize(
    ("text", "value"),
    [("$49.99", 49.99), ("fifty dollars", 50), ("89 dollars and 90 cents", 89.9), ("1,200 bucks", 1200),
     ("two hundred and fifty dollars", 250), ("ninety cents", 0.9)],
)  # fmt: skip
def test_money(text: str, value: float) -> None:
    """A currency makes a number a sum, with its cents."""
    amount = read_amounts(read_words(text))[0]
    assert amount.money
    assert amount.value == value


def test_counts_know_their_unit() -> None:
    """The word after a number is its unit."""
    amount = read_amounts(read_words("three nights please"))[0]
    assert (amount.value, amount.unit, amount.money) == (3, "nights", False)
