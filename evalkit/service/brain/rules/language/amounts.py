"""Counts and sums of money: ``two nights``, ``a dozen``, ``$49.99``, ``eighty-nine dollars and ninety cents``."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.service.brain.rules.language.numbers import Number, read_number
from evalkit.service.brain.rules.language.words import SpokenText, word_set

_CURRENCY = word_set("dollar dollars bucks euro euros pound pounds usd eur gbp quid")
_SMALL = word_set("cent cents pence pennies")


@dataclass(frozen=True)
class Amount:
    """A number that counts something.

    Attributes:
        start: First token.
        end: One past the last token, without its unit.
        value: The number.
        money: Whether a currency was said with it.
        unit: The word after it, in lower case, "" at the end of a sentence.
        digits: How many digits it was written with; 0 for words.

    """

    start: int
    end: int
    value: float
    money: bool
    unit: str
    digits: int


def read_amounts(said: SpokenText) -> list[Amount]:
    """Return the numbers in `said`, in order."""
    found = []
    index = 0
    while index < len(said.tokens):
        number = read_number(said, index)
        if number is None:
            index += 1
            continue
        amount = _as_amount(said, number)
        found.append(amount)
        index = max(amount.end, index + 1)
    return found


def _as_amount(said: SpokenText, number: Number) -> Amount:
    end, value = number.end, number.value
    money = any(sign in said.gap(number.start) for sign in "$€£")
    if said.word(end) in _CURRENCY:
        money, end = True, end + 1
        cents = read_number(said, end + (said.word(end) == "and"))
        if (
            cents
            and 0 < cents.value < 100
            and (said.word(cents.end) in _SMALL or (cents.words and _sentence_ends(said, cents.end)))
        ):
            value, end = value + cents.value / 100, cents.end + (said.word(cents.end) in _SMALL)
    elif said.word(end) in _SMALL:
        money, value, end = True, value / 100, end + 1
    unit = "" if _sentence_ends(said, end) else said.word(end)
    digits = sum(char.isdigit() for word in said.words(number.start, number.end) for char in word)
    value = round(value, 2) if money else value
    return Amount(number.start, end, int(value) if float(value).is_integer() else value, money, unit, digits)


def _sentence_ends(said: SpokenText, index: int) -> bool:
    gap = said.gap(index)
    return index >= len(said.tokens) or any(sign in gap for sign in ".?!,;")
