"""A file of JSON lines that grows, read on from where it was read to, its damaged lines counted and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

_FIRST_LENGTH = 200


@dataclass
class GrowingLines:
    """The lines of the file at `path`.

    Attributes:
        path: The file; it need not be there yet.
        damaged: What is wrong with the lines read so far, in words.
        is_torn: Whether the file ends in the middle of a line: one that is being written, or was cut.

    """

    path: Path
    damaged: list[str] = field(default_factory=list)
    is_torn: bool = False
    _offset: int = 0
    _number: int = 0
    _first: bytes = b""

    def is_another(self) -> bool:
        """Tell whether the file is no longer the one that was read: gone, shorter, or with another beginning."""
        if not self._offset:
            return False
        try:
            with self.path.open("rb") as file:
                return file.read(len(self._first)) != self._first or self.path.stat().st_size < self._offset
        except OSError:
            return True

    def read_on(self) -> Iterator[dict[str, Any]]:
        """Yield the whole lines that are new, without those that are not JSON objects."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                whole, newline, rest = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return
        self.is_torn = bool(rest)
        if not newline:
            return
        if not self._offset:
            self._first = whole[:_FIRST_LENGTH]
        self._offset += len(whole) + len(newline)
        for line in whole.split(b"\n"):
            self._number += 1
            entry = _object(line)
            if entry is None:
                self.damaged.append(f"{self.path.name}: line {self._number} is not a JSON object and does not count")
            else:
                yield entry


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        entry = orjson.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
