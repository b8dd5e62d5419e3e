"""Where the other side got a fact wrong, and where the caller did.

Only a near miss is corrected: 48231 for 48213 is one, the number of the appointment that was booked is none. An address
is corrected when most of it was repeated and a number or the apartment is missing or other than it should be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from evalkit.service.brain.rules.caller.persona import CallerPersona, Fact
from evalkit.service.brain.rules.caller.values import (
    id_of,
    is_address,
    is_close,
    is_same_day,
    label,
    missing_words,
    read_values,
)
from evalkit.service.brain.rules.language.dates import DateReading

_UNITS = re.compile(r"\b(?:apartment|apt|unit|suite|flat|floor|room)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Mistake:
    """A fact that was said wrongly.

    Attributes:
        fact: What is right.
        heard: What was said in its place; empty where something was left out.
        left_out: What was left out.

    """

    fact: Fact
    heard: str = ""
    left_out: str = ""


def find_mistake(text: str, persona: CallerPersona) -> Mistake | None:
    """Return the first fact that `text` repeats wrongly, or None."""
    return _wrong_id(text, persona) or _wrong_address(text, persona) or _wrong_date(text, persona)


def find_slip(said: str, persona: CallerPersona) -> Mistake | None:
    """Return the id that the caller itself said wrongly in `said`, or None."""
    return _wrong_id(said, persona)


def correct(mistake: Mistake, times_before: int) -> str:
    """Return how the caller corrects it; in other words the second time."""
    fact, name = mistake.fact, label(mistake.fact.key)
    if mistake.left_out:
        return f"You left out the {mistake.left_out}. It's {fact.value}."
    if times_before:
        return f"No, that's still not right. The {name} is {fact.value}."
    return f"No, it's {fact.value}." if id_of(fact.value) else f"No, that's not right, it's {fact.value}."


def admit(mistake: Mistake) -> str:
    """Return how the caller takes back a slip of its own."""
    return f"Sorry, I misread it. The {label(mistake.fact.key)} is {mistake.fact.value}."


def _wrong_id(text: str, persona: CallerPersona) -> Mistake | None:
    right = {id_of(fact.value) for fact in persona.facts} - {""}
    for run in read_values(text).ids:
        if any(run == one or one in run for one in right):
            continue
        for fact in persona.facts:
            known = id_of(fact.value)
            if known and is_close(run, known):
                return Mistake(fact, heard=run)
    return None


def _wrong_address(text: str, persona: CallerPersona) -> Mistake | None:
    for fact in persona.facts:
        if not is_address(fact.value):
            continue
        words, missing = read_values(fact.value).words, missing_words(text, fact.value)
        plain = [word for word in words if word.isalpha() and not _UNITS.fullmatch(word)]
        repeated = sum(word not in missing for word in plain)
        if not missing or repeated * 2 < len(plain) or repeated < min(2, len(plain)):
            continue
        unit = _UNITS.search(fact.value)
        number = re.search(rf"{unit.group()}\W+(\w+)", fact.value, re.IGNORECASE) if unit else None
        if unit and (number is None or number.group(1).lower() in missing):
            return Mistake(fact, left_out=unit.group().lower())
        if any(word.isdigit() for word in missing):
            return Mistake(fact, heard=" ".join(missing))
    return None


def _wrong_date(text: str, persona: CallerPersona) -> Mistake | None:
    """Return a full date of which one part is wrong, such as the year of a birthday."""
    for fact in persona.facts:
        known = [one for one in read_values(fact.value).dates if one.full]
        for said in read_values(text).dates:
            if said.full and known and not is_same_day(said, known[0]) and _parts_alike(said, known[0]) == 2:
                return Mistake(fact, heard=str(said.day))
    return None


def _parts_alike(one: DateReading, other: DateReading) -> int:
    if one.day is None or other.day is None:
        return 0
    return sum(getattr(one.day, part) == getattr(other.day, part) for part in ("year", "month", "day"))
