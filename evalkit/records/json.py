"""JSON as evalkit writes and reads it: type aliases, a canonical form, and content hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
JsonObject: TypeAlias = Mapping[str, Json]


def canonical(value: Json) -> bytes:
    """Return the one byte string that stands for `value`: sorted keys, no spaces, UTF-8, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def content_sha256(value: Json) -> str:
    """Return the hex sha256 of the canonical form of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()
