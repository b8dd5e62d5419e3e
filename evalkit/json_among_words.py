"""JSON objects that stand among words, as models write them, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ObjectAmongWords:
    """One object of a text.

    Attributes:
        start: The index of its first character.
        end: The index behind its last one.
        value: The object.

    """

    start: int
    end: int
    value: dict[str, Any]


def objects_among_words(text: str, *, most_tries: int | None = None) -> Iterator[ObjectAmongWords]:
    """Yield the JSON objects that stand in `text`, from left to right, not those inside another.

    Args:
        text: What a model wrote, for example.
        most_tries: At so many braces an object is looked for; None: at every one.

    """
    decoder, start, tries = json.JSONDecoder(), text.find("{"), 0
    while start >= 0 and (most_tries is None or tries < most_tries):
        tries += 1
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield ObjectAmongWords(start, end, value)
        start = text.find("{", end)
