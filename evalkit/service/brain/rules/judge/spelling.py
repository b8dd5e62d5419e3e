"""Tokens in one spelling: numbers as digits, ids in one piece, dates and times in one form.

========================================================= ==========
text                                                      token
========================================================= ==========
``4 8 2 1 3``, ``four eight two one three``, ``48213``      ``48213``
``A, B, 1 2 9 4``, ``AB-1294``                              ``ab1294``
``Thursday, March 5th``, ``the 5th of March``, 2026-03-05   ``march-5``
``16:15``, ``4:15 pm``, ``quarter past four``               ``4:15``
``$23.50``, ``twenty-three dollars and fifty cents``        ``23.5``
========================================================= ==========

Leading zeros stay.
"""

from __future__ import annotations

import re

from evalkit.service.brain.rules.language.dates import MONTH_NAMES
from evalkit.service.brain.rules.language.ids import REPEATS
from evalkit.service.brain.rules.language.numbers import ORDINALS, TENS, UNITS

_MONTH = "|".join(MONTH_NAMES)
_DIGITS = {word: value for word, value in UNITS.items() if value < 10} | {"oh": 0}
# A carrier's or a shop's letters before a number: one code.
_CODE = re.compile(r"\b(?!ID|NO|PO|AM|PM|APT|PIN)([A-Z]{2,4})[ -](\d{2,})\b")
_TOKEN = re.compile(r"[a-z]+-\d+(?=\s|$)|\d+:\d\d|\d+\.\d+|[^\W_]+(?:'[^\W_]+)?|[^\w\s]")


def spell(text: str) -> list[str]:
    """Return the tokens of `text` in lower case, without punctuation."""
    spoken = _CODE.sub(r"\1\2", text).lower().replace("\u2019", "'").replace("_", " ")
    spoken = re.sub(r"(\d{4})-(\d\d)-(\d\d)", lambda m: f"{_month(m.group(2))}-{int(m.group(3))} ", spoken)
    spoken = re.sub(r"(\d),(?=\d{3}\b)", r"\1", spoken)
    spoken = re.sub(r"\b([a-z]{1,4})-(\d{3,})\b", r"\1\2", spoken)
    spoken = " ".join(_fold_numbers(re.findall(r"\d+:\d\d|\d+\.\d+|[^\W_]+(?:'[^\W_]+)?|[^\w\s]", spoken)))
    for pattern, replacement in _FORMS:
        spoken = re.sub(pattern, replacement, spoken)
    return _join_ids(_TOKEN.findall(spoken))


def _month(number: str) -> str:
    return MONTH_NAMES[int(number) - 1] if 0 < int(number) <= 12 else number


def _time(match: re.Match[str]) -> str:
    return f"{(int(match.group(1)) - 1) % 12 + 1}:{match.group(2)}"


def _hundreds(match: re.Match[str]) -> str:
    return str(int(match.group(1).replace("a", "1")) * 100 + int(match.group(2) or 0))


_FORMS = (
    (r"\b(\d|a) hundred(?: (?:and )?(\d{1,2}))?\b", _hundreds),
    (rf"\b({_MONTH}) - (\d+)", r"\1-\2"),
    (rf"\b({_MONTH}) (?:the )?(\d{{1,2}})(?:st|nd|rd|th)?\b(?! :)", r"\1-\2"),
    (rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?({_MONTH})\b", r"\2-\1"),
    (r"\bhalf past (\d+)\b", r"\1:30"),
    (r"\bquarter past (\d+)\b", r"\1:15"),
    (r"\b(\d+) o'clock\b", r"\1:00"),
    (r"\b(\d{1,2}) (?:a ?\.? ?m|p ?\.? ?m)\b", r"\1:00"),
    (r"\b(\d{1,2}) in the (?:morning|afternoon|evening)\b", r"\1:00"),
    (r"\b(\d+) (?:dollars?|euros?|pounds?) (?:and )?(\d\d)(?: cents)?\b", r"\1.\2"),
    (r"\b(\d+):(\d\d)\b", _time),
    (r"\b(\d+)\.(\d)0\b", r"\1.\2"),
    (r"\b(\d+)\.00\b", r"\1"),
    (r"\b(\d+)(?:st|nd|rd|th)\b", r"\1"),
)


def _fold_numbers(tokens: list[str]) -> list[str]:
    """Return `tokens` with number words as digits: ``seventy - two`` is 72, ``seven two`` stays two digits."""
    folded: list[str] = []
    index = 0
    while index < len(tokens):
        digits, width = _fold_at(tokens, index, after_month=any(month in folded[-2:] for month in MONTH_NAMES))
        folded += digits
        index += width
    return folded


def _fold_at(tokens: list[str], index: int, *, after_month: bool) -> tuple[list[str], int]:
    """Return what stands for the tokens at `index`, and how many they are."""
    word, following = tokens[index], tokens[index + 1 : index + 3]
    if word in TENS:
        after = index + 1 + (following[:1] == ["-"])
        unit = tokens[after] if after < len(tokens) else ""
        value = _DIGITS.get(unit, 0) or ORDINALS.get(unit, 0) % 10
        return [str(TENS[word] + value)], after - index + 1 if value else 1
    if word in _DIGITS or word in UNITS:
        return [str(_DIGITS.get(word, UNITS.get(word, 0)))], 1
    if word in REPEATS and following:
        digit = str(_DIGITS.get(following[0], following[0]))
        if len(digit) == 1 and digit.isdigit():
            return [digit] * REPEATS[word], 2
    if word in ORDINALS and (after_month or any(month in following for month in MONTH_NAMES)):
        return [str(ORDINALS[word])], 1
    return [word], 1


def _join_ids(tokens: list[str]) -> list[str]:
    """Return the words in `tokens`, characters that were spelled one by one or in groups joined to one id."""
    joined: list[str] = []
    run: list[str] = []
    for index, piece in enumerate([*tokens, "."]):
        if _is_spelled(piece, inside=bool(run)) or (piece == "a" and tokens[index + 1 : index + 2] in ([","], ["-"])):
            run.append(piece)
        elif piece == "," and run and _goes_on(tokens[index + 1 :], run):
            continue
        elif piece != "-" or not run:
            joined += _settle(run)
            run = []
            joined += [piece] if piece[0].isalnum() else []
    return joined


def _is_spelled(piece: str, *, inside: bool) -> bool:
    return piece.isdigit() or (len(piece) == 1 and piece.isalpha() and (inside or piece not in "ai"))


def _goes_on(tokens: list[str], run: list[str]) -> bool:
    """Tell whether spelling goes on after a comma: another piece, and not one that counts what follows it."""
    following = [piece for piece in tokens[:3] if piece != ","]
    if not following or not _is_spelled(following[0], inside=True):
        return False
    return run[-1].isalpha() or (len(following) > 1 and _is_spelled(following[1], inside=True))


def _settle(pieces: list[str]) -> list[str]:
    """Return spelled `pieces` as one id when they hold four digits or more, else as they were."""
    digits = sum(len(piece) for piece in pieces if piece.isdigit())
    if digits < 4 or any(len(piece) >= 4 and piece.isdigit() for piece in pieces[:-1]):
        return list(pieces)
    return ["".join(pieces)]
