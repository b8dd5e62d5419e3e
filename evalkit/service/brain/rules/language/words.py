"""An utterance as tokens: what every reader of dates, ids, names and intents works on.

A recogniser writes ``"It's order AB-1294, for $49.99."``; here it becomes the tokens ``It's order AB 1294 for 49 99``,
where each token knows the punctuation that stood before it (its `gap`), so that ``AB-1294``, ``10:30`` and ``1,200``
can be read as what they are, and an id that was said with pauses can be told from the end of a sentence.

A token also knows its sentence and its clause. A clause is what stands between commas and the conjunctions that start
a new thought; it decides what a "not" or an "already" belongs to.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import snowballstemmer

_OF_THREAD = threading.local()
_TOKEN = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[^\W_]+(?:'[^\W_]+)*")
_TIDY = (
    (re.compile(r"[\u2019\u2018`]"), "'"),
    (re.compile(r"[\[(][A-Z_ ]+[\])]"), " "),
    (re.compile(r"\b([APap])\s?\.\s?[Mm]\b\.?(?=\s+[A-Z])"), r"\1m."),
    (re.compile(r"\b([ap])\s?\.\s?m\b\.?", re.IGNORECASE), r"\1m"),
    (re.compile(r"\b(\d{1,2}) ?([ap]m)\b", re.IGNORECASE), r"\1 \2"),
    (re.compile(r"\be-mail", re.IGNORECASE), "email"),
    (re.compile(r"\bcheck-up", re.IGNORECASE), "checkup"),
    (re.compile(r"\b(Dr|Mr|Mrs|Ms|St|Ave|Rd|Apt|Blvd|No)\.(?=\s)"), r"\1"),
)
_SENTENCE_END = re.compile(r"[.?!]+[\s\"']|[?!]|\n")
_CLAUSE_WORDS = frozenset({"but", "because", "so", "then", "although", "while", "since", "which", "unless", "or"})
# What snowball leaves on: "train" and "trainer", "pay" and "payment", "deliver" and "delivery" are one here.
_ENDING = re.compile(r"(?<=\w{4})(?:er|eri|ri|or|ist|e|i)$|(?<=\w{3})ment$")
_SUBJECTS = frozenset(
    {"i", "i'd", "i'm", "i've", "i'll", "we", "we'd", "we're", "we've", "it", "it's", "can", "could", "please", "you"}
    | {"would", "my", "there", "there's", "that", "that's", "he", "she", "they", "just", "tell", "then", "also", "want"}
)


def word_set(text: str) -> frozenset[str]:
    """Return the words of `text`, which stand between spaces."""
    return frozenset(text.split())


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Return the English stem of `word` (case and a final ``'s`` don't matter)."""
    word = word.lower()
    word = word.removesuffix("'s")
    return _ENDING.sub("", snowball(word))


def snowball(word: str) -> str:
    """Return the Snowball stem of a lower-case English word. Models think in threads, and a stemmer serves one only."""
    stemmer = getattr(_OF_THREAD, "stemmer", None)
    if stemmer is None:
        stemmer = _OF_THREAD.stemmer = snowballstemmer.stemmer("english")
    return str(stemmer.stemWord(word))


@lru_cache(maxsize=4_000)
def split_name(name: str) -> tuple[str, ...]:
    """Return the lower-case words of an identifier: ``checkIn``, ``check_in`` and ``Check-In`` are alike."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return tuple(part.lower() for part in re.split(r"[^A-Za-z0-9]+", spaced) if part)


@dataclass(frozen=True)
class Token:
    """A word or a number as heard.

    Attributes:
        text: As heard.
        word: In lower case.
        stem: Its English stem.
        gap: What stood between the token before and this one.
        start: Where it begins in the utterance's text.
        end: Where it ends there.
        sentence: Number of its sentence, from 0.
        clause: Number of its clause, from 0, over the whole utterance.

    """

    text: str
    word: str
    stem: str
    gap: str
    start: int
    end: int
    sentence: int
    clause: int


@dataclass(frozen=True)
class Span:
    """A reading of the tokens ``start:end`` as `value`."""

    start: int
    end: int
    value: Any

    def overlaps(self, other: Span) -> bool:
        """Tell whether both cover a token."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True)
class SpokenText:
    """A tidied text and its tokens."""

    text: str
    tokens: tuple[Token, ...]

    def words(self, start: int = 0, end: int | None = None) -> list[str]:
        """Return the lower-case words of the tokens ``start:end``."""
        return [token.word for token in self.tokens[max(start, 0) : end]]

    def word(self, index: int) -> str:
        """Return the lower-case word at `index`, or "" outside the utterance."""
        return self.tokens[index].word if 0 <= index < len(self.tokens) else ""

    def gap(self, index: int) -> str:
        """Return the punctuation before the token at `index`; a full stop outside the utterance."""
        return self.tokens[index].gap if 0 <= index < len(self.tokens) else ". "

    def said(self, start: int, end: int) -> str:
        """Return the text from token `start` up to token `end`, as heard."""
        if start >= end:
            return ""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end]


def _starts_clause(word: str, following: str, gap: str) -> bool:
    if "," in gap or ";" in gap or " - " in gap or "\u2014" in gap:
        return True
    return word in _CLAUSE_WORDS or (word == "and" and following in _SUBJECTS)


@lru_cache(maxsize=2_000)
def read_words(text: str) -> SpokenText:
    """Return `text` tidied and cut into tokens."""
    for pattern, replacement in _TIDY:
        text = pattern.sub(replacement, text)
    text = " ".join(text.split())
    matches = list(_TOKEN.finditer(text))
    tokens: list[Token] = []
    sentence = clause = 0
    for index, match in enumerate(matches):
        gap = text[matches[index - 1].end() if index else 0 : match.start()]
        word = match.group().lower()
        following = matches[index + 1].group().lower() if index + 1 < len(matches) else ""
        if tokens and _SENTENCE_END.search(gap):
            sentence, clause = sentence + 1, clause + 1
        elif tokens and _starts_clause(word, following, gap):
            clause += 1
        tokens.append(Token(match.group(), word, stem(word), gap, match.start(), match.end(), sentence, clause))
    return SpokenText(text, tuple(tokens))
