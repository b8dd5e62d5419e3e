"""JSON values as token lines, for languages without JSON in their standard library (Rust, C++).

Prefix notation, tokens separated by one space: ``n`` null, ``t`` and ``f`` booleans, ``i-12`` an integer, ``d1.5`` a
float (``dnan``, ``dinf``, ``d-inf`` too), ``stwo%20words`` a string, percent-encoded in UTF-8 but for ``A-Za-z0-9_.-``,
``a3`` a list with its three elements behind it, ``o1`` an object with key and value of each of its members behind it.

What JSON has no number for is ``{"$float": "nan"}``, ``"inf"`` or ``"-inf"`` on this side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote_from_bytes, unquote_to_bytes

from evalkit.records.json import Json

DEEPEST = 100
"""Levels of lists and objects in a value; a deeper one is refused."""

_FLOATS: Mapping[str, str] = {"nan": "nan", "inf": "inf", "-inf": "-inf"}
_STRING = re.compile("(?:[A-Za-z0-9_.-]|%[0-9A-Fa-f]{2})*")
_INTEGER = re.compile("-?[0-9]{1,4000}")


def encode_value(value: Json) -> str:
    """Return `value` as tokens."""
    return " ".join(_tokens(value))


def encode_text(text: str) -> str:
    """Return the token of a string."""
    encoded = quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")
    return f"s{encoded.replace('~', '%7E')}"


def decode_value(tokens: Iterator[str], depth: int = 0) -> Json:
    """Take one value from `tokens` and return it. Raises ValueError for what is no value."""
    token = next(tokens, "")
    kind, rest = token[:1], token[1:]
    if token in ("n", "t", "f"):
        return {"n": None, "t": True, "f": False}[token]
    if kind == "i" and _INTEGER.fullmatch(rest):
        return int(rest)
    if kind == "d" and rest:
        return _float(rest)
    if kind == "s":
        return decode_text(token)
    if kind in ("a", "o") and rest.isascii() and rest.isdecimal() and len(rest) < 9:
        if depth >= DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")
        items = range(int(rest))
        if kind == "a":
            return [decode_value(tokens, depth + 1) for _ in items]
        return {decode_text(next(tokens, "")): decode_value(tokens, depth + 1) for _ in items}
    raise ValueError(f"{token[:40]!r} is no token of a value")


def decode_text(token: str) -> str:
    """Return the string of a token. Raises ValueError for another token."""
    if token[:1] != "s" or not _STRING.fullmatch(token, 1):
        raise ValueError(f"{token[:40]!r} is no string")
    return unquote_to_bytes(token[1:]).decode("utf-8", "replace")


def _float(digits: str) -> Json:
    name = digits.lower().removeprefix("+")
    if name in _FLOATS:
        return {"$float": _FLOATS[name]}
    number = float(digits)
    if not math.isfinite(number):
        return {"$float": str(number)}
    return number


def _tokens(value: Json) -> Iterator[str]:
    if value is None or isinstance(value, bool):
        yield "n" if value is None else "t" if value else "f"
    elif isinstance(value, int):
        yield f"i{value}"
    elif isinstance(value, float):
        yield f"d{value!r}"
    elif isinstance(value, str):
        yield encode_text(value)
    elif isinstance(value, Mapping):
        yield from _object_tokens(value)
    else:
        yield f"a{len(value)}"
        for item in value:
            yield from _tokens(item)


def _object_tokens(value: Mapping[str, Json]) -> Iterator[str]:
    special = value.get("$float") if len(value) == 1 else None
    if isinstance(special, str) and special in _FLOATS:
        yield f"d{special}"
        return
    yield f"o{len(value)}"
    for key, item in value.items():
        yield encode_text(key)
        yield from _tokens(item)


def split_tokens(line: str) -> Sequence[str]:
    """Return the tokens of a line, which one space each separates."""
    return line.split(" ")
