"""Which value of an enumeration, and whether a yes-or-no field, was said.

A value is taken where its words were said, words that the schema explains it by, or a word of the very idea that it
names: a jeep is an SUV. A word for something wider is no value: who has teeth pulled did not ask for a filling. Where
two values suit alike, neither was said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from evalkit.service.brain.rules.agent.fields import Field
from evalkit.service.brain.rules.language.lexicon import (
    EMPTY_NOUNS,
    FUNCTION_WORDS,
    LIGHT_VERBS,
    NEGATIONS,
    SCHEMA_WORDS,
    ideas_of,
)
from evalkit.service.brain.rules.language.numbers import TENS, UNITS
from evalkit.service.brain.rules.language.words import SpokenText, read_words, split_name, stem, word_set

_FLAG_WORDS = word_set(
    "is has have include included includes with want wants need needs require requires required add should opt in use "
    "whether true false allow allowed enable enabled if"
)


@dataclass(frozen=True)
class Choice:
    """A value found at the tokens ``start:end``, and how sure that is (3: its own words were said)."""

    value: object
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class _Value:
    value: object
    stems: tuple[str, ...]
    ideas: frozenset[str]
    gloss: Mapping[str, float]
    gloss_ideas: frozenset[str]


def _content(text: str) -> tuple[str, ...]:
    words = (token.word for token in read_words(text).tokens)
    return tuple(stem(word) for word in words if word not in FUNCTION_WORDS and word not in SCHEMA_WORDS)


def _all_ideas(stems: Sequence[str]) -> frozenset[str]:
    return frozenset(idea for ideas in ideas_of(tuple(stems)) for idea in ideas)


_VAGUE = word_set(
    "do:lookup do:search do:status do:stock do:change do:order do:add do:open do:balance do:submit on:parcel"
)


def _own_ideas(stems: tuple[str, ...]) -> frozenset[str]:
    """Return the ideas that a value names, as a whole: dentistry is what `on:dentist` is about, a filling is not."""
    found = ideas_of(stems)
    shared = (frozenset.intersection(*found) if found else frozenset()) - _VAGUE
    return frozenset(idea for idea in shared if _names(stems, idea))


def _names(stems: tuple[str, ...], idea: str) -> bool:
    """Tell whether words name an idea: what is done is named by every way to say it, a thing by its own name."""
    kind, _, name = idea.partition(":")
    named = {stem(word) for word in name.split("_")}
    return kind == "do" or any(one.startswith(other) or other.startswith(one) for one in stems for other in named)


@lru_cache(maxsize=2_000)
def _values(texts: tuple[str, ...], description: str) -> tuple[_Value, ...]:
    values = []
    glosses = {text: _gloss(text, texts, description) for text in texts}
    for text in texts:
        stems = tuple(stem(word) for word in split_name(text))
        others = {word for other in texts if other != text for word in _content(glosses[other])}
        items = [_content(item) for item in re.split(r",|\bor\b|;", glosses[text])]
        gloss: dict[str, float] = {}
        for item in items:
            for word in item:
                if word not in stems:
                    worth = 1.5 if word not in others or len(item) == 1 else 0.4
                    gloss[word] = max(worth, gloss.get(word, 0.0))
        own = tuple(sorted(word for word in gloss if word not in others))
        values.append(_Value(text, stems, _own_ideas(stems), gloss, _all_ideas(own)))
    return tuple(values)


def _gloss(text: str, texts: tuple[str, ...], description: str) -> str:
    """Return what a description says a value stands for: ``"small: fits two. large: fits five."``."""
    match = re.search(
        rf"\b{re.escape(text)}['\"`]?\s*(?::|=|\(|\u2013|\u2014|\bmeans\b|\bif\b|\bfor\b|\bwhen\b)",
        description,
        re.IGNORECASE,
    )
    if match is None:
        return ""
    rest = description[match.end() :]
    ends = [
        found.start() for other in texts if (found := re.search(rf"\b{re.escape(other)}\b\W*[:=(\u2013\u2014]", rest))
    ]
    rest = rest[: min(ends)] if ends else rest
    return re.split(r"[.;)]", rest)[0]


_OWN_WORDS = 2.5
_ALIKE = 0.15


def choices(field: Field, said: SpokenText, topic: frozenset[str] = frozenset()) -> list[Choice]:
    """Return the values of an enumeration that were said, best first.

    Args:
        field: The field.
        said: What was said.
        topic: Stems that tell no value, because everything here is about them.

    """
    options = [option for option in field.schema.get("enum", ()) if option is not None]
    values = _values(tuple(str(option) for option in options), field.description)
    originals = {str(option): option for option in options}
    stems = tuple(token.stem for token in said.tokens)
    ideas = ideas_of(stems)
    counts = Counter(idea for value in values for idea in value.ideas)
    shared = frozenset(idea for idea, count in counts.items() if count > 1)
    common = {word for word in {s for v in values for s in v.stems} if sum(word in v.stems for v in values) > 1}
    found: list[Choice] = []
    for value in values:
        found += [
            Choice(originals[str(value.value)], *span)
            for span in (
                _direct(value, stems)
                or _scattered(value, said)
                or _partly(value, said, common | topic)
                or _related(value, stems, ideas, shared)
            )
        ]
    return _decided(sorted(found, key=lambda choice: (-choice.score, choice.start)))


def _decided(found: list[Choice]) -> list[Choice]:
    """Return the choices, best first; none where two values suit alike and neither was said in its own words."""
    rivals = [one for one in found[1:] if one.value != found[0].value and found[0].score - one.score < _ALIKE]
    return [] if rivals and found[0].score < _OWN_WORDS else found


def _direct(value: _Value, stems: tuple[str, ...]) -> list[tuple[int, int, float]]:
    """Find all words of a value, in order, with at most one word between them."""
    size = len(value.stems)
    found = []
    for index in range(len(stems)):
        if size and stems[index : index + size] == value.stems:
            found.append((index, index + size, 3 + 0.4 * (size - 1)))
        elif (
            size == 2
            and stems[index : index + 1] == value.stems[:1]
            and stems[index + 2 : index + 3] == value.stems[1:]
        ):
            found.append((index, index + 3, 3.0))
        elif size > 1 and stems[index] == "".join(value.stems):
            found.append((index, index + 1, 3.0))
    return found


_TELLS_NOTHING = frozenset(stem(word) for word in FUNCTION_WORDS | LIGHT_VERBS | EMPTY_NOUNS)


def _partly(value: _Value, said: SpokenText, common: set[str]) -> list[tuple[int, int, float]]:
    """Find the telling words of a value, or words that a recogniser may have made of them."""
    found = []
    for index, token in enumerate(said.tokens):
        for word in value.stems:
            if word in common or (len(value.stems) > 1 and word in _TELLS_NOTHING):
                continue
            if token.stem == word and not _says_otherwise(value, said, index, common):
                found.append((index, index + 1, 1.2 + 1.3 / len(value.stems)))
            elif len(word) >= 5 and len(token.stem) >= 4 and fuzz.ratio(token.stem, word) >= 84:
                found.append((index, index + 1, 2.2 / len(value.stems)))
    return found


def _says_otherwise(value: _Value, said: SpokenText, place: int, common: set[str]) -> bool:
    """Tell whether the word beside one of several of a value is another: a screen that is cracked is not a dark one."""
    if len(value.stems) == 1:
        return False
    known = {*value.stems, *value.gloss, *common, *_TELLS_NOTHING}
    clause = said.tokens[place].clause
    beside = [token for token in said.tokens if token.clause == clause and token.text.islower()]
    return any(token.stem not in known and token.word not in UNITS and token.word not in TENS for token in beside)


def _scattered(value: _Value, said: SpokenText) -> list[tuple[int, int, float]]:
    """Find all words of a value in one clause, in any order: "the stem is broken" for a broken stem."""
    for clause in sorted({token.clause for token in said.tokens}):
        places = {token.stem: index for index, token in enumerate(said.tokens) if token.clause == clause}
        found = [places[word] for word in value.stems if word in places]
        if len(value.stems) > 1 and len(found) == len(value.stems):
            return [(min(found), max(found) + 1, 2.9)]
    return []


def _related(
    value: _Value, stems: tuple[str, ...], ideas: tuple[frozenset[str], ...], shared: frozenset[str]
) -> list[tuple[int, int, float]]:
    """Find words of the value's gloss and words of the same idea; several of them add up."""
    score = 0.0
    places: list[int] = []
    for index, word in enumerate(stems):
        if word in value.gloss:
            points = value.gloss[word] + 0.6 * bool(ideas[index] & value.ideas)
        elif ideas[index] & (value.ideas - shared):
            points = 1.3
        elif ideas[index] & (value.gloss_ideas - _VAGUE):
            points = 0.7
        else:
            continue
        score += points if not places else points / 2
        places.append(index)
    return [(places[0], places[-1] + 1, min(score, 2.4))] if places else []


def flag(field: Field, said: SpokenText) -> Choice | None:
    """Return True or False where the thing that a yes-or-no field is about was said, with or without a "no"."""
    words = tuple(word for word in field.words if word not in _FLAG_WORDS)
    wanted = {stem(word) for word in words} or set(_content(field.description))
    about = frozenset(idea for idea in _all_ideas(tuple(wanted)) if idea.startswith("on:"))
    stems = tuple(token.stem for token in said.tokens)
    ideas = ideas_of(stems)
    hits = [index for index, word in enumerate(stems) if word in wanted]
    weak = [index for index in range(len(stems)) if ideas[index] & about]
    needed = max(1, (len(wanted) + 1) // 2)
    if len({stems[index] for index in hits}) < needed:
        hits = weak if len(wanted) == 1 else []
    if not hits:
        return None
    first, end = hits[0], hits[-1] + 1
    clause = said.tokens[first].clause
    before = [token.word for token in said.tokens[max(0, first - 5) : first] if token.clause == clause]
    after = [token.word for token in said.tokens[end : end + 2] if token.clause == clause]
    if _is_only_asked(said, first) or _LEFT_OPEN.search(" ".join(before)):
        return None
    refused = "?" in said.gap(end) and _is_no(said.word(end))
    return Choice(not (refused or any(map(_is_no, before)) or any(map(_is_no, after))), first, end, 2.0)


_LEFT_OPEN = re.compile(r"\b(?:not (?:so |quite |really )?sure|(?:don't|do not) (?:know|mind|care))\b")
_ASKED = re.compile(
    r"^(?:(?:and|so|but|hi|hello|okay|um|uh) )*"
    r"(?:is|are|does|how much(?: is| are)?|what does|what is|what's) (?:the |a |an )?$"
)


def _is_no(word: str) -> bool:
    return word in NEGATIONS or word == "nope" or word.endswith("n't")


def _is_only_asked(said: SpokenText, place: int) -> bool:
    """Tell whether a sentence asks about the thing at `place` and wants nothing: "Is breakfast included?"."""
    sentence = said.tokens[place].sentence
    before = " ".join(token.word for token in said.tokens[:place] if token.sentence == sentence)
    return bool(_ASKED.match(f"{before} "))
