"""Applies the diffs that come with a task: right ones, exactly where they say and as they say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from evalkit.errors import DataError

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NO_NEWLINE = "\\"


def apply_diff(files: Mapping[str, str], diff: str) -> dict[str, str]:
    """Return `files` after a git-style diff; raises DataError where it does not fit as it stands."""
    after = dict(files)
    lines = diff.split("\n")
    place = 0
    while place < len(lines):
        if not (lines[place].startswith("--- ") and lines[place + 1].startswith("+++ ")):
            place += 1
            continue
        old, new = _name(lines[place]), _name(lines[place + 1])
        before = _split(after[old]) if old in after else []
        made, place = _hunks_applied(before, lines, place + 2, new or old or "")
        if new is None:
            del after[str(old)]
        else:
            after[new] = "".join(made)
    return after


def _name(header: str) -> str | None:
    """Return the path in a header line without its prefix; None for no file."""
    name = header[4:].partition("\t")[0].strip()
    return None if name == "/dev/null" else name[2:] if name[:2] in {"a/", "b/"} else name


def _split(text: str) -> list[str]:
    parts = text.split("\n")
    return [f"{line}\n" for line in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _hunks_applied(before: Sequence[str], lines: Sequence[str], place: int, path: str) -> tuple[list[str], int]:
    made: list[str] = []
    at = 0
    while place < len(lines) and (header := _HUNK.match(lines[place])):
        start, old, new = int(header[1]), int(header[2] or 1), int(header[4] or 1)
        start = start - 1 if old else start
        made += before[at:start]
        at, place = start, place + 1
        while old > 0 or new > 0 or (lines[place : place + 1] and lines[place].startswith(_NO_NEWLINE)):
            tag, text = lines[place][:1] or " ", f"{lines[place][1:]}\n"
            place += 1
            if place < len(lines) and lines[place].startswith(_NO_NEWLINE):
                text = text[:-1]
            if tag == _NO_NEWLINE:
                continue
            if tag != "+":
                if before[at : at + 1] != [text]:
                    raise DataError(f"{path}: the diff does not fit at line {at + 1}")
                at, old = at + 1, old - 1
            if tag != "-":
                made.append(text)
                new -= 1
    return [*made, *before[at:]], place
