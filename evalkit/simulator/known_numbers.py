"""Which numbers and days the caller could know, and which were made up.

An id is read out in many ways (``48213``, ``482 13``, ``four eight two, one three``), so digits that stand together are
one run, whatever separates them, and a run is known when its digits stand in a row in any text that could be known, or
when it falls apart, between its groups, into pieces that do (``Suite 210, 600 Market Street`` turned around).

No library does this: readers of numbers lose where in the text a run ends and in which groups it was read, and the
search of `dateparser` takes *on Monday* for a date that was named.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

_WORDS = {
    word: str(digit)
    for digit, words in enumerate(("zero oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
    for word in words.split()
}
_MONTHS = tuple(name.lower() for name in calendar.month_name[1:])
_TOKEN = re.compile(r"\d+(?:st|nd|rd|th)\b|\d+|[a-z]+", re.IGNORECASE)
_MONTH_DAY = re.compile(rf"\b({'|'.join(_MONTHS)})\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\b", re.IGNORECASE)
_DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({'|'.join(_MONTHS)})\b", re.IGNORECASE)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ID_DIGITS = 4
_PIECE_DIGITS = 3


@dataclass(frozen=True)
class NumberRun:
    """Digits read out in a row, as groups, and where they end in the text."""

    groups: tuple[str, ...]
    end: int

    @property
    def digits(self) -> str:
        """All of them."""
        return "".join(self.groups)


def find_runs(text: str) -> list[NumberRun]:
    """Return the digits of `text` that stand together, in order; a word between them ends a run."""
    runs: list[NumberRun] = []
    groups: list[str] = []
    end = 0
    for match in _TOKEN.finditer(text):
        token = match.group().lower()
        digits = token if token.isdigit() else _WORDS.get(token)
        if digits is None or re.search(r"[.?!]\s|[;:]", text[end : match.start()]):
            if groups:
                runs.append(NumberRun(tuple(groups), end))
            groups = []
        if digits is not None:
            groups.append(digits)
            end = match.end()
    return [*runs, NumberRun(tuple(groups), end)] if groups else runs


@dataclass(frozen=True)
class KnownNumbers:
    """The numbers and days in some texts."""

    texts: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> KnownNumbers:
        """Collect what stands in `texts`."""
        return cls(tuple(texts))

    @cached_property
    def _digits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run.digits for text in self.texts for run in find_runs(text)))

    @cached_property
    def _days(self) -> frozenset[tuple[str, int]]:
        return frozenset(day for text in self.texts for day in find_days(text))

    def knows(self, run: NumberRun) -> bool:
        """Whether the digits of `run` stand in the texts, in a row or in pieces; short ones and years always do."""
        if len(run.digits) < _ID_DIGITS or _YEAR.fullmatch(run.digits):
            return True
        return self._knows_all(run.groups)

    def knows_day(self, day: tuple[str, int]) -> bool:
        """Whether that day of the year stands in the texts."""
        return day in self._days

    def _knows_all(self, groups: Sequence[str]) -> bool:
        if not groups:
            return True
        return any(
            self._knows_piece("".join(groups[:count])) and self._knows_all(groups[count:])
            for count in range(len(groups), 0, -1)
        )

    def _knows_piece(self, digits: str) -> bool:
        if digits in self._digits:
            return True
        return len(digits) >= _PIECE_DIGITS and any(digits in known for known in self._digits)


def find_days(text: str) -> list[tuple[str, int]]:
    """Return the days named in `text` as (month, day)."""
    found = [(match[1].lower(), int(match[2])) for match in _MONTH_DAY.finditer(text)]
    return found + [(match[2].lower(), int(match[1])) for match in _DAY_MONTH.finditer(text)]
