"""JSON objects that stand among words, as models write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


def objects_among_words(text: str, *, most_tries: int | None = None) -> Iterator[dict[str, Any]]:
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
            yield value
        start = text.find("{", end)
