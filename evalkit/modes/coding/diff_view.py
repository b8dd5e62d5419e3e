"""A unified diff as rows for a page: what was there on the left, what is there now on the right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_MOST_ROWS = 400


@dataclass(frozen=True)
class DiffRow:
    """One row: a number and a text on either side; None where that side has nothing.

    `kind` is ``same``, ``changed``, or ``title``, whose `left` is the name of a file or says what is left out.
    """

    kind: str
    left_number: int | None = None
    left: str | None = None
    right_number: int | None = None
    right: str | None = None


def lay_side_by_side(diff: str) -> list[DiffRow]:
    """Return the rows of `diff`; of a very long one, the first rows and how many more there are."""
    rows = list(_rows(diff.splitlines()))
    if len(rows) <= _MOST_ROWS:
        return rows
    return [*rows[:_MOST_ROWS], DiffRow("title", left=f"and {len(rows) - _MOST_ROWS} rows more in the file")]


def _rows(lines: list[str]) -> Iterator[DiffRow]:
    left = right = 0
    removed: list[tuple[int, str]] = []
    added: list[tuple[int, str]] = []

    def changed() -> Iterator[DiffRow]:
        for old, new in zip_longest(removed, added, fillvalue=(None, None)):
            yield DiffRow("changed", old[0], old[1], new[0], new[1])
        removed.clear()
        added.clear()

    in_hunk = False
    for line in lines:
        if line.startswith("diff --git "):
            yield from changed()
            in_hunk = False
            yield DiffRow("title", left=line.rpartition(" b/")[2])
        elif found := _HUNK.match(line):
            yield from changed()
            if in_hunk:
                yield DiffRow("title", left="…")
            left, right, in_hunk = int(found[1]), int(found[2]), True
        elif not in_hunk:
            continue
        elif line.startswith("-"):
            removed.append((left, line[1:]))
            left += 1
        elif line.startswith("+"):
            added.append((right, line[1:]))
            right += 1
        elif line.startswith(" ") or not line:
            yield from changed()
            yield DiffRow("same", left, line[1:], right, line[1:])
            left, right = left + 1, right + 1
    yield from changed()
