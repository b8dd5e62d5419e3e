"""What a caller meant by words which a recogniser took for others: the words of the session's own tools, by sound.

A recogniser knows no tools, so it writes "the higher code" for the hire code, and "a pass check" for a pest check. Who
serves the call knows both. What was heard is taken for a word of the tools only where it sounds like that one and like
no other, where it is no word of the tools itself, and never where it is a name or a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from evalkit.service.brain.rules.agent.fields import Field, Kind, Tool
from evalkit.service.brain.rules.language.lexicon import FUNCTION_WORDS, LIGHT_VERBS
from evalkit.service.brain.rules.language.numbers import ORDINALS, SCALES, TENS, UNITS
from evalkit.service.brain.rules.language.sounds import (
    distance,
    nearly_alike,
    pronunciations,
    sound_alike,
    sounds,
)
from evalkit.service.brain.rules.language.words import SpokenText, read_words, split_name, stem

_NEVER_MISHEARD = FUNCTION_WORDS | LIGHT_VERBS | UNITS.keys() | TENS.keys() | SCALES.keys() | ORDINALS.keys()
_FEWEST_PHONEMES = 3
_ONE_SLIP, _TWO_SLIPS = 6, 11
"""How many sounds a phrase must have, that one or two of them may be others."""

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class _Vocabulary:
    """The words of a session's tools.

    Attributes:
        words: Words of names and values, for any of which one that is pronounced alike may have been written.
        phrases: Names and values of several words, and values of one.
        stems: The stems of all words, those of descriptions too: who says one of them has said it.

    """

    words: tuple[str, ...]
    phrases: tuple[Phrase, ...]
    stems: frozenset[str]


@dataclass(frozen=True)
class _Slip:
    start: int
    end: int
    meant: Phrase
    distance: int


def as_meant(text: str, tools: Sequence[Tool]) -> str:
    """Return what was heard, with the words of `tools` for those that only sound like them."""
    fields = [field for tool in tools for field in _all_fields(tool.fields)]
    values = [split_name(str(value)) for field in fields for value in field.schema.get("enum") or ()]
    told = " ".join((*(tool.description for tool in tools), *(field.description for field in fields)))
    known = _vocabulary(tuple(values), tuple(field.words for field in fields), tuple(one.name for one in tools), told)
    return _meant(text, known)


@lru_cache(maxsize=1_000)
def _meant(text: str, known: _Vocabulary) -> str:
    said = read_words(text)
    slips = _undisputed([*_words(said, known), *_phrases(said, known)])
    parts, place = [], 0
    for slip in slips:
        parts += [said.text[place : said.tokens[slip.start].start], " ".join(slip.meant)]
        place = said.tokens[slip.end - 1].end
    return "".join((*parts, said.text[place:])) if slips else text


@lru_cache(maxsize=100)
def _vocabulary(
    values: tuple[Phrase, ...], names: tuple[Phrase, ...], tool_names: tuple[str, ...], told: str
) -> _Vocabulary:
    words = {word for phrase in (*values, *names, *map(split_name, tool_names)) for word in phrase}
    return _Vocabulary(
        tuple(sorted(word for word in words - _NEVER_MISHEARD if _is_telling(word))),
        tuple(dict.fromkeys((*values, *(name for name in names if len(name) > 1)))),
        frozenset(map(stem, words)) | {token.stem for token in read_words(told).tokens},
    )


def _all_fields(fields: Sequence[Field]) -> Iterator[Field]:
    for field in fields:
        yield field
        if field.kind in (Kind.GROUP, Kind.LIST):
            yield from _all_fields(field.parts)


def _is_telling(word: str) -> bool:
    return all(len(way) >= _FEWEST_PHONEMES for way in pronunciations(word))


def _may_be_misheard(said: SpokenText, index: int, known: _Vocabulary) -> bool:
    """Tell whether the word at `index` may be another: none of the tools, no name, no number, no word of any talk."""
    token = said.tokens[index]
    starts = index == 0 or said.tokens[index - 1].sentence != token.sentence
    return (
        (token.text.islower() or (starts and token.text.istitle()))
        and token.word.isalpha()
        and token.stem not in known.stems
        and token.word not in _NEVER_MISHEARD
    )


def _words(said: SpokenText, known: _Vocabulary) -> Iterator[_Slip]:
    """Find single words that are pronounced like one word of the tools."""
    for index, token in enumerate(said.tokens):
        if _may_be_misheard(said, index, known):
            for word in known.words:
                if sound_alike(token.word, word):
                    yield _Slip(index, index + 1, (word,), 0)


def _phrases(said: SpokenText, known: _Vocabulary) -> Iterator[_Slip]:
    """Find stretches of words that sound nearly like a name or a value of the tools."""
    for phrase in known.phrases:
        if _is_said(phrase, said):
            continue
        sizes = range(max(len(phrase) - 1, 1), len(phrase) + 2) if len(phrase) > 1 else (1,)
        for size in sizes:
            for start in range(len(said.tokens) - size + 1):
                slip = _slip(phrase, said, start, start + size, known)
                if slip is not None:
                    yield slip


def _is_said(phrase: Phrase, said: SpokenText) -> bool:
    heard = {token.stem for token in said.tokens}
    return all(stem(word) in heard for word in phrase)


def _slip(phrase: Phrase, said: SpokenText, start: int, end: int, known: _Vocabulary) -> _Slip | None:
    """Return the words ``start:end`` as a slip for `phrase`; None where they are too far from it."""
    if any(said.gap(place) not in (" ", "-") for place in range(start + 1, end)):
        return None
    own = {stem(word) for word in phrase}
    strange = [place for place in range(start, end) if said.tokens[place].stem not in own]
    if not strange or not all(_may_be_misheard(said, place, known) for place in strange):
        return None
    if len(phrase) == 1:
        telling = _is_telling(phrase[0]) and nearly_alike(said.word(start), phrase[0])
        return _Slip(start, end, phrase, 0) if telling else None
    slips = distance(said.words(start, end), phrase)
    length = min(map(len, sounds(phrase)), default=0)
    keeps_a_word = len(strange) < end - start
    allowed = (length >= _ONE_SLIP) + (length >= _TWO_SLIPS) if keeps_a_word else 0
    return _Slip(start, end, phrase, slips) if slips <= allowed else None


def _undisputed(slips: Sequence[_Slip]) -> list[_Slip]:
    """Return the slips in order, without those that stand where as good a one means something else."""
    kept: list[_Slip] = []
    for slip in slips:
        rivals = [one for one in slips if one.start < slip.end and slip.start < one.end and one != slip]
        best = all(slip.distance < one.distance or _says_more(slip, one) for one in rivals)
        if best and slip not in kept:
            kept.append(slip)
    return sorted(kept, key=lambda slip: slip.start)


def _says_more(slip: _Slip, other: _Slip) -> bool:
    """Tell whether a slip holds all that another one means: "hire code" says more than "hire"."""
    holds = slip.start <= other.start and other.end <= slip.end and set(other.meant) <= set(slip.meant)
    return holds and len(slip.meant) > len(other.meant)
