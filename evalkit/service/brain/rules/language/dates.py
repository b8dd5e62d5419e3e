"""Calendar dates as callers say them, counted from the day that the instructions give (never from a clock).

``March 12th``, ``the 3rd of November, 1971``, ``2026-03-12``, ``tomorrow``, ``this Friday``, ``next Friday``, ``a week
from today``, ``Tuesday the 10th``. Where a year was not said it is taken from today's date: the next such day, or for
things past the last one. Without today's date such a reading has no value, and an absolute date with its year still
has one.

A weekday alone is the next one to come; "this Friday" is the one of the running week; "next Friday" the one of the
next week (weeks begin on Monday); "last Friday" the latest one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from evalkit.service.brain.rules.language.numbers import read_number, read_ordinal
from evalkit.service.brain.rules.language.words import SpokenText, read_words, word_set

# Ours and not a library's: of 206 utterances with a date, `dateparser` finds the date of 173 (it takes "April 9th at
# 52 Garden Street" for 2052, knows no "next Tuesday" of the coming week), and needs 5 ms for each.
_MONTH_NAMES = (
    "january jan|february feb|march mar|april apr|may|june jun|july jul|august aug|september sept sep|october oct"
    "|november nov|december dec"
)
_DAY_NAMES = "monday mon|tuesday tue tues|wednesday|thursday thu thurs|friday fri|saturday|sunday"
MONTH_NAMES = tuple(names.split()[0] for names in _MONTH_NAMES.split("|"))
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split("|"), 1) for name in names.split()}
WEEKDAYS = {name: number for number, names in enumerate(_DAY_NAMES.split("|")) for name in names.split()}
_TODAY = re.compile(
    r"(?:today(?:'s date)?|current date|the date|date today|now)\s*(?:is|:|=|\()\s*(?P<rest>[^\n]{4,60})", re.IGNORECASE
)
_UNITS = {"day": 1, "days": 1, "week": 7, "weeks": 7, "fortnight": 14}


@dataclass(frozen=True)
class DateReading:
    """A date read from the tokens ``start:end``.

    Attributes:
        start: First token.
        end: One past the last token.
        day: The date for something to come; None where today's date would be needed and is not known.
        past: The date for something that lies behind, where no year was said; else as `day`.
        full: Whether the year was said.
        month: Month number where one was said, else 0.

    """

    start: int
    end: int
    day: date | None
    past: date | None
    full: bool = False
    month: int = 0


@dataclass(frozen=True)
class _Parts:
    end: int
    month: int
    day: int
    year: int = 0


def today_from(texts: tuple[str, ...]) -> date | None:
    """Return the date that instructions or descriptions give as today's, or None."""
    for text in texts:
        for match in _TODAY.finditer(text):
            found = read_dates(read_words(match.group("rest")), None)
            if found and found[0].full and found[0].day:
                return found[0].day
    return None


def read_dates(said: SpokenText, today: date | None) -> list[DateReading]:
    """Return the dates in `said`, in order, without overlaps."""
    found: list[DateReading] = []
    index = 0
    while index < len(said.tokens):
        reading = _read_at(said, index, today)
        if reading is None:
            index += 1
            continue
        found.append(reading)
        index = reading.end
    return _share_month(said, found)


def _read_at(said: SpokenText, index: int, today: date | None) -> DateReading | None:
    for read in (_relative, _counted, _weekday, _calendar, _day_of_month):
        reading = read(said, index, today)
        if reading:
            return reading
    return None


def _safe(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _calendar(said: SpokenText, index: int, today: date | None) -> DateReading | None:
    place = index + (said.word(index) == "the")
    parts = _numeric(said, index) or _month_first(said, index) or _day_first(said, place)
    if parts is None:
        return None
    if parts.year:
        day = _safe(parts.year, parts.month, parts.day)
        return DateReading(index, parts.end, day, day, full=True, month=parts.month) if day else None
    return _without_year(index, parts, today)


def _without_year(start: int, parts: _Parts, today: date | None) -> DateReading | None:
    if today is None:
        return DateReading(start, parts.end, None, None, month=parts.month)
    this = _safe(today.year, parts.month, parts.day)
    if this is None:
        return None
    coming = this if this >= today else _safe(today.year + 1, parts.month, parts.day)
    past = this if this <= today else _safe(today.year - 1, parts.month, parts.day)
    return DateReading(start, parts.end, coming, past, month=parts.month)


def _numeric(said: SpokenText, index: int) -> _Parts | None:
    words = said.words(index, index + 3)
    gaps = [said.gap(index + 1), said.gap(index + 2)]
    if len(words) < 2 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    if len(words) == 3 and words[2].isdigit() and gaps[0] == gaps[1] and gaps[0] in "-/.":
        first, second, third = (int(word) for word in words)
        if len(words[0]) == 4 and second <= 12:
            return _Parts(index + 3, second, third, first)
        if len(words[2]) in (2, 4) and first <= 12 and second <= 31 and len(words[0]) <= 2:
            return _Parts(index + 3, first, second, third if third > 99 else 2000 + third)
    if gaps[0] == "/" and 1 <= int(words[0]) <= 12 and 1 <= int(words[1]) <= 31:
        return _Parts(index + 2, int(words[0]), int(words[1]))
    return None


def _month_first(said: SpokenText, index: int) -> _Parts | None:
    month = MONTHS.get(said.word(index))
    if not month:
        return None
    following = index + 1 + (said.word(index + 1) == "the")
    day = _day_number(said, following)
    if day is None:
        return None
    year, end = _year(said, day[1])
    return _Parts(end, month, day[0], year)


def _day_first(said: SpokenText, index: int) -> _Parts | None:
    day = _day_number(said, index)
    if day is None:
        return None
    following = day[1] + (said.word(day[1]) == "of")
    month = MONTHS.get(said.word(following))
    if not month or (
        said.word(following) in ("may", "mar", "sep", "dec")
        and said.word(day[1]) != "of"
        and not _named(said, following)
    ):
        return None
    year, end = _year(said, following + 1)
    return _Parts(end, month, day[0], year)


def _named(said: SpokenText, index: int) -> bool:
    return said.tokens[index].text[:1].isupper()


def _day_number(said: SpokenText, index: int) -> tuple[int, int] | None:
    number = read_ordinal(said, index) or read_number(said, index)
    if number and 1 <= number.value <= 31 and isinstance(number.value, int):
        return int(number.value), number.end
    return None


def _year(said: SpokenText, index: int) -> tuple[int, int]:
    """Return the year said at `index` and where it ends; year 0 where there is none."""
    if said.word(index) == "in" or (said.word(index) == "of" and said.word(index + 1).isdigit()):
        index += 1
        if not said.word(index).isdigit():
            return 0, index - 1
    word = said.word(index)
    if word.isdigit() and len(word) == 4 and word[:2] in ("19", "20"):
        return int(word), index + 1
    return 0, index


def _day_of_month(said: SpokenText, index: int, today: date | None) -> DateReading | None:
    bare = said.word(index) != "the"
    ordinal = read_ordinal(said, index + (not bare))
    if ordinal is None or ordinal.value > 31 or (bare and (ordinal.words or said.word(index - 1) not in _DAY_LEADS)):
        return None
    if (
        ordinal.words
        and ordinal.value < 4
        and said.word(index - 1) not in ("on", "until", "from", "to", "for", "till", "by")
    ):
        return None
    following = said.word(ordinal.end)
    if following and re.fullmatch(r"[ -]", said.gap(ordinal.end)) and following not in _AFTER_DAY:
        return None
    return _day_reading(index, ordinal.end, int(ordinal.value), today)


_DAY_LEADS = word_set("to until till through on from and by")
_AFTER_DAY = word_set(
    "to until till through and at in for please if instead or would is works with from by not around as so but of when"
)


def _day_reading(start: int, end: int, number: int, today: date | None) -> DateReading:
    if today is None:
        return DateReading(start, end, None, None)
    this = _safe(today.year, today.month, number)
    following = _safe(today.year + today.month // 12, today.month % 12 + 1, number)
    coming = this if this and this >= today else following
    return DateReading(start, end, coming, this if this and this <= today else coming)


def _weekday(said: SpokenText, index: int, today: date | None) -> DateReading | None:
    lead = said.word(index) if said.word(index) in ("this", "next", "last", "coming", "following") else ""
    place = index + 1 if lead else index
    weekday = WEEKDAYS.get(said.word(place).removesuffix("'s").removesuffix("s"), WEEKDAYS.get(said.word(place)))
    if weekday is None or (said.word(place).endswith("days") and not lead):
        return None
    end = place + 1
    for read in (_calendar, _day_of_month):
        explicit = read(said, end, today)
        if explicit:
            return DateReading(index, explicit.end, explicit.day, explicit.past, explicit.full, explicit.month)
    if said.words(end, end + 2) == ["next", "week"]:
        lead, end = "next", end + 2
    if today is None:
        return DateReading(index, end, None, None)
    ahead = (weekday - today.weekday()) % 7
    coming = today + timedelta(days=ahead or 7)
    latest = coming - timedelta(days=7)
    if lead == "next":
        coming = today + timedelta(days=7 - today.weekday() + weekday)
    elif lead == "this":
        coming = today + timedelta(days=ahead)
    elif lead == "last":
        coming = latest
    return DateReading(index, end, coming, latest)


_RELATIVE = {
    ("day", "after", "tomorrow"): 2,
    ("tomorrow",): 1,
    ("today",): 0,
    ("tonight",): 0,
    ("this", "morning"): 0,
    ("this", "afternoon"): 0,
    ("this", "evening"): 0,
    ("day", "before", "yesterday"): -2,
    ("yesterday",): -1,
    ("last", "night"): -1,
}


def _relative(said: SpokenText, index: int, today: date | None) -> DateReading | None:
    start = index
    if said.word(index) == "the":
        index += 1
    for words, offset in _RELATIVE.items():
        if tuple(said.words(index, index + len(words))) == words and (index == start or len(words) == 3):
            day = today + timedelta(days=offset) if today else None
            return DateReading(start, index + len(words), day, day)
    if said.words(index, index + 4) == ["end", "of", "the", "month"] and today:
        last = date(today.year + today.month // 12, today.month % 12 + 1, 1) - timedelta(days=1)
        return DateReading(start, index + 4, last, last)
    return None


def _counted(said: SpokenText, index: int, today: date | None) -> DateReading | None:
    """Read "in three days", "a week from today", "three days ago"."""
    lead = said.word(index) == "in"
    place = index + 1 if lead else index
    number = read_number(said, place)
    amount, place = (number.value, number.end) if number else (1, place + 1)
    if number is None and said.word(place - 1) not in ("a", "one"):
        return None
    unit = _UNITS.get(said.word(place))
    if unit is None:
        return None
    days, end = int(amount * unit), place + 1
    tail = said.words(end, end + 2)
    if tail[:1] == ["ago"] or (tail[:1] == ["from"] and tail[1:] in (["today"], ["now"])):
        end += 1 if tail[0] == "ago" else 2
        days = -days if tail[0] == "ago" else days
    elif tail == ["time"] or (lead and said.word(end) != "of"):
        end += tail == ["time"]
    else:
        return None
    day = today + timedelta(days=days) if today else None
    return DateReading(index, end, day, day)


def _share_month(said: SpokenText, found: list[DateReading]) -> list[DateReading]:
    """Give a bare day of a range the month of the other end: "from the 3rd to the 7th of July"."""
    shared = list(found)
    for index, (first, second) in enumerate(pairwise(found)):
        if second.start - first.end > 3 or bool(first.month) == bool(second.month):
            continue
        bare, other = (first, second) if second.month else (second, first)
        ordinal = read_ordinal(said, bare.start + 1) if said.word(bare.start) == "the" else None
        if ordinal and other.day and ordinal.end == bare.end:
            day = _safe(other.day.year, other.day.month, int(ordinal.value))
            place = index if bare is first else index + 1
            shared[place] = DateReading(bare.start, bare.end, day, day, other.full, other.month)
    return shared
