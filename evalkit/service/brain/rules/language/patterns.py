"""From what a schema says about an id's shape to the id that a caller meant.

Callers don't say dashes, nor the prefix that every id of a kind shares; recognisers write the letter O for a zero.
Given the `pattern` of a JSON Schema, :func:`conform` finds the value of that shape which what was heard stands for.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import combinations

_PREFIX = re.compile(r"\^?\(?(?P<prefix>[A-Za-z]+[-#/_ ]?)(?=[\\\[(])")


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


@lru_cache(maxsize=4_000)
def matches(value: str, pattern: str) -> bool:
    """Tell whether `value` is of the shape; a pattern that is no regular expression matches everything."""
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(value) is not None


@lru_cache(maxsize=8_000)
def conform(heard: str, pattern: str, *, adds_prefix: bool = True) -> str | None:
    """Return the value of shape `pattern` that the letters and digits `heard` stand for, or None.

    Tried in this order: as it is; with the pattern's separators put in; with the pattern's fixed prefix put before it,
    if `adds_prefix`; with letters that sound or look like digits exchanged.
    """
    if not pattern:
        return heard
    for variant in _variants(heard):
        for value in _spellings(variant, pattern, adds_prefix=adds_prefix):
            if matches(value, pattern):
                return value
    return None


def _variants(heard: str) -> list[str]:
    variants = [heard, heard.lower(), heard.title()]
    digits = "".join("0" if char == "O" else "1" if char in "IL" else char for char in heard)
    tail = re.fullmatch(r"([A-Z]+)([A-Z0-9]*\d[A-Z0-9]*)", heard)
    if tail:
        variants.append(tail.group(1) + tail.group(2).replace("O", "0").replace("I", "1"))
    if "0" in heard:
        variants.append(heard.replace("0", "O", 1))
    return [*variants, digits]


def _spellings(value: str, pattern: str, *, adds_prefix: bool) -> list[str]:
    separators = [char for char in "-/ .#_" if char in re.sub(r"\[[^\]]*\]|\\.|\{[^}]*\}", _literal, pattern)]
    spellings = [value]
    for separator in separators:
        for count in (1, 2, 3):
            if len(value) <= 20:
                spellings += [_insert(value, cut, separator) for cut in combinations(range(1, len(value)), count)]
    prefix = _PREFIX.match(pattern) if adds_prefix else None
    if prefix and not value.upper().startswith(prefix.group("prefix").strip("-#/_ ").upper()):
        lead = prefix.group("prefix")
        if lead[-1].isalpha() and separators and matches(lead + separators[0] + value, pattern):
            lead += separators[0]
        spellings += [lead + each for each in spellings]
    return spellings


def _literal(match: re.Match[str]) -> str:
    text = match.group()
    return "-" if text == "\\-" or (text.startswith("[") and text.endswith("-]")) else ""


def _insert(value: str, cuts: tuple[int, ...], separator: str) -> str:
    parts = [value[start:end] for start, end in zip((0, *cuts), (*cuts, len(value)), strict=True)]
    return separator.join(parts)
