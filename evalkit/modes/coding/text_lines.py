"""A text file as lines, and where a block of lines stands in it: exactly, or with white space not counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TextLines:
    """A file's lines without their ends.

    Attributes:
        lines: The lines; an empty file has none.
        ends: Whether the last one has a newline behind it.
        newline: What new lines end with, as most of the file's own do.

    """

    lines: tuple[str, ...] = ()
    ends: bool = True
    newline: str = "\n"

    @classmethod
    def read(cls, content: bytes) -> TextLines:
        """Return the lines of a file. Raises UnicodeDecodeError for what is not UTF-8."""
        text = content.decode()
        if not text:
            return cls()
        lines = text.split("\n")
        ends = not lines[-1]
        newline = "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
        return cls(tuple(lines[:-1] if ends else lines), ends, newline)

    def write(self) -> bytes:
        """Return the file's content."""
        text = "\n".join(self.lines)
        return (text + "\n" if self.lines and self.ends else text).encode()

    def made(self, line: str) -> str:
        """Return a new line as this file would have it: with the carriage return of its neighbours."""
        return f"{line}\r" if self.newline == "\r\n" and not line.endswith("\r") else line


def exactly(line: str) -> str:
    """Return what must be equal of a line: all of it but a carriage return at its end."""
    return line.removesuffix("\r")


def by_words(line: str) -> str:
    """Return what must be equal of a line when white space is not counted."""
    return "".join(line.split())


def find_places(lines: Sequence[str], block: Sequence[str], most: int = 2) -> list[int]:
    """Return where `block` stands in `lines`, the first `most` places. Both are compared as they are.

    An empty block, or one of empty lines only, stands nowhere: it would stand everywhere. Takes time in proportion
    to the text, also for lines that repeat.
    """
    if not any(line.strip() for line in block) or len(block) > len(lines):
        return []
    text, wanted = _joined(lines), _joined(block)
    places: list[int] = []
    at, counted_to, count = text.find(wanted), 0, 0
    while at >= 0 and len(places) < most:
        count += text.count("\n", counted_to, at)
        counted_to = at
        places.append(count)
        at = text.find(wanted, at + 1)
    return places


def stands_at(lines: Sequence[str], block: Sequence[str], place: int) -> bool:
    """Tell whether `block` stands at `place`, counted from 0."""
    return place >= 0 and list(lines[place : place + len(block)]) == list(block)


def _joined(lines: Sequence[str]) -> str:
    return "\n" + "".join(f"{line}\n" for line in lines)
