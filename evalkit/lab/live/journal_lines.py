"""A part of a journal, by cursor."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import orjson

LONGEST_LINE = 1 << 20
MOST_LINES = 1000
MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class JournalPart:
    """Some lines of a journal.

    Attributes:
        generation: Which journal it is; empty as long as it has no whole line.
        events: What the lines say, oldest first, each with its ``cursor``: the number of bytes up to its end.
        is_other: The cursor that was asked for is none of this journal: the lines begin at its beginning.
        is_all: Nothing whole comes after them yet.

    """

    generation: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    is_other: bool = False
    is_all: bool = True


def read_journal_part(path: Path, cursor: int, generation: str, most: int = MOST_LINES) -> JournalPart:
    """Return the lines after `cursor` in the journal at `path`, `most` and some megabytes at a time.

    A line that is not a JSON object with an ``event``, or longer than a megabyte, is told as an event ``damaged``. What
    comes after the last line break is left for the next time: it may be cut off again.

    Args:
        path: The journal; it may not be there yet.
        cursor: Where to begin; 0: at the beginning.
        generation: The journal that the cursor belongs to; empty: not known.
        most: How many lines at most.

    """
    try:
        file = os.fdopen(_open_plain_file(path), "rb")
    except OSError:
        return JournalPart(is_other=cursor > 0)
    with file:
        now = _read_generation(file)
        is_other = cursor > 0 and ((bool(generation) and now != generation) or not _is_line_end(file, cursor))
        begins = file.seek(0 if is_other else cursor)
        events: list[dict[str, Any]] = []
        while len(events) < most and file.tell() - begins < MOST_BYTES:
            event = _read_event(file)
            if event is None:
                return JournalPart(now, events, is_other)
            events.append(event)
        return JournalPart(now, events, is_other, is_all=False)


def find_place(path: Path, past_bytes: int = 0) -> tuple[int, str]:
    """Return a cursor in the journal at `path`, and the journal's generation.

    At most `past_bytes` of whole lines lie behind it: with none, it is the end of the last of them. It is the beginning
    where the journal is shorter, not there, or ends in a line longer than a megabyte.
    """
    try:
        file = os.fdopen(_open_plain_file(path), "rb")
    except OSError:
        return 0, ""
    with file:
        generation = _read_generation(file)
        size = os.fstat(file.fileno()).st_size
        if size <= past_bytes:
            return 0, generation
        begins = file.seek(max(0, size - past_bytes - LONGEST_LINE))
        text = file.read(size - begins)
    wanted = size - past_bytes - begins
    line_end = text.find(b"\n", wanted - 1)
    if line_end < 0:
        line_end = text.rfind(b"\n")
    return (begins + line_end + 1 if line_end >= 0 else 0), generation


def _open_plain_file(path: Path) -> int:
    """Open `path` unless it is something that one could wait at for ever."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path}: is not a file")
    return handle


def _read_generation(file: BinaryIO) -> str:
    first = file.readline(LONGEST_LINE)
    if not first.endswith(b"\n") and len(first) < LONGEST_LINE:
        return ""
    return sha256(first.rstrip(b"\n")).hexdigest()[:16]


def _is_line_end(file: BinaryIO, cursor: int) -> bool:
    if cursor > os.fstat(file.fileno()).st_size:
        return False
    file.seek(cursor - 1)
    return file.read(1) == b"\n"


def _read_event(file: BinaryIO) -> dict[str, Any] | None:
    """Return the next whole line as an event; None where there is none yet."""
    line = rest = file.readline(LONGEST_LINE)
    while len(rest) == LONGEST_LINE and not rest.endswith(b"\n"):
        rest = file.readline(LONGEST_LINE)
    if not rest.endswith(b"\n"):
        return None
    cursor = file.tell()
    try:
        entry = orjson.loads(line) if line is rest else None
    except ValueError:
        entry = None
    if isinstance(entry, dict) and isinstance(entry.get("event"), str):
        return {**entry, "cursor": cursor}
    return {"event": "damaged", "cursor": cursor}
