"""Names, titles, places and things in an utterance, where only grammar and capitals tell what they are.

A *proper phrase* is a stretch of capitalised words ("Green Valley Electric", "The Long Road"); a *chunk* is a stretch
without any function word or verb in it ("walnut side table"). Both are only offered here; `slots` decides which field
they suit.
"""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.service.brain.rules.language.dates import MONTHS, WEEKDAYS
from evalkit.service.brain.rules.language.lexicon import (
    ADVERBS,
    AUXILIARIES,
    DETERMINERS,
    FUNCTION_WORDS,
    LIGHT_VERBS,
    POLITE,
    PREPOSITIONS,
    PRONOUNS,
)
from evalkit.service.brain.rules.language.words import Span, SpokenText, word_set

_INSIDE_NAMES = word_set("of the and in to for on at a de la van von der del with")
_NOT_PROPER = word_set("i i'm i'd i've i'll ok okay mr mrs ms") | POLITE | AUXILIARIES | (ADVERBS - {"still"})
_TITLES = word_set("dr mr mrs ms miss doctor professor")


@dataclass(frozen=True)
class Chunk:
    """A phrase that may be a value.

    Attributes:
        start: First token.
        end: One past the last token.
        text: As said.
        proper: Whether it is written as a name.

    """

    start: int
    end: int
    text: str
    proper: bool


def _capital(said: SpokenText, index: int) -> bool:
    token = said.tokens[index]
    return token.text[:1].isupper() and token.word not in ("i", "i'm", "i'd", "i've", "i'll")


def _first_of_sentence(said: SpokenText, index: int) -> bool:
    return index == 0 or said.tokens[index].sentence != said.tokens[index - 1].sentence


def proper_phrases(said: SpokenText, taken: tuple[Span, ...] = ()) -> list[Chunk]:
    """Return the capitalised phrases, without weekdays, months and what is `taken`."""
    found = []
    index = 0
    while index < len(said.tokens):
        if not _may_start(said, index, taken):
            index += 1
            continue
        end = _proper_end(said, index, taken)
        start = index + 1 if _sentence_case(said, index, end) else index
        if start < end:
            found.append(Chunk(start, end, said.said(start, end), proper=True))
        index = max(end, index + 1)
    return found


def _may_start(said: SpokenText, index: int, taken: tuple[Span, ...]) -> bool:
    token = said.tokens[index]
    if (
        not _capital(said, index)
        or _is_taken(index, taken)
        or token.word in MONTHS
        or token.word.removesuffix("s") in WEEKDAYS
    ):
        return False
    return not (token.word in _NOT_PROPER and _first_of_sentence(said, index))


def _proper_end(said: SpokenText, index: int, taken: tuple[Span, ...]) -> int:
    end = index + 1
    while end < len(said.tokens):
        if said.gap(end).strip() not in ("", "-", "&", "."):
            break
        if "." in said.gap(end) and said.word(end - 1) not in _TITLES and len(said.word(end - 1)) > 1:
            break
        if (
            _capital(said, end)
            and not _is_taken(end, taken)
            and said.word(end) not in (MONTHS.keys() | WEEKDAYS.keys())
        ):
            end += 1
            continue
        ahead = end
        while said.word(ahead) in _INSIDE_NAMES and ahead - end < 2 and said.gap(ahead).strip() == "":
            ahead += 1
        inside = ahead > end and ahead < len(said.tokens) and _capital(said, ahead) and said.gap(ahead).strip() == ""
        if inside and said.word(end) in ("of", "the", "and", "de", "la", "van", "von") and not _is_taken(ahead, taken):
            end = ahead + 1
            continue
        break
    return end


def _sentence_case(said: SpokenText, index: int, end: int) -> bool:
    """Tell whether the first capital of a phrase is only that of its sentence."""
    if not _first_of_sentence(said, index):
        return False
    word = said.word(index)
    if end - index == 1:
        return word in FUNCTION_WORDS or said.word(index + 1) not in _OF_SOMEBODY
    return word in FUNCTION_WORDS or word in LIGHT_VERBS or word in _VERBS


_OF_SOMEBODY = word_set("needs has hasn't wants can't isn't")
_VERBS = word_set(
    "cancel book reserve schedule move change update check renew return refund pay transfer report track order add "
    "remove block find register reschedule extend submit place please send refill rent allow let authorise authorize "
    "permit tell call notify remind ask invite enter sign put give take bring hire deliver redirect forward assign "
    "enrol enroll switch swap email text message ship collect confirm include exclude keep hold stop start open close"
)


def _is_taken(index: int, taken: tuple[Span, ...]) -> bool:
    return any(span.start <= index < span.end for span in taken)


def chunks(said: SpokenText, taken: tuple[Span, ...], verbs: frozenset[str]) -> list[Chunk]:
    """Return the stretches of content words; `verbs` are stems that end one unless a determiner stands before."""
    found: list[Chunk] = []
    start = -1
    for index in range(len(said.tokens) + 1):
        boundary = index == len(said.tokens) or _is_boundary(said, index, taken, verbs, start >= 0)
        broken = start >= 0 and index < len(said.tokens) and said.gap(index).strip(" -&'\"") != ""
        if start >= 0 and (boundary or broken):
            found.append(Chunk(start, index, said.said(start, index), proper=False))
            start = -1
        if start < 0 and not boundary:
            start = index
    return found


def _is_boundary(said: SpokenText, index: int, taken: tuple[Span, ...], verbs: frozenset[str], inside: bool) -> bool:
    token = said.tokens[index]
    if _is_taken(index, taken):
        return True
    if token.word in FUNCTION_WORDS or token.word.endswith("n't"):
        return not (token.word in POLITE - {"hello", "hi", "please", "yes"} and inside and _capital(said, index))
    if _is_verb_place(said, index) and not token.text[:1].isupper():
        return True
    after_determiner = said.word(index - 1) in DETERMINERS
    if token.word in LIGHT_VERBS:
        return not after_determiner
    return token.stem in verbs and not inside and not after_determiner


_SUBJECTS = word_set("i we you they he she please let's can could would will should may might must do does did")


def _is_verb_place(said: SpokenText, index: int) -> bool:
    """Tell whether grammar wants a verb at `index`: after a subject, a modal, or a "to" that an object follows."""
    before = said.word(index - 1)
    if said.gap(index).strip():
        return False
    if before in _SUBJECTS or (
        before.endswith("n't") and before not in ("isn't", "aren't", "wasn't", "weren't", "haven't")
    ):
        return True
    following = said.word(index + 1)
    return before == "to" and (following in DETERMINERS or following in ("it", "them", "that", "this", "one"))


def lead(said: SpokenText, index: int) -> str:
    """Return the preposition or verb that leads to `index` over determiners, or ""."""
    place = index - 1
    while place >= 0 and said.word(place) in DETERMINERS:
        place -= 1
    word = said.word(place)
    return word if word in PREPOSITIONS or word in LIGHT_VERBS or word in AUXILIARIES or word not in PRONOUNS else ""
