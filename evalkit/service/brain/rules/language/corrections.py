"""Where callers take something back: "no, I meant …", "sorry, make that …", "not Tuesday", "instead of Friday"."""

from __future__ import annotations

from evalkit.service.brain.rules.language.lexicon import DETERMINERS
from evalkit.service.brain.rules.language.words import SpokenText, word_set

_PHRASES = (
    "i meant|i mean|make that|make it|scratch that|strike that|my mistake|i misread|or rather|oh wait|but no|no wait"
    "|wait no|i misspoke|correction|that's wrong|it should be|should have been|let me correct|i got that wrong"
    "|change that to|wait|my bad|no weight|no sorry|sorry no"
)
_MARKERS = tuple(tuple(phrase.split()) for phrase in _PHRASES.split("|"))
_AFTER_NO = word_set("wait sorry i actually that's not it's make no the to my it scratch rather")
_NOT_SORRY = word_set("to for about but that if i'm")
_BEFORE_NEGATED = DETERMINERS | word_set("on to for at in by from it's is of")


def correction_points(said: SpokenText) -> list[int]:
    """Return the tokens at which `said` begins to correct itself; never the first one."""
    points: list[int] = []
    for index in range(1, len(said.tokens)):
        if _corrects(said, index) and (not points or index - points[-1] > 3):
            points.append(index)
    return points


def _corrects(said: SpokenText, index: int) -> bool:
    word, following = said.word(index), said.word(index + 1)
    pause = said.gap(index).strip() != ""
    if word == "sorry":
        return following not in _NOT_SORRY and said.word(index - 1) not in ("so", "say", "i'm", "very") and pause
    if word == "no" and pause:
        return following in _AFTER_NO or said.gap(index + 1).strip() != ""
    if word == "actually" and pause:
        return True
    if word == "rather":
        return said.word(index - 1) == "or"
    return any(tuple(said.words(index, index + len(marker))) == marker for marker in _MARKERS)


def is_negated(said: SpokenText, start: int) -> bool:
    """Tell whether what begins at token `start` is named only to be ruled out: "not the 14th", "instead of Friday"."""
    place = start - 1
    while place >= 0 and said.word(place) in _BEFORE_NEGATED and start - place < 4:
        if said.word(place) == "of" and said.word(place - 1) == "instead":
            return True
        place -= 1
    if said.word(place) in ("not", "except") and place >= 0:
        return True
    return said.words(place - 1, place + 1) == ["rather", "than"]
