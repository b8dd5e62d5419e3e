"""How a caller talks: styles laid over what it says, chosen by words of its ``# Style``.

======================= ======================================= ====================================================
style                   said in `Style` by, for example         what changes
======================= ======================================= ====================================================
impatient               impatient, in a hurry, curt, angry      no pleasantries, shorter openings
rambling                rambling, long-winded, talkative        an aside before what matters
corrects itself         corrects himself                        begins an id wrongly, stops and starts again
hard of hearing         hard of hearing                         asks once or twice to hear an answer again
second language         second language, non-native             simpler grammar, few articles
hesitant                hesitant, nervous                       "Um, "
======================= ======================================= ====================================================

Nothing here adds a fact. A caller that corrects itself says the first digits of an id only, so that it never said
another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache


class Manner(StrEnum):
    """A way to talk."""

    IMPATIENT = "impatient"
    RAMBLING = "rambling"
    CORRECTS_ITSELF = "corrects_itself"
    HARD_OF_HEARING = "hard_of_hearing"
    SECOND_LANGUAGE = "second_language"
    HESITANT = "hesitant"


_SIGNS: Mapping[Manner, re.Pattern[str]] = {
    Manner.IMPATIENT: re.compile(
        r"(?<!not )\bimpatient|(?<!no )(?<!not in a )\bhurry|\bcurt\b|(?<!not )\bangry|\bshort-tempered|\brushed\b",
        re.IGNORECASE,
    ),
    Manner.RAMBLING: re.compile(r"\brambl|\blong-winded|\btalkative|\bwordy|\blikes? to talk|\blonely", re.IGNORECASE),
    Manner.CORRECTS_ITSELF: re.compile(
        r"\bcorrects? (?:him|her|them|it|one|your|my)sel|\bself-correct|\bstarts? over|\bmisspeaks?", re.IGNORECASE
    ),
    Manner.HARD_OF_HEARING: re.compile(
        r"\bhard[ -]of[ -]hearing|\b(?:not|n't) hear (?:so |very )?well|\bdeaf", re.IGNORECASE
    ),
    Manner.SECOND_LANGUAGE: re.compile(
        r"\bsecond[ -]language|\bnon-native|\bnot (?:a )?native|\bnot \w+ first language|\bbroken english|\bforeigner"
        r"|\bforeign accent|\blearner",
        re.IGNORECASE,
    ),
    Manner.HESITANT: re.compile(r"\bhesitant|\bnervous|\bshy\b", re.IGNORECASE),
}
_ASIDES = (
    "Well, let me think.",
    "Oh, you know how these days go.",
    "Sorry, I do tend to go on a bit.",
    "Now, where was I?",
    "I was just saying to myself, what a week.",
    "Anyway.",
)
_PLEASANTRIES = re.compile(
    r"^(?:okay, thank you|thanks|thank you|all right|good, thank you|great|lovely)[.,] (?=\S)|,? please(?=[.?!,])",
    re.IGNORECASE,
)
_SHORTER = (
    (re.compile(r"^I'd like to "), "I want to "),
    (re.compile(r"^Can you tell me "), "Just tell me "),
    (re.compile(r"^I'm sorry, "), ""),
)
_SIMPLER = (
    (re.compile(r"\bI'd like to\b"), "I want to"),
    (re.compile(r"\bI'd just like to know\b"), "Please, I want to know"),
    (re.compile(r"\bCan you tell me\b"), "Please, you can tell me"),
    (re.compile(r"\bWhat I called for is to\b"), "I call because I want to"),
    (re.compile(r"\bI don't have that with me\b"), "I not have this here"),
)
_WISHES = re.compile(r"\bI want to\b|\byou can tell\b")
_ARTICLE = re.compile(r"\b(?<!in )the (?=[a-z])")
_LONG_ID = re.compile(r"(?<![\w,-])(?=[\w-]*\d[\w-]*\d)[A-Z0-9][A-Z0-9-]{4,}(?![\w-])")


@lru_cache(maxsize=64)
def read_manners(style: str) -> frozenset[Manner]:
    """Return the ways to talk that `style` describes."""
    return frozenset(manner for manner, sign in _SIGNS.items() if sign.search(style))


def say(text: str, manners: frozenset[Manner], turn: int) -> str:
    """Return `text` as a caller of these manners says it in its turn number `turn`; never empty where `text` is not."""
    for manner, change in _CHANGES:
        if manner in manners:
            text = change(text, turn)
    return text


def _impatiently(text: str, turn: int) -> str:
    short = _PLEASANTRIES.sub("", text).strip() or text
    for pattern, replacement in _SHORTER:
        short = pattern.sub(replacement, short)
    short = short[:1].upper() + short[1:]
    return f"Look. {short}" if turn % 3 == 2 else short


def _ramblingly(text: str, turn: int) -> str:
    return f"{_ASIDES[turn % len(_ASIDES)]} {text}"


def _with_false_start(text: str, _turn: int) -> str:
    match = _LONG_ID.search(text)
    if match is None:
        return re.sub(r"^(I'd like to|Can you tell me) ", r"\1, no wait, let me start again. \1 ", text)
    begun = match.group()[: max(2, len(match.group()) // 2)]
    return f"{text[: match.start()]}{begun}, no, wait, {text[match.start() :]}"


def _simply(text: str, turn: int) -> str:
    for pattern, replacement in _SIMPLER:
        text = pattern.sub(replacement, text)
    if _WISHES.search(text):
        text = _ARTICLE.sub("", text)
    text = text[:1].upper() + text[1:]
    return f"Sorry, my English is not so good. {text}" if turn == 1 else text


def _hesitantly(text: str, turn: int) -> str:
    return (
        f"Um, {text[:1].lower() + text[1:] if not text.startswith(('I ', 'I', 'My name')) else text}"
        if turn % 2
        else text
    )


_CHANGES: tuple[tuple[Manner, Callable[[str, int], str]], ...] = (
    (Manner.IMPATIENT, _impatiently),
    (Manner.CORRECTS_ITSELF, _with_false_start),
    (Manner.SECOND_LANGUAGE, _simply),
    (Manner.RAMBLING, _ramblingly),
    (Manner.HESITANT, _hesitantly),
)
