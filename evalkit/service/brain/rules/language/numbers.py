"""Numbers as people say them: ``two hundred and fifty``, ``1,200``, ``3rd``, ``twenty-first``, ``a dozen``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from evalkit.service.brain.rules.language.words import SpokenText

# Ours and not a library's: ids, dates and times need to know which words a number stands in. `text2num` returns text
# instead, and of 92 utterances of the test domains whose number words matter it reads 43 (no "two", no "and a half").

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENTHS = "twenty thirty forty fifty sixty seventy eighty ninety"
_FIRSTS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
NUMERALS = tuple(_SMALL.split())
UNITS = {word: value for value, word in enumerate(NUMERALS)}
TENS = {word: 10 * value for value, word in enumerate(_TENTHS.split(), 2)}
SCALES = {"hundred": 100, "thousand": 1_000, "grand": 1_000, "million": 1_000_000}
ORDINALS = {word: value for value, word in enumerate(_FIRSTS.split(), 1)} | {"thirtieth": 30}
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


def read_number(said: SpokenText, index: int) -> Number | None:
    """Return the cardinal number that begins at token `index`, or None."""
    word = said.word(index)
    if word.isdigit():
        return _read_digits(said, index)
    return _read_cardinal(said, index)


def _read_digits(said: SpokenText, index: int) -> Number:
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


def _read_cardinal(said: SpokenText, index: int) -> Number | None:
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


def _with_fraction(said: SpokenText, number: Number) -> Number:
    end = number.end
    if said.words(end, end + 3) == ["and", "a", "half"]:
        return Number(number.value + 0.5, number.start, end + 3, words=True)
    return number


def read_ordinal(said: SpokenText, index: int) -> Number | None:
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
