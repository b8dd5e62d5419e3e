"""Calendar dates in their usual spellings, for the match rule `date`.

`dateutil` reads them: ``2026-03-12`` (also with a time, which does not count), ``3/12/2026`` (month first),
``March 12, 2026``, ``Thursday, the 12th of March`` and their like. Relative dates are not read: what *tomorrow* is
depends on a day that the text does not say. A month or a weekday alone names no day either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from evalkit.graders.normalise import plain_text

_IGNORED = re.compile(r"\b(?:the|(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?)\b")
# What a text does not say is filled in from a day. Read with two that differ in everything, what comes out the same was
# said. Both are in leap years, so that 29 February may stand without a year.
_FILL_INS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2004, 2, 15, tzinfo=UTC))


@dataclass(frozen=True)
class CalendarDay:
    """A day; `year` is None where the text does not say it."""

    year: int | None
    month: int
    day: int

    def admits(self, other: CalendarDay) -> bool:
        """Whether `other` is this day. A year that is not said here is not asked of `other` either."""
        same_day = (self.month, self.day) == (other.month, other.day)
        return same_day and (self.year is None or self.year == other.year)


def parse_day(text: str) -> CalendarDay | None:
    """Return the day `text` names, or None where it names none."""
    from dateutil.parser import parse

    plain = _IGNORED.sub(" ", plain_text(text))
    try:
        one, other = (parse(plain, default=day, ignoretz=True) for day in _FILL_INS)
    except (ValueError, OverflowError):
        return None
    if (one.month, one.day) != (other.month, other.day):
        return None
    return CalendarDay(one.year if one.year == other.year else None, one.month, one.day)
