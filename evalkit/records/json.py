"""JSON as evalkit writes and reads it: type aliases, a canonical form, content hashes, and objects among words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]


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


def canonical(value: Json) -> bytes:
    """Return the one byte string that stands for `value`: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_sha256(value: Json) -> str:
    """Return the hex sha256 of the canonical form of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()
