"""Values of facts found in what was said: ids, dates, times, addresses and plain words, however they are written.

``half past ten in the morning`` is ``10:30``, ``four eight two one three`` is ``48213``. Dates are compared by month
and day, and by year where both say one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from rapidfuzz import fuzz

from evalkit.service.brain.rules.language.dates import DateReading
from evalkit.service.brain.rules.language.lexicon import FUNCTION_WORDS
from evalkit.service.brain.rules.language.numbers import NUMERALS
from evalkit.service.brain.rules.language.readings import read_utterance
from evalkit.service.brain.rules.language.words import read_words, split_name

# Which day it is doesn't matter, as both sides of a comparison are counted from it; a leap year, for February 29th.
_REFERENCE = date(2024, 1, 1)
_CLOSE = 88
MIN_ID_LENGTH = 4


@dataclass(frozen=True)
class Values:
    """What stands in a text.

    Attributes:
        ids: Runs of at least four digits or letters with a digit, in upper case.
        dates: Dates.
        times: Times of day as HH:MM.
        words: Content words, in lower case.
        has_number: Whether any number stands in it.

    """

    ids: tuple[str, ...]
    dates: tuple[DateReading, ...]
    times: tuple[str, ...]
    words: tuple[str, ...]
    has_number: bool


@lru_cache(maxsize=1_000)
def read_values(text: str) -> Values:
    """Return the values in `text`."""
    reading = read_utterance(text, _REFERENCE)
    runs = (run.text for run in reading.ids)
    words = [token.word for token in read_words(text).tokens if token.word not in FUNCTION_WORDS]
    return Values(
        ids=tuple(run for run in runs if len(run) >= MIN_ID_LENGTH and any(char.isdigit() for char in run)),
        dates=reading.dates,
        times=tuple(one.text for one in reading.times),
        words=tuple(words),
        has_number=bool(reading.amounts) or any(char.isdigit() for char in text),
    )


def id_of(value: str) -> str:
    """Return the id that a fact's value is ("555 816 3092" is 5558163092), or ""."""
    packed = re.sub(r"[\s().-]", "", value).upper()
    is_id = len(packed) >= MIN_ID_LENGTH and sum(char.isdigit() for char in packed) * 2 >= len(packed)
    if not is_id or not packed.lstrip("+#").isalnum() or re.search(r"[A-Za-z]{4,}", value):
        return ""
    return "" if read_utterance(value, _REFERENCE).dates else packed


def is_address(value: str) -> bool:
    """Tell whether `value` is a street address."""
    return bool(read_utterance(value, None).addresses)


def is_same_day(one: DateReading, other: DateReading) -> bool:
    """Tell whether two readings mean one day."""
    if one.day is None or other.day is None:
        return False
    if one.full and other.full:
        return one.day == other.day
    return (one.day.month, one.day.day) == (other.day.month, other.day.day)


def contains(text: str, value: str) -> bool:
    """Tell whether `value` was said in `text`."""
    said, wanted = read_values(text), read_values(value)
    packed = id_of(value)
    if packed:
        return any(packed == run or packed in run for run in said.ids)
    if len(wanted.dates) == 1 and not is_address(value):
        return any(is_same_day(wanted.dates[0], one) for one in said.dates)
    if wanted.times and len(wanted.words) <= 6:
        return wanted.times[0] in said.times
    return missing_words(text, value) == () and bool(wanted.words)


def missing_words(text: str, value: str) -> tuple[str, ...]:
    """Return the content words of `value` that were not said in `text`, small differences of spelling apart."""
    said = read_values(text).words
    return tuple(word for word in read_values(value).words if not _was_said(word, said))


def _was_said(word: str, said: tuple[str, ...]) -> bool:
    if any(char.isdigit() for char in word) or len(word) < 4:
        return word in said or _numeral(word) in said
    return any(fuzz.ratio(word, one) >= _CLOSE for one in said)


def _numeral(word: str) -> str:
    return NUMERALS[int(word)] if len(word) == 1 and word.isdigit() else word


def is_close(one: str, other: str) -> bool:
    """Tell whether one id is the other misheard or misread: as long as it, or nearly, and most of it in place."""
    if one == other or abs(len(one) - len(other)) > 1 or one.isdigit() != other.isdigit():
        return False
    longest = max(len(one), len(other))
    slips = longest - round(fuzz.ratio(one, other) / 100 * (len(one) + len(other)) / 2)
    return slips <= max(1, longest // 4)


def label(key: str) -> str:
    """Return a fact's key as spoken."""
    return " ".join(split_name(key))
