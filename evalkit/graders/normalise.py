"""Two texts that say the same thing, brought to the same words.

What a model writes and what a recogniser hears differ in ways that cannot be heard: ``Order #48213`` and
``order four eight two one three``, ``$20`` and ``twenty dollars``, ``I'll`` and ``I will``. :func:`spoken_words` maps
both to one list of words, in which every number is spelled digit by digit and every code of letters and digits
character by character.

Number words and edit distances are read by libraries. The rest is ours, because the normaliser that recognition
benchmarks use (Whisper's) takes 0071552 for 71552 and tells 482 13 from 48213 and Ave from Avenue: of the sixteen pairs
that sound the same and that this module was first tested with, it finds nine the same.
"""

from __future__ import annotations

import re
import unicodedata

ORDINAL_NUMBER = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b")
"""``14th``; its first group is the number."""

_DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")
_ONE_HUNDRED = re.compile(r"\ba (?=(?:hundred|thousand|million)\b)")

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
    (re.compile(r"%"), " percent "),
    (re.compile(r"&"), " and "),
    (re.compile(r"@"), " at "),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
    (re.compile(r"(?<=\d)\.(?=\d)"), " point "),
    (re.compile(r"(?<=\w)\.(?=[a-z]{2,}\b)"), " dot "),
    (re.compile(r"\b(?:([a-z])\.){2,}"), lambda match: match.group().replace(".", "")),
)


def plain_text(text: str) -> str:
    """Return `text` in lower case, in one Unicode form, without accents and with plain quotes."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'").replace("\u2018", "'"))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def spoken_words(text: str) -> list[str]:
    """Return the words a listener would write down for `text`, whichever way it was spelled."""
    plain = plain_text(text)
    for pattern, replacement in _CONTRACTIONS:
        plain = pattern.sub(replacement, plain)
    plain = number_words_to_digits(plain)
    for symbol, said in _SYMBOLS:
        plain = symbol.sub(said, plain)
    words: list[str] = []
    for token in re.findall(r"[^\W\d_]+|\d+", plain.replace("'", "")):
        if token.isdecimal():
            words.extend(_DIGIT_WORDS[int(digit)] for digit in token)
        elif token not in _FILLERS:
            words.extend(_SAID.get(token, [token]))
    return words


def number_words_to_digits(text: str) -> str:
    """Return `text`, in lower case, with its numbers as digits: ``forty eight thousand two`` becomes ``48002``.

    Ordinal numbers lose their ending. Digits that are said one by one keep their zeros (``zero zero seven``: ``007``).
    """
    from text_to_num import alpha2digit

    words = _ONE_HUNDRED.sub("one ", _HYPHEN.sub(" ", text))  # alpha2digit leaves thirty-day and a hundred as they are
    return ORDINAL_NUMBER.sub(r"\1", alpha2digit(words, "en", threshold=0))


def word_error_rate(reference: str, heard: str) -> float | None:
    """Return word errors per reference word after :func:`spoken_words`; None where the reference has no word.

    May exceed 1 when more was heard than there was to hear.
    """
    from rapidfuzz.distance import Levenshtein

    wanted = spoken_words(reference)
    return Levenshtein.distance(wanted, spoken_words(heard)) / len(wanted) if wanted else None


def spoken_difference(reference: str, heard: str) -> float | None:
    """Return how far `heard` is from `reference`: the lower of word and letter error rate; None without a reference.

    Letters are compared without spaces, so that a short sentence does not fail for one word heard in two pieces
    (*one moment*, *won moment*). Different sentences are far apart either way.
    """
    from rapidfuzz.distance import Levenshtein

    wanted, found = spoken_words(reference), spoken_words(heard)
    if not wanted:
        return None
    letters = "".join(wanted)
    words_wrong, letters_wrong = Levenshtein.distance(wanted, found), Levenshtein.distance(letters, "".join(found))
    return min(words_wrong / len(wanted), letters_wrong / len(letters))
