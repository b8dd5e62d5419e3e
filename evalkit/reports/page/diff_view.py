"""A unified diff as rows for a page: what was there on the left, what is there now on the right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

from evalkit.reports.page.hidden_signs import show_hidden

_HUNK = re.compile(r"@@ -(?P<left>\d+)(?:,(?P<left_lines>\d+))? \+(?P<right>\d+)(?:,(?P<right_lines>\d+))? @@")
_MOST_ROWS = 400
_NOTHING = "/dev/null"


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
    """Return the rows of `diff`; of a very long one, the first rows and how many more there are.

    Files may begin with ``diff --git``, or with ``---`` and ``+++`` alone. Between files, lines that begin with ``#``
    are shown as they are: they say what cannot be shown as text. What nobody would see is made visible.
    """
    reader = _DiffReader()
    for line in diff.removesuffix("\n").split("\n"):
        reader.read(show_hidden(line.removesuffix("\r")))
    rows = reader.finish()
    if len(rows) <= _MOST_ROWS:
        return rows
    return [*rows[:_MOST_ROWS], DiffRow("title", left=f"and {len(rows) - _MOST_ROWS} rows more in the file")]


class _DiffReader:
    """Reads a diff line by line; the counts of a hunk tell its lines from the names of the next file."""

    def __init__(self) -> None:
        self._rows: list[DiffRow] = []
        self._removed: list[tuple[int, str]] = []
        self._added: list[tuple[int, str]] = []
        self._left = self._right = 0
        self._left_lines = self._right_lines = 0
        self._name = self._old_name = ""
        self._has_hunk = False

    def read(self, line: str) -> None:
        if (self._left_lines > 0 or self._right_lines > 0) and (not line or line[0] in " +-"):
            self._read_text(line[:1], line[1:])
        elif found := _HUNK.match(line):
            self._flush()
            if self._has_hunk:
                self._rows.append(DiffRow("title", left="…"))
            self._left, self._right = int(found["left"]), int(found["right"])
            self._left_lines, self._right_lines = int(found["left_lines"] or 1), int(found["right_lines"] or 1)
            self._has_hunk = True
        elif not line.startswith("\\"):
            self._left_lines = self._right_lines = 0
            self._name_file(line)

    def finish(self) -> list[DiffRow]:
        self._flush()
        return self._rows

    def _read_text(self, sign: str, text: str) -> None:
        if sign in {"", " "}:
            self._flush()
            self._rows.append(DiffRow("same", self._left, text, self._right, text))
        elif sign == "-":
            self._removed.append((self._left, text))
        else:
            self._added.append((self._right, text))
        if sign != "+":
            self._left, self._left_lines = self._left + 1, self._left_lines - 1
        if sign != "-":
            self._right, self._right_lines = self._right + 1, self._right_lines - 1

    def _name_file(self, line: str) -> None:
        name = ""
        if line.startswith("diff --git "):
            name = line.rpartition(" b/")[2]
        elif line.startswith("--- "):
            self._old_name = line.removeprefix("--- ").removeprefix("a/")
        elif line.startswith("+++ "):
            name = line.removeprefix("+++ ").removeprefix("b/")
            if name == _NOTHING:
                name = self._name if self._name == self._old_name else f"{self._old_name} (removed)"
        elif line.startswith(("# ", "... ")):
            name = line.removeprefix("# ").removeprefix("... ")
        if name and name != self._name:
            self._flush()
            self._rows.append(DiffRow("title", left=name))
            self._name, self._has_hunk = name, False

    def _flush(self) -> None:
        for old, new in zip_longest(self._removed, self._added, fillvalue=(None, None)):
            self._rows.append(DiffRow("changed", old[0], old[1], new[0], new[1]))
        self._removed.clear()
        self._added.clear()
