"""Whether what was said so far sounds like all that somebody wanted to say. English; by rules, from the words alone.

It is not when it

- is empty: a sound, and no word;
- trails off: "um", a comma, an ellipsis, a dash;
- ends with a word after which something must come: "and", "the", "my", "to", "because", …
  (but "Yes, it is." is whole, and a question mark is believed);
- ends with a letter that begins an id: "the delivery of B", "order A B";
- ends with a number that is too short for what it is called: fewer than four digits of an order or an account, a
  telephone number of neither 7 nor 10 nor 11.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TRAILS_OFF = re.compile(r"(?:[,;:\u2026\u2013\u2014-]|\.\.\.)\s*$")
_AGREES = re.compile(r"(?:m+-?h?m+|uh-?huh)\W*", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z']+(?:-(?=[a-z])[a-z']+)*|\d")
_HESITATIONS = frozenset({"um", "uhm", "umm", "uh", "er", "erm", "hmm", "hm", "mm", "ah", "eh"})
_OPEN = _words(
    "a an the my your his her its our their this these some any every "
    "and or but so because since if unless until while whether although which who whose when where "
    "to of for with from at by about into than as between through without "
    "i'd i'm i'll i've it's there's "
    "like just also then maybe actually basically well "
    "i we they he she "
    "is are was were am be been has have had do does did can could will would should may might must "
    "want need wanted needs wants number called named"
)
_SUBJECTS = frozenset({"it", "that", "he", "she", "i", "we", "you", "they", "there", "this"})
_AUXILIARIES = _words("is are was were am has have had do does did can could will would should may might must")
_DIGITS = _words("zero oh one two three four five six seven eight nine double triple") | set("0123456789")
_PHONE = frozenset({"phone", "telephone", "mobile", "cell"})
_ID_WORDS = _PHONE | _words(
    "number order account code id pin ticket reference booking card policy confirmation tracking invoice customer "
    "member membership case reservation"
)
_BETWEEN = _words("is was it's its the my a that of no")
_MIN_ID_DIGITS = 4
_PHONE_DIGITS = frozenset({7, 10, 11})


def sounds_finished(text: str) -> bool:
    """Whether `text`, a transcript, sounds like a whole utterance."""
    words = _TOKEN.findall(text.lower())
    if not words:
        return False
    if _AGREES.fullmatch(text.strip()) or text.rstrip().endswith("?"):
        return True
    if _TRAILS_OFF.search(text) or words[-1] in _HESITATIONS:
        return False
    if _is_letter(words[-1]):
        return False
    if words[-1] in _OPEN:
        return len(words) > 1 and words[-1] in _AUXILIARIES and words[-2] in _SUBJECTS
    return _is_long_enough(words)


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isalpha() and word not in "ai"


def _is_long_enough(words: list[str]) -> bool:
    """Whether the number or id at the end, if there is one, can be all of it."""
    at = len(words)
    while at and (words[at - 1] in _DIGITS or _is_letter(words[at - 1])):
        at -= 1
    before = at
    while before and words[before - 1] in _BETWEEN:
        before -= 1
    if at == len(words) or not before or words[before - 1] not in _ID_WORDS:
        return True
    digits = sum(word in _DIGITS for word in words[at:])
    if _PHONE & set(words[max(before - 2, 0) : before]):
        return digits in _PHONE_DIGITS
    return digits >= _MIN_ID_DIGITS
