"""How words sound, and which of them a recogniser takes for each other.

Pronunciations are those of the CMU dictionary, as PocketSphinx's wheel has it. A *sound* is a pronunciation in which
what is easily misheard is one and the same: all vowels, and the consonants of a place ("receipt" and "recede"). A word
that the dictionary lacks has no sound, and is taken for no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain, groupby, product
from pathlib import Path

from rapidfuzz.distance import Levenshtein

_ALIKE = (
    "p: P B|t: T D|k: K G|f: F V TH DH|s: S Z|sh: SH ZH CH JH|n: M N NG|a: AA AE AH AO AW AY EH EY IH IY OW OY UH UW"
)
_CLASS_OF = {
    phoneme: (name,)
    for name, _, members in (group.partition(": ") for group in _ALIKE.split("|"))
    for phoneme in members.split()
} | {"ER": ("a", "r")}
Sound = tuple[str, ...]


@cache
def _dictionary() -> Mapping[str, str]:
    """Return the phonemes of each word: ``HH AY ER`` for ``hire``, and ``HH AY R`` for ``hire(2)``, another way."""
    from pocketsphinx import get_model_path

    lines = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text(encoding="utf-8").splitlines()
    return {word: phonemes for word, _, phonemes in (line.partition(" ") for line in lines)}


@lru_cache(maxsize=20_000)
def pronunciations(word: str) -> tuple[tuple[str, ...], ...]:
    """Return the ways to pronounce a lower-case word, each as its phonemes; none where nobody knows."""
    ways = (_dictionary().get(one, "") for one in (word, f"{word}(2)"))
    return tuple(tuple(way.split()) for way in ways if way)


@lru_cache(maxsize=20_000)
def sounds(words: tuple[str, ...]) -> frozenset[Sound]:
    """Return the sounds of lower-case words said one after the other; none where one is in no dictionary."""
    return frozenset(_sound(chain.from_iterable(ways)) for ways in product(*map(pronunciations, words)))


def _sound(phonemes: Iterable[str]) -> Sound:
    classes = (name for phoneme in phonemes for name in _CLASS_OF.get(phoneme, (phoneme.lower(),)))
    return tuple(name for name, _ in groupby(classes))


def sound_alike(word: str, other: str) -> bool:
    """Tell whether two words are pronounced alike in one way at least: "hire" and "higher"."""
    return bool(set(pronunciations(word)) & set(pronunciations(other)))


def nearly_alike(word: str, other: str) -> bool:
    """Tell whether two words have the same sound, and pronunciations that differ in one phoneme at most."""
    pairs = product(pronunciations(word), pronunciations(other))
    return bool(sounds((word,)) & sounds((other,))) and any(Levenshtein.distance(*pair) <= 1 for pair in pairs)


def distance(some: Sequence[str], others: Sequence[str]) -> int:
    """Return how many sounds have to be put in, left out or exchanged to make `others` of `some`, at least.

    Args:
        some: Lower-case words.
        others: Lower-case words.

    Returns:
        The number; 99 where one of the words is in no dictionary.

    """
    pairs = product(sounds(tuple(some)), sounds(tuple(others)))
    return min((Levenshtein.distance(one, other) for one, other in pairs), default=99)
