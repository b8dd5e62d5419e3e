"""Cuts what a model writes into sentences as it comes, so that the first is heard while the rest is written.

A sentence ends at ``.``, ``?`` or ``!`` that white space follows, and has at least :data:`MIN_CHARACTERS`: one word
alone is said badly, and a synthesis for each costs time. What only looks like an end is none: "Dr. Smith", "e.g. this",
"J. Doe", "1. the first". Behind a brace no sentence ends: whether that is JSON, which is not said, shows when all is
written.
"""

from __future__ import annotations

import re

MIN_CHARACTERS = 20
_END = re.compile(r"[.?!]+[\"'\u201d\u2019)\]*_]*\s")
_LAST_WORD = re.compile(r"[^\s(\"'\u201c\u2018]*\Z")
_ABBREVIATIONS = frozenset(
    {"approx", "apt", "dept", "dr", "e.g", "est", "etc", "ext", "i.e", "jr", "mr", "mrs", "ms", "no", "prof", "sr",
     "st", "vs"}
)  # fmt: skip


class SentenceCutter:
    """Takes pieces of text and gives sentences; put together these are the text, to the character."""

    def __init__(self) -> None:
        self._text = ""

    def take(self, piece: str) -> list[str]:
        """Take the next piece and return the sentences that are whole with it."""
        self._text += piece
        sentences = []
        while (end := _end_of_first(self._text)) is not None:
            sentences.append(self._text[:end])
            self._text = self._text[end:]
        return sentences

    def rest(self) -> str:
        """Return what is left when the text is over; empty where nothing is."""
        rest, self._text = self._text, ""
        return rest


def _end_of_first(text: str) -> int | None:
    brace = text.find("{")
    for found in _END.finditer(text, 0, len(text) if brace < 0 else brace):
        if len(text[: found.end()].strip()) >= MIN_CHARACTERS and not _goes_on(text, found):
            return found.end()
    return None


def _goes_on(text: str, found: re.Match[str]) -> bool:
    """Whether the full stop that was found belongs to a word, an initial or the number of a list."""
    if found[0].rstrip() != ".":
        return False
    last = _LAST_WORD.search(text[: found.start()])
    word = last[0].lower() if last else ""
    return word in _ABBREVIATIONS or len(word) == 1 or (word.isdigit() and len(word) <= 2)
