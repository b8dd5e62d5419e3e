"""Numbers are read as people say them."""

import pytest

from evalkit.service.brain.rules.language.numbers import read_number, read_ordinal
from evalkit.service.brain.rules.language.words import read_words


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("zero", 0),
        ("seven", 7),
        ("nineteen", 19),
        ("forty-five", 45),
        ("one hundred", 100),
        ("one hundred and one", 101),
        ("nine hundred ninety nine", 999),
        ("two thousand and twenty-six", 2026),
        ("fifteen thousand four hundred and eighty-two", 15_482),
        ("three million", 3_000_000),
    ],
)
def test_number_words(text: str, value: int) -> None:
    """Cardinals are read whole."""
    number = read_number(read_words(text), 0)
    assert number is not None
    assert number.value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,200 units", 1200), ("2.5 kilos", 2.5), ("two and a half", 2.5),
     ("a hundred", 100), ("3k", None), ("apples", None)],
)  # fmt: skip
def test_other_forms(text: str, value: float | None) -> None:
    """Digits, fractions and the words for a few are numbers; other words are not."""
    number = read_number(read_words(text), 0)
    assert (number.value if number else None) == value


@pytest.mark.parametrize(("text", "value"), [("3rd", 3), ("twenty-first", 21), ("twelfth", 12), ("three", None)])
def test_ordinals(text: str, value: int | None) -> None:
    """Ordinals are read in digits and words."""
    ordinal = read_ordinal(read_words(text), 0)
    assert (ordinal.value if ordinal else None) == value
