"""Calendar dates in their usual spellings, for the match rule `date`.

Understood: ``2026-03-12`` (also with a time, which does not count), ``2026/3/12``, ``3/12/2026`` and ``3-12-26``
(month first), ``March 12, 2026``, ``12 March 2026``, ``Thursday, the 12th of March``. Relative dates are not: what
*tomorrow* is depends on a day the text does not say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from evalkit.graders.normalise import ORDINAL_NUMBER, plain_text

_MONTHS = "january february march april may june july august september october november december"
_MONTH = r"(?P<month>[a-z]{3,9})"
_DAY = r"(?P<day>\d{1,2})"
_YEAR = r"(?P<year>\d{4})"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_YEAR}[-/.](?P<month>\d{{1,2}})[-/.]{_DAY}",
        rf"(?P<month>\d{{1,2}})[-/.]{_DAY}[-/.](?P<year>\d{{4}}|\d{{2}})",
        rf"{_MONTH} {_DAY}(?: {_YEAR})?",
        rf"{_DAY} {_MONTH}(?: {_YEAR})?",
    )
)
_NOISE = re.compile(
    r"\b(?:the|of|on|mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?"
    r"|sun(?:day)?)\b|,|(?<=[a-z])\."
)


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
    """Return the day `text` names, or None where it names none in a form known here."""
    plain = re.sub(r"(?<=\d)[t ]\d{1,2}:\d{2}.*$", "", plain_text(text).strip())
    plain = ORDINAL_NUMBER.sub(r"\1", plain)
    plain = " ".join(_NOISE.sub(" ", plain).split())
    for form in _FORMS:
        if found := form.fullmatch(plain):
            return _valid_day(found.group("year"), found.group("month"), found.group("day"))
    return None


def _valid_day(year: str | None, month: str, day: str) -> CalendarDay | None:
    number = int(month) if month.isdecimal() else _month_number(month)
    full_year = None if year is None else int(year) + (2000 if len(year) == 2 else 0)
    if number is None:
        return None
    try:
        date(full_year or 2000, number, int(day))  # 2000: a leap year, so that 29 February may stand without a year
    except ValueError:
        return None
    return CalendarDay(full_year, number, int(day))


def _month_number(name: str) -> int | None:
    matches = [number for number, month in enumerate(_MONTHS.split(), start=1) if month.startswith(name)]
    return matches[0] if len(matches) == 1 else None
