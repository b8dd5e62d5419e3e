"""Two texts that say the same thing, brought to the same words.

What a model writes and what a recogniser hears differ in ways nobody can hear: ``Order #48213`` and
``order four eight two one three``, ``$20`` and ``twenty dollars``, ``I'll`` and ``I will``. :func:`spoken_words` maps
both to one list of words, in which every number is spelled digit by digit (leading zeros are kept, unlike in the usual
recognition normalisers) and every code of letters and digits character by character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_UNITS = {word: value for value, word in enumerate(_SMALL.split())}
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * value for value, word in enumerate(_ROUND.split(), start=2)}
_SCALES = {"thousand": 1_000, "million": 1_000_000}
_ORDINALS = {
    "first": "one", "second": "two", "third": "three", "fourth": "four", "fifth": "five", "sixth": "six",
    "seventh": "seven", "eighth": "eight", "ninth": "nine", "tenth": "ten", "eleventh": "eleven", "twelfth": "twelve",
    "thirteenth": "thirteen", "fourteenth": "fourteen", "fifteenth": "fifteen", "sixteenth": "sixteen",
    "seventeenth": "seventeen", "eighteenth": "eighteen", "nineteenth": "nineteen", "twentieth": "twenty",
    "thirtieth": "thirty",
}  # fmt: skip
ORDINAL_NUMBER = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")
"""``14th``; its first group is the number."""

_DIGIT_WORDS = tuple(_UNITS)[:10]

# Said one way, written another. Applied after punctuation is gone.
_SAID = {
    "st": ["street"], "ave": ["avenue"], "blvd": ["boulevard"], "rd": ["road"], "ln": ["lane"], "apt": ["apartment"],
    "ste": ["suite"], "mr": ["mister"], "mrs": ["missus"], "dr": ["doctor"], "ok": ["okay"], "vs": ["versus"],
    "etc": ["et", "cetera"], "kg": ["kilograms"], "km": ["kilometers"], "lbs": ["pounds"],
    "gonna": ["going", "to"], "wanna": ["want", "to"],
}  # fmt: skip
_FILLERS = frozenset({"um", "uh", "uhm", "hmm", "mm", "er", "erm", "ah"})

_CONTRACTIONS = (
    (re.compile(r"\bcan't\b"), "cannot"),
    (re.compile(r"\bcan not\b"), "cannot"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\blet's\b"), "let us"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"\b(it|that|what|there|here|he|she|who|where|how)'s\b"), r"\1 is"),
)
_SYMBOLS = (
    (re.compile(r"\$\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 dollars"),
    (re.compile(r"£\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 pounds"),
    (re.compile(r"€\s*(\d[\d,]*(?:\.\d+)?)"), r"\1 euros"),
    (re.compile(r"(\d)\.00 (dollars|pounds|euros)"), r"\1 \2"),
    (re.compile(r"(\d)\.(\d\d) (dollars|pounds|euros)"), r"\1 \3 and \2 cents"),
    (re.compile(r"\ba (?=(?:hundred|thousand|million)\b)"), "one "),
    (re.compile(r"%"), " percent "),
    (re.compile(r"&"), " and "),
    (re.compile(r"@"), " at "),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
    (re.compile(r"(?<=\d)\.(?=\d)"), " point "),
    (re.compile(r"(?<=\w)\.(?=[a-z]{2,}\b)"), " dot "),
    (ORDINAL_NUMBER, r"\1"),
    (re.compile(r"\b(?:([a-z])\.){2,}"), lambda match: match.group().replace(".", "")),
)


def plain_text(text: str) -> str:
    """Return `text` in lower case, in one Unicode form, without accents and with plain quotes."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'").replace("\u2018", "'"))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def spoken_words(text: str) -> list[str]:
    """Return the words a listener would write down for `text`, whichever way it was spelled."""
    plain = plain_text(text)
    for pattern, replacement in (*_CONTRACTIONS, *_SYMBOLS):
        plain = pattern.sub(replacement, plain)
    tokens = re.findall(r"[^\W\d_]+|\d+", plain.replace("'", ""))
    words: list[str] = []
    for token in number_words_to_digits(tokens):
        if token.isdecimal():
            words.extend(_DIGIT_WORDS[int(digit)] for digit in token)
        elif token not in _FILLERS:
            words.extend(_SAID.get(token, [token]))
    return words


def number_words_to_digits(tokens: Sequence[str]) -> list[str]:
    """Return `tokens` with each run of number words as digits: ``forty eight thousand two`` becomes ``48002``.

    Digits that are said one by one stay one token each, so that ``zero zero seven`` keeps its zeros.
    """
    result: list[str] = []
    position = 0
    while position < len(tokens):
        length, value = _read_number(tokens, position)
        result.append(str(value) if length else tokens[position])
        position += length or 1
    return result


def _read_number(tokens: Sequence[str], start: int) -> tuple[int, int]:
    """Return how many tokens from `start` on are one number, and its value; (0, 0) where none begins."""
    total = group = 0
    position, room = start, 1_000_000_000
    while position < len(tokens):
        word = _ORDINALS.get(tokens[position], tokens[position])
        if word == "and" and position > start and room in (100, 1_000) and _begins_number(tokens, position + 1):
            position += 1
            continue
        if word in _UNITS and _UNITS[word] < room and (_UNITS[word] or position == start):
            group, room = group + _UNITS[word], 1
        elif word in _TENS and _TENS[word] < room:
            group, room = group + _TENS[word], 10
        elif word == "hundred" and 0 < group < 100:
            group, room = group * 100, 100
        elif word in _SCALES and 0 < group < 1_000 and (total == 0 or _SCALES[word] < 1_000_000):
            total, group, room = total + group * _SCALES[word], 0, 1_000
        else:
            break
        position += 1
    return position - start, total + group


def _begins_number(tokens: Sequence[str], position: int) -> bool:
    return position < len(tokens) and _ORDINALS.get(tokens[position], tokens[position]) in {**_UNITS, **_TENS}


def edit_distance(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Return the fewest substitutions, insertions and deletions that turn `reference` into `heard` (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for count, wanted in enumerate(reference, start=1):
        diagonal, row[0] = row[0], count
        for column, found in enumerate(heard, start=1):
            best = min(row[column] + 1, row[column - 1] + 1, diagonal + (wanted != found))
            diagonal, row[column] = row[column], best
    return row[-1]


def word_error_rate(reference: str, heard: str) -> float | None:
    """Return word errors per reference word after :func:`spoken_words`; None where the reference has no word.

    May exceed 1 when more was heard than there was to hear.
    """
    wanted = spoken_words(reference)
    return edit_distance(wanted, spoken_words(heard)) / len(wanted) if wanted else None


def spoken_difference(reference: str, heard: str) -> float | None:
    """Return how far `heard` is from `reference`: the lower of word and letter error rate; None without a reference.

    Letters are compared without spaces, so that a short sentence does not fail for one word heard in two pieces
    (*one moment*, *won moment*). Different sentences are far apart either way.
    """
    wanted, found = spoken_words(reference), spoken_words(heard)
    if not wanted:
        return None
    letters = "".join(wanted)
    return min(edit_distance(wanted, found) / len(wanted), edit_distance(letters, "".join(found)) / len(letters))
