"""How written text is said: ids are spelled in small groups, everything else is left to the voice.

A voice reads "AB-1294" as "ab twelve ninety-four" and "48213" as a quantity; nobody on the phone does. So ids, and
only ids, are rewritten before synthesis:

===================== ==============================================
written               said
===================== ==============================================
AB-1294               A, B, one two nine four
#48213                number, four eight two, one three
order 0071            order, zero zero seven one
555-123-4567          five five five, one two three, four five six seven
number 558 204        number, five five eight, two zero four
X7K9Q2                X, seven, K, nine, Q, two
ORDER-48213           ORDER, four eight two, one three
===================== ==============================================

Digits go in groups of three (the last group may have four), which is what recognisers and people get right most often.
Left alone are amounts with a currency, a percent sign, a decimal point or thousands separators, dates, times,
ordinals, years, round thousands and other plain numbers of up to four digits; after a word such as "order" or "code"
those are ids too.
"""

from __future__ import annotations

import re
import unicodedata

_DIGITS = dict(
    zip("0123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
)
_ID_WORDS = (
    "account|booking|badge|card|case|code|confirmation|customer|ending in|extension|id|invoice|item|member|membership|"
    "number|order|parcel|patient|pin|policy|postcode|prescription|receipt|record|ref|reference|reservation|serial|"
    "shipment|ticket|tracking|voucher|zip"
)
_ID_CONTEXT = re.compile(rf"\b(?:{_ID_WORDS})s?(?:\s+(?:number|code|id|is|was|no\.?))*[\s:,]*$", re.IGNORECASE)
_AMOUNT_UNITS = re.compile(
    r"\s*(?:%|percent\b|dollars?\b|euros?\b|pounds?\b|cents?\b|bucks\b|usd\b|eur\b|gbp\b|people\b|times\b|years?\b|"
    r"miles?\b|kilomet(?:er|re)s?\b|days?\b|hours?\b|minutes?\b)",
    re.IGNORECASE,
)
_URL_OR_EMAIL = r"\S+@\S+|https?://\S+|www\.\S+"
_DATE = r"\d{4}-\d{1,2}-\d{1,2}(?:T[\d:.]+Z?)?|\d{1,2}/\d{1,2}(?:/\d{2,4})?|\d{1,2}\.\d{1,2}\.\d{4}"
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?"
_AMOUNT = r"[$€£]\s?\d[\d,]*(?:\.\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+"
_PHONE = r"(?:\+\d{1,3}[\s.-])?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]\d{4}|\+\d{7,15}|\b\d{3}-\d{4}"
# Groups that were written apart; two of them are an id after a word that says so, three always.
_GROUPS = r"\d{2,4}(?: \d{2,4})+"
_WORD = r"#?[A-Za-z0-9]+(?:[-_/][A-Za-z0-9]+)*"
_SCAN = re.compile(
    rf"(?P<address>{_URL_OR_EMAIL})|(?P<phone>(?<![\w-])(?:{_PHONE})(?![\w-]))"
    rf"|(?P<groups>(?<![\w#.,-]){_GROUPS}(?![\w-]|[.,:]\d))"
    rf"|(?P<natural>(?<![\w#.-])(?:{_DATE}|{_TIME}|{_AMOUNT})(?![\w-]))|(?P<word>{_WORD})"
)
_UNITS = "st|nd|rd|th|s|am|pm|a|p|h|hr|hrs|min|mins|x|k|km|kg|g|m|cm|mm|lb|lbs|gb|mb|tb"
_NATURAL_WORD = re.compile(rf"\d+(?:{_UNITS})|[a-z]{{3,}}-(?:\d{{1,2}}|(?:19|20)\d{{2}})", re.IGNORECASE)
_RUN = re.compile(r"[A-Za-z]+|\d+")
_MAX_SPELLED_LETTERS = 3
_PAUSE = ", "
_PAUSE_AFTER_SPACE = re.compile(r"\s+, ")


def is_speakable(text: str) -> bool:
    """Whether an English voice has a sound for `text`: at least one letter of the Latin alphabet, or a digit."""
    return any(character.isascii() and character.isalnum() for character in unicodedata.normalize("NFKD", text))


def spoken(text: str) -> str:
    """Return `text` as it should be said; text without ids comes back unchanged."""
    said = _SCAN.sub(lambda found: _said(found, text), text)
    return said if said == text else _PAUSE_AFTER_SPACE.sub(_PAUSE, said)


def spell_digits(digits: str) -> str:
    """Return digits in words, in groups of three; the last group may have four."""
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return ", ".join(_one_by_one(group) for group in groups)


def _said(found: re.Match[str], text: str) -> str:
    word, before = found.group(), text[: found.start()]
    if found["phone"]:
        groups = ", ".join(spell_digits(run) if len(run) > 4 else _one_by_one(run) for run in _RUN.findall(word))
        return _paused(f"plus {groups}" if word.startswith("+") else groups, before)
    if found["groups"]:
        return _say_groups(word.split(" "), before, text[found.end() :])
    if found["word"] and _is_id(word, before, text[found.end() :]):
        return _spell(word, before)
    return word


def _say_groups(groups: list[str], before: str, after: str) -> str:
    if _AMOUNT_UNITS.match(after) or not (len(groups) > 2 or _ID_CONTEXT.search(before)):
        return " ".join(groups)
    return _paused(_PAUSE.join(_one_by_one(group) for group in groups), before)


def _is_id(word: str, before: str, after: str) -> bool:
    digits = sum(char.isdigit() for char in word)
    if digits == 0 or re.search(r"\d\.$", before) or _is_natural(word):
        return False
    if word.startswith("#"):
        return digits > 2 or not word[1:].isdigit()
    in_context = bool(_ID_CONTEXT.search(before))
    if word.isdigit():
        return _is_digit_id(word, after, in_context=in_context)
    longest = max((len(run) for run in _RUN.findall(word) if run.isalpha()), default=0)
    if longest == 0:
        return digits >= 5 or word[0] == "0" or in_context
    if longest > _MAX_SPELLED_LETTERS:
        return digits >= 3
    return digits >= 2 or (in_context and word.isupper())


def _is_natural(word: str) -> bool:
    """Whether a voice reads it well as it stands: "5pm", "3rd", "top-10", "mid-2024"."""
    return bool(_NATURAL_WORD.fullmatch(word)) and not word[0].isupper()


def _is_digit_id(digits: str, after: str, *, in_context: bool) -> bool:
    if _AMOUNT_UNITS.match(after):
        return False
    if len(digits) > 4 or (len(digits) > 1 and digits[0] == "0"):
        return in_context or not digits.endswith("000")
    return len(digits) > 2 and in_context


def _spell(word: str, before: str) -> str:
    parts = []
    for run in _RUN.findall(word):
        if run.isdigit():
            parts.append(spell_digits(run))
        elif len(run) > _MAX_SPELLED_LETTERS:
            parts.append(run)
        else:
            parts.extend(run.upper())
    said = ", ".join(parts)
    if word.startswith("#") and not before.rstrip().lower().endswith("number"):
        return f"number{_PAUSE}{said}"
    return _paused(said, before) if word.lstrip("#")[0].isdigit() else said


def _paused(said: str, before: str) -> str:
    """Put a pause before digits that follow a word: "order four one" is heard as "order for one"."""
    return _PAUSE + said if before.rstrip()[-1:].isalpha() else said


def _one_by_one(digits: str) -> str:
    return " ".join(_DIGITS[digit] for digit in digits)
