"""Numbers as people say them: ``two hundred and fifty``, ``1,200``, ``3rd``, ``twenty-first``, ``a dozen``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evalkit.service.brain.rules.language.words import Utterance

UNITS = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
}
TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fourty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
SCALES = {"hundred": 100, "thousand": 1_000, "grand": 1_000, "million": 1_000_000}
ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "eleventh": 11,
    "twelfth": 12,
    "thirteenth": 13,
    "fourteenth": 14,
    "fifteenth": 15,
    "sixteenth": 16,
    "seventeenth": 17,
    "eighteenth": 18,
    "nineteenth": 19,
    "twentieth": 20,
    "thirtieth": 30,
}
_ORDINAL_DIGITS = re.compile(r"(\d{1,2})(?:st|nd|rd|th)")


@dataclass(frozen=True)
class Number:
    """A number read from the tokens ``start:end``.

    Attributes:
        value: The number; an int where it is whole.
        start: First token.
        end: One past the last token.
        words: Whether it was written as words.

    """

    value: float
    start: int
    end: int
    words: bool


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def read_number(said: Utterance, index: int) -> Number | None:
    """Return the cardinal number that begins at token `index`, or None."""
    word = said.word(index)
    if word.isdigit():
        return _read_digits(said, index)
    if word in ("a", "half"):
        return _read_informal(said, index)
    return _read_cardinal(said, index)


def _read_digits(said: Utterance, index: int) -> Number:
    digits, end = said.word(index), index + 1
    while said.word(end).isdigit() and said.gap(end) == "," and len(said.word(end)) == 3 and len(digits) <= 9:
        digits, end = digits + said.word(end), end + 1
    value = float(digits)
    if said.word(end).isdigit() and said.gap(end) == ".":
        value, end = float(f"{digits}.{said.word(end)}"), end + 1
    if said.word(end) in SCALES and said.gap(end) == " ":
        value, end = value * SCALES[said.word(end)], end + 1
    elif said.word(end) == "k" and said.gap(end) == "":
        value, end = value * 1_000, end + 1
    return Number(_whole(value), index, end, words=False)


def _read_informal(said: Utterance, index: int) -> Number | None:
    following = said.words(index + 1, index + 3)
    if said.word(index) == "half":
        return Number(6, index, index + 3, words=True) if following == ["a", "dozen"] else None
    if following[:1] == ["couple"]:
        return Number(2, index, index + (3 if following[1:] == ["of"] else 2), words=True)
    if following[:1] == ["dozen"]:
        return Number(12, index, index + 2, words=True)
    if following[:1] and following[0] in SCALES:
        return _read_cardinal(said, index)
    return None


def _read_cardinal(said: Utterance, index: int) -> Number | None:
    total, current, end = 0, 0, index
    last = ""
    while True:
        word = said.word(end)
        joined = end == index or said.gap(end) in (" ", "-")
        if not joined:
            break
        kind, value = _place(word, first=end == index)
        if kind == "unit" and last == "unit":
            break
        if kind == "tens" and last in ("unit", "tens"):
            break
        if kind == "unit" and value >= 10 and last == "tens":
            break
        if kind in ("unit", "tens"):
            current += value
        elif kind == "scale" and (last or word == "a"):
            current = max(current, 1) * value
            if value >= 1_000:
                total, current = total + current, 0
        elif kind == "and" and last == "scale" and _place(said.word(end + 1), first=False)[0] in ("unit", "tens"):
            pass
        elif kind == "article" and said.word(end + 1) in SCALES:
            current = 1
            kind = "scale"
        else:
            break
        last, end = (kind if kind != "and" else last), end + 1
    if end == index:
        return None
    return _with_fraction(said, Number(total + current, index, end, words=True))


def _place(word: str, *, first: bool) -> tuple[str, int]:
    if word in UNITS:
        return "unit", UNITS[word]
    if word in TENS:
        return "tens", TENS[word]
    if word in SCALES:
        return ("", 0) if first else ("scale", SCALES[word])
    if word == "and" and not first:
        return "and", 0
    if word == "a" and first:
        return "article", 1
    return "", 0


def _with_fraction(said: Utterance, number: Number) -> Number:
    end = number.end
    if said.words(end, end + 3) == ["and", "a", "half"]:
        return Number(number.value + 0.5, number.start, end + 3, words=True)
    if said.word(end) == "point" and said.word(end + 1) in UNITS:
        digits = ""
        end += 1
        while said.word(end) in UNITS and UNITS[said.word(end)] < 10:
            digits, end = digits + str(UNITS[said.word(end)]), end + 1
        if digits:
            return Number(float(f"{int(number.value)}.{digits}"), number.start, end, words=True)
    return number


def read_ordinal(said: Utterance, index: int) -> Number | None:
    """Return the ordinal (``3rd``, ``twenty-first``) that begins at token `index`, or None."""
    word = said.word(index)
    match = _ORDINAL_DIGITS.fullmatch(word)
    if match:
        return Number(int(match.group(1)), index, index + 1, words=False)
    if word in ORDINALS:
        return Number(ORDINALS[word], index, index + 1, words=True)
    tens = TENS.get(word)
    if tens and ORDINALS.get(said.word(index + 1), 99) < 10:
        return Number(tens + ORDINALS[said.word(index + 1)], index, index + 2, words=True)
    return None
