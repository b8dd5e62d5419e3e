"""Puts hunks where their old lines stand, and nowhere else: exactly once in the file, or where they say and exactly.

Nothing is guessed. Old lines that stand in several places, or in none, are refused with the reason, and so are new
lines whose indentation cannot be told from the lines around them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from evalkit.modes.coding.edits import Leniency
from evalkit.modes.coding.text_lines import TextLines, by_words, exactly, find_places, stands_at
from evalkit.modes.coding.unified_diff import DiffLine, Hunk


class NoPlaceError(Exception):
    """A hunk has no place, or several; the message says so in words that fit behind "hunk 2 of src/x.py: "."""


@dataclass(frozen=True)
class _Placed:
    place: int
    hunk: Hunk


def apply_hunks(file: TextLines, hunks: Sequence[Hunk], level: int) -> TextLines:
    """Return `file` with `hunks` applied at ``Leniency.BY_CONTEXT`` or ``BY_WORDS``; raises :class:`NoPlaceError`.

    All of them are looked for in the file as it is, and none may overlap another.
    """
    key = by_words if level == Leniency.BY_WORDS else exactly
    keys = [key(line) for line in file.lines]
    placed = sorted((_placed(keys, hunk, key) for hunk in hunks), key=lambda each: each.place)
    for left, right in pairwise(placed):
        if left.place + len(left.hunk.old) > right.place:
            raise NoPlaceError("its lines are those of another hunk")
    for each in reversed(placed):
        file = _replaced(file, each)
    return file


def _placed(keys: Sequence[str], hunk: Hunk, key: Callable[[str], str]) -> _Placed:
    if not any(line.strip() for line in hunk.old):
        if hunk.start is not None and hunk.old and stands_at(keys, [key(line) for line in hunk.old], hunk.start - 1):
            return _Placed(hunk.start - 1, hunk)
        raise NoPlaceError("it has no old line with words to tell where it belongs")
    for form in _forms(hunk):
        old = [key(line) for line in form.old]
        places = find_places(keys, old)
        if len(places) == 1:
            return _Placed(places[0], form)
        if len(places) > 1:
            if _stands_where_it_says(keys, old, form.start) and form.start is not None:
                return _Placed(form.start - 1, form)
            raise NoPlaceError("its old lines stand in several places of the file, and it does not say which is meant")
    raise NoPlaceError("its old lines do not stand in the file")


def _stands_where_it_says(keys: Sequence[str], old: Sequence[str], start: int | None) -> bool:
    return start is not None and stands_at(keys, old, start - 1)


def _forms(hunk: Hunk) -> Iterator[Hunk]:
    """Yield a hunk as it is, then without the empty lines at its edges, which come from the text around it."""
    yield hunk
    lines = hunk.lines
    first = next((index for index, line in enumerate(lines) if not _is_edge(line)), 0)
    last = next((index for index in range(len(lines), 0, -1) if not _is_edge(lines[index - 1])), 0)
    if last < len(lines):
        yield replace(hunk, lines=lines[:last])
    if first > 0:
        start = None if hunk.start is None else hunk.start + first
        yield replace(hunk, lines=lines[first:last], start=start)


def _is_edge(line: DiffLine) -> bool:
    return line.tag == " " and not line.text.strip()


def _replaced(file: TextLines, placed: _Placed) -> TextLines:
    old = file.lines[placed.place : placed.place + len(placed.hunk.old)]
    indent = Reindent.between(placed.hunk.old, old)
    made: list[str] = []
    at = 0
    for line in placed.hunk.lines:
        if line.tag == "+":
            made.append(file.made(indent.of(line.text)))
            continue
        if line.tag == " ":
            made.append(old[at])
        at += 1
    lines = (*file.lines[: placed.place], *made, *file.lines[placed.place + len(old) :])
    ends = file.ends
    if placed.place + len(old) == len(file.lines):
        ends = _ends(placed.hunk, file)
        if not ends and lines:
            lines = (*lines[:-1], lines[-1].removesuffix("\r"))
    return replace(file, lines=lines, ends=ends)


def _ends(hunk: Hunk, file: TextLines) -> bool:
    """Return whether the file ends with a newline after a hunk at its end: as the hunk says, else as it did."""
    new = [line for line in hunk.lines if line.tag != "-"]
    if new and not new[-1].ends:
        return False
    old = [line for line in hunk.lines if line.tag != "+"]
    return True if old and not old[-1].ends else file.ends


@dataclass(frozen=True)
class Reindent:
    """How the indentation of new lines follows from that of old ones, as the diff and as the file write them."""

    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def between(cls, written: Sequence[str], found: Sequence[str]) -> Reindent:
        """Return it from old lines as they are `written` in a diff and as they were `found` in the file."""
        pairs = zip(written, found, strict=True)
        return cls(tuple({(_indent(mine), _indent(real)): None for mine, real in pairs if mine.strip()}))

    def of(self, line: str) -> str:
        """Return a new line with the file's indentation; raises :class:`NoPlaceError` where it cannot be told."""
        if not line.strip() or all(mine == real for mine, real in self.pairs):
            return line
        mine = _indent(line)
        told = {real for known, real in self.pairs if known == mine} or self._derived(mine)
        if len(told) != 1:
            raise NoPlaceError("the indentation of its new lines cannot be told from its old ones")
        return told.pop() + line[len(mine) :]

    def _derived(self, mine: str) -> set[str]:
        """Return what an indentation can be that none of the old lines has; more than one when it can be either."""
        return {found for found in (self._shifted(mine), self._scaled(mine)) if found is not None}

    def _shifted(self, mine: str) -> str | None:
        """Return an indentation that is as much deeper, or less deep, as all the others are."""
        deeper = {real.removesuffix(known) if real.endswith(known) else None for known, real in self.pairs}
        if len(deeper) == 1 and (added := deeper.pop()) is not None:
            return added + mine
        less = {known.removesuffix(real) if known.endswith(real) else None for known, real in self.pairs}
        if len(less) == 1 and (cut := less.pop()) is not None and mine.startswith(cut):
            return mine.removeprefix(cut)
        return None

    def _scaled(self, mine: str) -> str | None:
        """Return an indentation whose spaces are the file's tabs, or the other way round, as in all the others."""
        indented = [(known, real) for known, real in self.pairs if known or real]
        if not all(known and real for known, real in indented):
            return None
        units = {(known[0], len(known) / len(real), real[0]) for known, real in indented}
        plain = all(len(set(known)) == len(set(real)) == 1 for known, real in indented)
        if len(units) != 1 or not plain or set(mine) - {indented[0][0][0]}:
            return None
        size = len(mine) * len(indented[0][1]) / len(indented[0][0])
        return indented[0][1][0] * int(size) if size.is_integer() else None


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
