"""Times of day on the 24-hour clock: ``half past two``, ``3 pm``, ``ten in the morning``, ``noon``.

Without "am" or "pm", and with no word such as "morning" or "tonight" in the sentence, the hours 1 to 6 are taken for
the afternoon and 10 to 12 for what the clock says, as people who make appointments mean them. The hours 7 to 9 are
said of mornings and of evenings alike, so they are *unclear*. Who knows when the one who is called is open knows more:
of the two halves of the day, the one in which somebody is there was meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from evalkit.service.brain.rules.language.numbers import read_number
from evalkit.service.brain.rules.language.words import SpokenText, read_words, word_set

_NAMED = {"noon": (12, 0), "midday": (12, 0), "midnight": (0, 0), "lunchtime": (12, 0)}
_QUARTERS = {"half": 30, "quarter": 15}
_LEADS = word_set("at around about by from until till to before after between past approximately")
_PM = word_set("afternoon evening tonight night dinner pm")
_AM = word_set("morning breakfast am")
_NO_TIME_AFTER = word_set(
    "dollars dollar bucks percent people persons guests nights days weeks months years adults children tickets "
    "minutes hours miles st street of th tablets and"
)


@dataclass(frozen=True)
class TimeReading:
    """A time read from the tokens ``start:end``.

    Attributes:
        start: First token.
        end: One past the last token.
        hour: 0 to 23.
        minute: 0 to 59.
        sure: Whether it can be nothing else.
        half: The half of the day as it was said: ``am``, ``pm``, ``set`` for noon and the like, "" where none was.
        usual: Whether nothing was said of the half, so that it is the usual one of that hour.

    """

    start: int
    end: int
    hour: int
    minute: int
    sure: bool
    half: str = ""
    usual: bool = False

    @property
    def text(self) -> str:
        """The time as HH:MM."""
        return f"{self.hour:02d}:{self.minute:02d}"

    @property
    def unclear(self) -> bool:
        """Whether it may as well be in the other half of the day."""
        return self.usual and 7 <= self.hour <= 9

    @property
    def later(self) -> TimeReading:
        """The same time in the other half of the day."""
        return replace(self, hour=(self.hour + 12) % 24)


def read_times(said: SpokenText) -> list[TimeReading]:
    """Return the times in `said`, in order."""
    found: list[TimeReading] = []
    index = 0
    while index < len(said.tokens):
        reading = _read_at(said, index)
        if reading is None:
            index += 1
            continue
        found.append(reading)
        index = reading.end
    return [_settle(said, reading) for reading in found]


def _read_at(said: SpokenText, index: int) -> TimeReading | None:
    word = said.word(index)
    if word in _NAMED:
        hour, minute = _NAMED[word]
        return TimeReading(index, index + 1, hour, minute, sure=True, half="set")
    for read in (_past_or_to, _clock):
        reading = read(said, index)
        if reading:
            return _with_half(said, reading)
    return None


def _past_or_to(said: SpokenText, index: int) -> TimeReading | None:
    """Read "half past two", "a quarter to four", "twenty past nine"."""
    place = index + (said.word(index) == "a" and said.word(index + 1) in _QUARTERS)
    minutes = _QUARTERS.get(said.word(place))
    if minutes is None:
        number = read_number(said, place)
        if number is None or not 1 <= number.value <= 29:
            return None
        minutes, place = int(number.value), number.end - 1
        if said.word(place + 1) == "minutes":
            place += 1
    relation = said.word(place + 1)
    if relation not in ("past", "to", "after", "till"):
        return None
    hour = read_number(said, place + 2)
    if hour is None or not 1 <= hour.value <= 12 or (relation in ("to", "till", "after") and minutes % 5):
        return None
    if relation == "to" and minutes != 15 and said.word(place) not in ("minutes", *_QUARTERS):
        return None
    before = relation in ("to", "till")
    value = int(hour.value) - 1 if before else int(hour.value)
    return TimeReading(index, hour.end, value or 12, 60 - minutes if before else minutes, sure=False)


def _clock(said: SpokenText, index: int) -> TimeReading | None:
    number = read_number(said, index)
    if number is None or not 0 <= number.value <= 24:
        return None
    hour = int(number.value)
    end, minute, marked = number.end, 0, False
    if not number.words and isinstance(number.value, float):
        minute_text = said.word(number.end - 1)
        if len(minute_text) != 2 or int(minute_text) > 59 or not _half_at(said, end):
            return None
        minute = int(minute_text)
    following = said.word(end)
    if following.isdigit() and said.gap(end) == ":" and len(following) == 2 and int(following) < 60:
        minute, end, marked = int(following), end + 1, True
    elif number.words and said.gap(end) in (" ", "-"):
        spoken = read_number(said, end + (following in ("oh", "o")))
        if spoken and spoken.words and 0 < spoken.value < 60 and (spoken.value >= 10 or following in ("oh", "o")):
            minute, end = int(spoken.value), spoken.end
    if said.word(end) == "o'clock":
        end, marked = end + 1, True
    elif said.words(end, end + 2) == ["o", "clock"]:
        end, marked = end + 2, True
    lead = said.word(index - 1) in _LEADS
    if said.word(index - 1) in ("for", "of") and not marked:
        return None
    if not (
        marked or _half_at(said, end) or (lead and said.word(end) not in _NO_TIME_AFTER and len(said.word(index)) <= 6)
    ):
        return None
    return TimeReading(
        index,
        end,
        hour % 24,
        minute,
        sure=hour > 12 or (marked and len(said.word(index)) == 2 and said.word(index)[0] == "0"),
    )


def _half_at(said: SpokenText, index: int) -> tuple[str, int] | None:
    """Return am or pm, said at `index` in any way, and where it ends."""
    word = said.word(index)
    if word in ("am", "pm"):
        return word, index + 1
    tail = said.words(index, index + 3)
    if tail[:2] == ["in", "the"] and len(tail) == 3:
        return ("am", index + 3) if tail[2] == "morning" else ("pm", index + 3) if tail[2] in _PM else None
    if tail[:2] == ["at", "night"]:
        return "pm", index + 2
    if said.gap(index).strip():
        return None
    if word == "tonight" or tail[:2] in (["this", "evening"], ["this", "afternoon"]):
        return "pm", index
    return None


def _with_half(said: SpokenText, reading: TimeReading) -> TimeReading:
    half = _half_at(said, reading.end)
    if half is None:
        return reading
    hour = reading.hour % 12 + (12 if half[0] == "pm" else 0)
    return replace(reading, hour=hour if reading.hour <= 12 else reading.hour, end=half[1], sure=True, half=half[0])


def _settle(said: SpokenText, reading: TimeReading) -> TimeReading:
    if reading.sure or reading.half:
        return reading
    words = {token.word for token in said.tokens if token.sentence == said.tokens[reading.start].sentence}
    if words & _PM and not words & _AM and reading.hour < 12:
        return replace(reading, hour=reading.hour + 12)
    if words & _AM:
        return reading
    return replace(reading, hour=reading.hour + 12 * (1 <= reading.hour <= 6), usual=True)


def half_said(said: SpokenText) -> str:
    """Return the half of the day that an utterance names: ``am``, ``pm``, "" where it names none or both."""
    words = set(said.words())
    return ("am" if words & _AM else "pm" if words & _PM else "") if not (words & _AM and words & _PM) else ""


@dataclass(frozen=True)
class OpenHours:
    """From when to when somebody is there, in minutes of the day."""

    opens: int
    closes: int

    def holds(self, reading: TimeReading) -> bool:
        """Tell whether somebody is there at that time."""
        return self.opens <= 60 * reading.hour + reading.minute <= self.closes


_OPENING = re.compile(r"\b(?:open|opened|opening|hours)\b", re.IGNORECASE)


@lru_cache(maxsize=200)
def read_open_hours(instructions: str) -> tuple[OpenHours, ...]:
    """Return when somebody is there, as far as the sentences on opening hours say: "open from 9 am to 6 pm"."""
    found = []
    for sentence in re.split(r"(?<=[.!?])\s+|\n", instructions):
        if _OPENING.search(sentence):
            said = read_words(sentence)
            for one, other in pairwise(read_times(said)):
                if said.words(one.end, other.start) in (["to"], ["until"], ["till"], ["and"], []):
                    found.append(OpenHours(60 * one.hour + one.minute, 60 * other.hour + other.minute))
    return tuple(one for one in found if one.opens < one.closes)


def when_open(reading: TimeReading, opening: Sequence[OpenHours]) -> TimeReading:
    """Return a time in the only half of the day in which somebody is there; as it is where there is none, or two."""
    if not reading.usual:
        return reading
    fits = [one for one in (reading, reading.later) if any(hours.holds(one) for hours in opening)]
    return replace(fits[0], usual=False) if len(fits) == 1 else reading
