"""Ids as people spell them: ``four eight two``, ``double seven``, ``B as in boy``, ``A, B, dash, one two nine four``.

A run is a stretch of an utterance in which nothing but id elements, pauses and fillers stand. It keeps its elements,
so that a field with a known shape can take the part of it that fits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from evalkit.service.brain.rules.language.numbers import SCALES, TENS, UNITS, read_number
from evalkit.service.brain.rules.language.patterns import conform
from evalkit.service.brain.rules.language.words import SpokenText, word_set

_NATO = (
    "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor whiskey whisky xray yankee zulu"
)
NATO = {word: word[0].upper() for word in _NATO.split()}
_SOUNDS = (
    "bee-B see-C sea-C cee-C dee-D eff-F gee-G jay-J kay-K ell-L em-M pee-P tea-T tee-T vee-V ex-X zee-Z zed-Z cue-Q "
    "queue-Q ess-S why-Y you-U are-R be-B"
)
LETTER_NAMES = {sound: letter for sound, _, letter in (pair.partition("-") for pair in _SOUNDS.split())}
_BEFORE_ONE = word_set("the this that first second third last other old new another which wrong right next no")
_DIGIT_SOUNDS = {"to": "2", "too": "2", "for": "4", "won": "1", "ate": "8"}
REPEATS = {"double": 2, "triple": 3, "treble": 3}
_SEPARATORS = frozenset({"dash", "hyphen", "slash", "minus", "space"})
_PAUSES = word_set("um uh er erm hmm mm")
_PAUSE_PHRASES = (("hang", "on"), ("let", "me", "see"), ("wait", "a", "second"), ("one", "moment"))
_MIXED = re.compile(r"(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9]+")
_NO_ID = re.compile(r"\d+(?:st|nd|rd|th|am|pm|k|kg|km|gb|mb|min|minutes|h|s)", re.IGNORECASE)
_WORDS_IN_CAPITALS = word_set("I A OK TV US UK USA ID PIN PO AM PM GP ATM NYC LA DC RX ISBN VIN SIM PNR GPS SUV IT")


@dataclass(frozen=True)
class Element:
    """One spelled piece of an id: its characters, and whether a pause was heard before it."""

    text: str
    start: int
    end: int
    pause: bool


@dataclass(frozen=True)
class IdRun:
    """A stretch of spelled characters."""

    elements: tuple[Element, ...]

    @property
    def text(self) -> str:
        """All characters, in upper case."""
        return "".join(element.text for element in self.elements)

    @property
    def start(self) -> int:
        """First token."""
        return self.elements[0].start

    @property
    def end(self) -> int:
        """One past the last token."""
        return self.elements[-1].end


@dataclass(frozen=True)
class IdPart:
    """A value that a run, or a part of it, stands for."""

    value: str
    start: int
    end: int
    whole: bool


def read_ids(said: SpokenText) -> list[IdRun]:
    """Return the runs of spelled characters in `said`, in order; each holds a digit or at least two letters."""
    runs: list[IdRun] = []
    current: list[Element] = []
    index = 0
    while index < len(said.tokens):
        if current and _breaks(said, index, current[-1]):
            _close(runs, current, said)
        skipped = _skip(said, index) if current else index
        element = _element(said, skipped, inside=bool(current))
        if element is None:
            _close(runs, current, said)
            index += 1
            continue
        current.append(element)
        index = element.end
    _close(runs, current, said)
    return runs


def _breaks(said: SpokenText, index: int, last: Element) -> bool:
    gap = said.gap(index)
    if not re.search(r"[.?!]\s", gap):
        return False
    if "." in gap and last.text.isdigit() and _ends_in_digits(said, index):
        return False
    return not (len(last.text) == 1 and last.text.isalpha() and _element(said, index, inside=True) is not None)


def _ends_in_digits(said: SpokenText, index: int) -> bool:
    """Tell whether digits and nothing else follow up to a pause or the end: "482. One, three, please" is one id.

    A recogniser hears a long id as two sentences; "482. Two tickets" are two indeed.
    """
    place = index
    while (element := _element(said, place, inside=True)) is not None and element.text.isdigit():
        place = element.end
    ends = place >= len(said.tokens) or said.word(place) == "please" or bool(re.search(r"[.,?!]", said.gap(place)))
    return place > index and ends


def _close(runs: list[IdRun], current: list[Element], said: SpokenText) -> None:
    while current and current[-1].text in ("A", "I") and said.word(current[-1].start) in ("a", "i"):
        if said.tokens[current[-1].start].text == "A" and len(current) > 1:
            break
        current.pop()
    text = "".join(element.text for element in current)
    if any(char.isdigit() for char in text) or len(text) >= 3:
        runs.append(IdRun(tuple(current)))
    current.clear()


def _skip(said: SpokenText, index: int) -> int:
    """Return the index of the next token after pauses and spoken separators inside an id."""
    while True:
        if said.word(index) in _PAUSES or said.word(index) in _SEPARATORS:
            index += 1
            continue
        phrase = next((p for p in _PAUSE_PHRASES if tuple(said.words(index, index + len(p))) == p), None)
        if phrase is None:
            return index
        index += len(phrase)


def _element(said: SpokenText, index: int, *, inside: bool) -> Element | None:
    if index >= len(said.tokens):
        return None
    token = said.tokens[index]
    pause = bool(token.gap.strip(" -"))
    found = _repeat(said, index) or _letter(said, index, inside=inside) or _digits(said, index, inside=inside)
    return Element(found.text, index, found.end, pause) if found else None


@dataclass(frozen=True)
class _Spelled:
    text: str
    end: int


def _repeat(said: SpokenText, index: int) -> _Spelled | None:
    times = REPEATS.get(said.word(index))
    following = _element(said, index + 1, inside=True) if times else None
    if times and following and len(following.text) == 1:
        return _Spelled(following.text * times, following.end)
    return None


def _letter(said: SpokenText, index: int, *, inside: bool) -> _Spelled | None:
    token, word = said.tokens[index], said.word(index)
    spelled_next = _spelled_next(said, index + 1)
    if len(word) == 1 and word.isalpha():
        article = word in ("a", "i") and not spelled_next and (token.text.islower() or not inside)
        text = "0" if word == "o" and inside else word.upper()
        return None if article else _Spelled(text, index + 1 if text == "0" else _after_as_in(said, index))
    if word in NATO and (inside or spelled_next) and not token.text.isupper():
        return _Spelled(NATO[word], index + 1)
    if word in LETTER_NAMES and (said.word(index + 1) in ("as", "like") or _letter_sound(said, index, inside=inside)):
        return _Spelled(LETTER_NAMES[word], _after_as_in(said, index))
    return None


def _letter_sound(said: SpokenText, index: int, *, inside: bool) -> bool:
    """Tell whether a word that sounds like a letter ("see 2208") stands where only a letter makes sense."""
    following = said.word(index + 1)
    spelled = following.isdigit() or (len(following) == 1 and following not in ("a", "i"))
    return spelled and (
        inside or said.word(index) not in ("you", "are", "be", "why", "see") or said.word(index - 1) in _LABELS
    )


_LABELS = word_set("number order code reference is it's id card booking account ticket item policy member confirmation")


def _after_as_in(said: SpokenText, index: int) -> int:
    """Return where reading goes on after a letter: behind "as in boy" where that is said."""
    following = said.words(index + 1, index + 4)
    if following[:2] == ["as", "in"] and len(following) == 3:
        return index + 4
    return index + 1


def _spelled_next(said: SpokenText, index: int) -> bool:
    """Tell whether what begins at `index` is spelled too, so that a letter before it is no word."""
    word = said.word(index)
    if not word or ("." in said.gap(index) and " " in said.gap(index)):
        return False
    if word in NATO or word in _SEPARATORS or said.words(index, index + 2) == ["as", "in"]:
        return True
    if word.isdigit():
        capital = said.tokens[index - 1].text == "A"
        return capital or (len(word) == 1 and said.word(index + 1).isdigit() and len(said.word(index + 1)) == 1)
    letter = len(word) == 1 and said.tokens[index].text.isupper() and word not in ("a", "i")
    return letter or bool(_MIXED.fullmatch(word))


def _digits(said: SpokenText, index: int, *, inside: bool) -> _Spelled | None:
    word = said.word(index)
    if _is_written_id(said, index):
        return _Spelled(word.upper(), index + 1)
    if word == "nought" or (word in ("oh", "o") and (inside or said.word(index + 1) in UNITS)):
        return _Spelled("0", index + 1)
    if word in UNITS or word in TENS:
        return None if word == "one" and said.word(index - 1) in _BEFORE_ONE else _spoken(said, index)
    if word in _DIGIT_SOUNDS and inside and said.word(index + 1) in UNITS and said.word(index - 1) in UNITS:
        return _Spelled(_DIGIT_SOUNDS[word], index + 1)
    return None


def _is_written_id(said: SpokenText, index: int) -> bool:
    """Tell whether a token is digits, letters and digits, or letters that are no word."""
    token, word = said.tokens[index], said.word(index)
    if word.isdigit():
        return True
    if _MIXED.fullmatch(word):
        return not _NO_ID.fullmatch(word)
    if not (2 <= len(word) <= 4 and word.isalpha()):
        return False
    capitals = token.text.isupper() and token.text not in _WORDS_IN_CAPITALS
    return capitals or (not set(word) & set("aeiouy") and said.word(index + 1).isdigit())


def _spoken(said: SpokenText, index: int) -> _Spelled:
    number = read_number(said, index)
    if number and any(word in SCALES for word in said.words(index, number.end)):
        return _Spelled(str(int(number.value)), number.end)
    word = said.word(index)
    if word in TENS and 0 < UNITS.get(said.word(index + 1), 0) < 10 and said.gap(index + 1) in (" ", "-"):
        return _Spelled(str(TENS[word] + UNITS[said.word(index + 1)]), index + 2)
    return _Spelled(str(UNITS.get(word, TENS.get(word))), index + 1)


def id_parts(run: IdRun, shape: str) -> list[IdPart]:
    """Return what `run` can stand for under `shape` ("": anything), the longest part first.

    A prefix that `shape` fixes may go unsaid, but takes the place of no other: "B R 0 3 7 5" is no DK0375.
    """
    elements = run.elements
    if not shape:
        return [IdPart(run.text, run.start, run.end, whole=True)]
    parts = []
    for length in range(len(elements), 0, -1):
        for first in range(len(elements) - length + 1):
            part = elements[first : first + length]
            if len(elements) > length and not _at_pause(elements, first, first + length):
                continue
            other_prefix = first > 0 and elements[first - 1].text[-1].isalpha()
            value = conform("".join(element.text for element in part), shape, adds_prefix=not other_prefix)
            if value is not None:
                parts.append(IdPart(value, part[0].start, part[-1].end, whole=length == len(elements)))
        if parts:
            break
    return parts


def _at_pause(elements: Sequence[Element], first: int, end: int) -> bool:
    """Tell whether a part begins and ends where a pause or a change of kind allows it."""
    starts = first == 0 or elements[first].pause or elements[first - 1].text.isalpha()
    ends = end == len(elements) or elements[end].pause
    return starts and ends
