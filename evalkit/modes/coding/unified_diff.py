"""Reads a unified diff as leniently as it can be read without guessing: what each file's section says, line by line.

It reads for two purposes: to know every path that a diff speaks of before anything is applied, and to search for the
old lines where ``git apply`` finds the form wrong. Line numbers and counts are kept as what they are, claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

_HUNK = re.compile(r"@@+ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_TIMESTAMP = re.compile(r"\s\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*$")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_CONTROL = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
_EXTENDED = (
    "old mode ", "new mode ", "new file mode ", "deleted file mode ", "rename from ", "rename to ", "copy from ",
    "copy to ", "similarity index ", "dissimilarity index ", "index ", "GIT binary patch", "Binary files ",
)  # fmt: skip
NOWHERE = "/dev/null"


@dataclass(frozen=True)
class DiffLine:
    """A line of a hunk: ``" "`` stays, ``"-"`` goes, ``"+"`` comes; `ends` is False without a newline at the end."""

    tag: str
    text: str
    ends: bool = True


@dataclass(frozen=True)
class Hunk:
    """Lines that stand together in a file, and those that shall stand there.

    Attributes:
        lines: In order; line ends left out.
        start: The line of the old file where it claims to begin, from 1; None when it claims nothing.

    """

    lines: tuple[DiffLine, ...]
    start: int | None = None

    @cached_property
    def old(self) -> tuple[str, ...]:
        """The lines to be found."""
        return tuple(line.text for line in self.lines if line.tag != "+")


@dataclass
class DiffSection:
    """What a diff says of one file.

    Attributes:
        git_names: The two names of ``diff --git``, when they can be told apart.
        old: The name after ``---``, as written; None when there is none.
        new: The name after ``+++``.
        extended: Git's header lines on modes, renames and binary content.
        hunks: In order.

    """

    git_names: tuple[str, str] | None = None
    old: str | None = None
    new: str | None = None
    extended: list[str] = field(default_factory=list)
    hunks: list[Hunk] = field(default_factory=list)

    @property
    def creates(self) -> bool:
        """Whether the file is to be a new one."""
        return self.old == NOWHERE or any(line.startswith("new file mode ") for line in self.extended)

    @property
    def deletes(self) -> bool:
        """Whether the file is to go."""
        return self.new == NOWHERE or any(line.startswith("deleted file mode ") for line in self.extended)

    def names(self) -> Iterator[str]:
        """Yield every name that the section speaks of, whichever of them is believed by whoever applies it."""
        for name in (*(self.git_names or ()), self.old, self.new):
            if name is not None and name != NOWHERE:
                yield name
        for line in self.extended:
            for words in ("rename from ", "rename to ", "copy from ", "copy to "):
                if line.startswith(words):
                    yield file_name(line.removeprefix(words))


def read_sections(text: str) -> list[DiffSection]:
    """Return the sections of a diff in order; hunks before any file header are in a section without names."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    sections: list[DiffSection] = []
    place, open_header = 0, False
    while place < len(lines):
        line = lines[place]
        if line.startswith("diff --git "):
            sections.append(DiffSection(git_names=_git_names(line.removeprefix("diff --git "))))
            open_header = True
        elif _is_file_header(lines, place):
            if not open_header:
                sections.append(DiffSection())
            sections[-1].old, sections[-1].new = file_name(line[4:]), file_name(lines[place + 1][4:])
            open_header, place = False, place + 1
        elif line.startswith("@@"):
            if not sections:
                sections.append(DiffSection())
            hunk, place = _read_hunk(lines, place)
            sections[-1].hunks.append(hunk)
            open_header = False
            continue
        elif sections and line.startswith(_EXTENDED):
            sections[-1].extended.append(line)
        place += 1
    return sections


def _is_file_header(lines: Sequence[str], place: int) -> bool:
    return lines[place].startswith("--- ") and place + 1 < len(lines) and lines[place + 1].startswith("+++ ")


def _read_hunk(lines: Sequence[str], place: int) -> tuple[Hunk, int]:
    """Return the hunk whose ``@@`` line is at `place`, and where the next thing begins."""
    header = _HUNK.match(lines[place])
    counts = (int(header[2] or 1), int(header[4] or 1)) if header else None
    old, new = counts or (0, 0)
    body: list[DiffLine] = []
    place += 1
    while place < len(lines):
        line = lines[place]
        if line.startswith(("@@", "diff --git ")) or (line == "-- " and counts is not None and old <= 0 and new <= 0):
            break
        if _is_file_header(lines, place) and _ends_hunk(lines, place, old, new):
            break
        if line.startswith("\\"):
            if body:
                body[-1] = DiffLine(body[-1].tag, body[-1].text, ends=False)
        else:
            tag, text = (line[0], line[1:]) if line[:1] in {" ", "+", "-"} else (" ", line)
            body.append(DiffLine(tag, text))
            old, new = old - (tag != "+"), new - (tag != "-")
        place += 1
    return Hunk(tuple(body), int(header[1]) if header else None), place


def _ends_hunk(lines: Sequence[str], place: int, old: int, new: int) -> bool:
    """Tell whether what looks like a file header is one, where a hunk still claims `old` and `new` lines.

    A removed ``-- x`` before an added ``++ y`` looks the same. A header has a hunk behind it; the two lines have one
    only when they are the last of theirs.
    """
    has_hunk = place + 2 < len(lines) and lines[place + 2].startswith("@@")
    return not (old == 1 and new == 1) if has_hunk else not (old > 0 and new > 0)


def _git_names(words: str) -> tuple[str, str] | None:
    """Return both names of a ``diff --git`` line: quoted, or equal after their prefixes, as git itself tells them."""
    if '"' in words:
        found = re.fullmatch(r'("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)', words)
        return None if found is None else (file_name(found[1]), file_name(found[2]))
    parts = words.split(" ")
    if len(parts) == 2:
        return parts[0], parts[1]
    half = len(parts) // 2
    old, new = " ".join(parts[:half]), " ".join(parts[half:])
    return (old, new) if old.partition("/")[2] == new.partition("/")[2] else None


def file_name(words: str) -> str:
    """Return the name in a header line: quotes undone, a time stamp behind it left out."""
    if words.startswith('"'):
        quoted = re.match(r'"((?:[^"\\]|\\.)*)"', words)
        if quoted is not None:
            raw = _ESCAPE.sub(_unescaped, quoted[1].encode())
            return raw.decode("utf-8", "replace")
    return _TIMESTAMP.sub("", words.partition("\t")[0]).rstrip()


def _unescaped(found: re.Match[bytes]) -> bytes:
    code: bytes = found[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _CONTROL.get(code, code)
