"""Words and values of a text, so that what was said can be compared with what was asked for.

Numbers, ids, dates and times have one spelling (:mod:`.spelling`); other words become their stem,
and a few words that service desks use for the same thing become one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from evalkit.service.brain.rules.judge.spelling import spell
from evalkit.service.brain.rules.language.words import snowball, word_set

WEEKDAYS = word_set("monday tuesday wednesday thursday friday saturday sunday")
_SHORT = {
    "avenue": "ave", "street": "st", "road": "rd", "drive": "dr", "lane": "ln", "boulevard": "blvd", "court": "ct",
    "apartment": "apt", "suite": "ste", "north": "n", "south": "s", "east": "e", "west": "w",
}  # fmt: skip
# Stems that stand for one another in what a service desk says.
_ALIKE = {
    stem: group.split()[0]
    for group in (
        "move reschedul postpon", "book reserv schedul", "send ship deliv", "start begin open", "time slot",
        "find look search check", "person human colleagu agent", "transfer connect", "refund reimburs", "fail error",
        "damag broken crack", "order parcel packag purchas", "request ask", "chang updat", "dollar usd", "birth born",
        "come arriv expect", "call-back callback", "sorri apolog apologis", "label sticker",
    )
    for stem in group.split()
}  # fmt: skip
EMPTY = word_set(
    "a an the is are was were be been being am it its it's this that these those there here to of for in on at by with "
    "from as and or but so if then than has have had having do does did will would can could shall should may might "
    "must i i'm i've i'll you your you're my me we our us he she they them his her their not no any all some one also "
    "just very too please now already again still who which what when where how up out about into over caller customer "
    "user assistant agent call s t ll ve re o'clock"
)


@dataclass(frozen=True)
class Word:
    """A word or value. `hard`: it has to be exact, because it is a number, an id, a date, a time or a name."""

    text: str
    hard: bool


@lru_cache(maxsize=4_000)
def read(text: str) -> tuple[Word, ...]:
    """Return the words of `text` that carry meaning."""
    names = _names(text)
    found = []
    for token in spell(text):
        if any(letter.isdigit() for letter in token) or token in WEEKDAYS:
            found.append(Word(token, hard=True))
        elif token not in EMPTY:
            word = _SHORT.get(token, token)
            found.append(Word(word if token in names else stem(word), hard=token in names))
    return tuple(found)


def stems(text: str) -> frozenset[str]:
    """Return the stems of the soft words of `text` and the text of the hard ones."""
    return frozenset(word.text for word in read(text)) | frozenset(stem(word.text) for word in read(text) if word.hard)


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return the stem of `word`, or that of the word it stands for."""
    found = snowball(word.lower().removesuffix("'s"))
    return _ALIKE.get(found, found)


def values(text: str) -> frozenset[str]:
    """Return the values of `text` that hold a digit."""
    return frozenset(word.text for word in read(text) if any(letter.isdigit() for letter in word.text))


def holds(found: Collection[str], value: str) -> bool:
    """Tell whether `value` is among `found`; a day of the month is held by a date of it."""
    is_day = value.isdigit() and 1 <= int(value) <= 31
    return value in found or (is_day and any(other.endswith(f"-{int(value)}") for other in found))


def sentences(text: str) -> list[str]:
    """Return the sentences of `text`; abbreviations and decimal points end none."""
    held = re.sub(r"\b(Dr|Mr|Mrs|Ms|St|Ave|Rd|Apt|Blvd|No|a\.m|p\.m)\.", lambda match: match.group(1) + "\0", text)
    parts = re.findall(r"[^.!?\n]+(?:[.](?=\w)[^.!?\n]*)*[.!?]*", held)
    return [part.replace("\0", ".").strip() for part in parts if re.search(r"\w", part)]


def ids(text: str) -> list[str]:
    """Return the values of `text` that look like ids: four digits or more, perhaps with letters."""
    return [word.text for word in read(text) if sum(c.isdigit() for c in word.text) >= 4 and word.text.isalnum()]


def _names(text: str) -> frozenset[str]:
    """Return the capitalised words that do not begin a sentence, in lower case."""
    inner = re.findall(r"(?<=[^.!?\s\"'(:] )[\"'(]?([A-Z][a-z]+)", text)
    return frozenset(word.lower() for word in inner) - EMPTY
