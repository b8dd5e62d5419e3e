"""JSON that a model writes where words are wanted: objects, and the fences and marks that small models put about them.

A caller is told none of it. A transcript has all of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from evalkit.json_among_words import ObjectAmongWords, objects_among_words

_MOST_TRIES = 50
"""At so many braces an object is looked for: a model that repeats one for ever must not hold up other sessions."""
_MARKS = re.compile(
    r"```(?:(?:json|tool_call)\b)?|</?tool_call>|\[(?:TOOL_CALLS|TOOL_REQUEST|END_TOOL_REQUEST)\]|<\|\w+\|>"
)
"""Fences, and the marks of common chat templates."""
_BETWEEN = re.compile(r"[\s,;\[\]]*")
_BROKEN = re.compile(r"\{\s*[\"'].*", re.DOTALL)
"""From where an object begins that has no right end."""


def objects_alone(text: str) -> list[dict[str, Any]]:
    """Return the objects that `text` consists of: one, several behind each other, or a list; empty: it has more."""
    found = list(objects_among_words(text, most_tries=_MOST_TRIES))
    return [one.value for one in found] if _BETWEEN.fullmatch(_around(text, found)) else []


def without_json(text: str) -> str:
    """Return `text` as it is said: no JSON object, no mark about one, and nothing behind one that is broken."""
    return _BROKEN.sub("", _around(text, list(objects_among_words(text, most_tries=_MOST_TRIES))))


def _around(text: str, found: Sequence[ObjectAmongWords]) -> str:
    """Return what stands around objects of `text`, without marks."""
    starts, ends = [0, *(one.end for one in found)], [*(one.start for one in found), len(text)]
    return "".join(_MARKS.sub("", text[start:end]) for start, end in zip(starts, ends, strict=True))
