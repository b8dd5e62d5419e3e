"""Lines that people added to a run, one JSON object each: read whatever their state, appended only when right.

A run's directory may have come from elsewhere, so nothing is followed out of it: a file that is a link is neither read
nor written.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.errors import DataError
from evalkit.settings.schemas import named_validator

MOST_BYTES = 16 * 1024 * 1024
"""A file of people's lines that is larger was not made by people, and is not read."""


@dataclass(frozen=True)
class PeopleLines:
    """What a file holds: its sound lines, oldest first, and what is wrong with the others, in words."""

    entries: tuple[Mapping[str, Any], ...]
    troubles: tuple[str, ...] = ()


def read_people_lines(path: Path, schema: str) -> PeopleLines:
    """Return the lines of `path` that keep to `schema`; none where there is no file. Never raises for its content.

    A last line without its end is still being written, and is left out without a word.
    """
    try:
        content = _read_regular(path)
    except FileNotFoundError:
        return PeopleLines(())
    except OSError as error:
        return PeopleLines((), (f"{path.name}: cannot be read: {error.strerror or error}",))
    entries: list[Mapping[str, Any]] = []
    troubles: list[str] = []
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        if not line.strip():
            continue
        wrong = "is not valid JSON"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        else:
            wrong = _find_wrong(entry, schema)
        if wrong:
            troubles.append(f"{path.name}: line {number} {wrong}, and is passed over")
        else:
            entries.append(entry)
    return PeopleLines(tuple(entries), tuple(troubles))


def append_people_line(path: Path, schema: str, entry: Mapping[str, Any]) -> None:
    """Append `entry` to `path`, on disk when this returns; lines of several writers never mix.

    Raises DataError for what does not keep to `schema`, and where the file cannot be written; nothing is written then.
    """
    wrong = _find_wrong(entry, schema)
    if wrong:
        raise DataError(f"{path.name}: what was to be added {wrong}")
    try:
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError as error:
        raise DataError(f"{path.name}: what was to be added holds half a character, which no file can hold") from error
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _NOTHING_ELSE, 0o666)
        try:
            _require_regular(handle)
            written = os.write(handle, (b"\n" if _is_torn(handle) else b"") + line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise DataError(f"{path.name}: cannot be written: {error.strerror or error}; nothing was added") from error
    if written < len(line):
        raise DataError(f"{path.name}: the disk is full; what was to be added was not kept")


_NOTHING_ELSE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _read_regular(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | _NOTHING_ELSE)
    with os.fdopen(handle, "rb") as file:
        _require_regular(handle)
        if os.fstat(handle).st_size > MOST_BYTES:
            raise OSError(f"is larger than {MOST_BYTES} bytes")
        return file.read()


def _require_regular(handle: int) -> None:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise OSError("is not a plain file")


def _is_torn(handle: int) -> bool:
    """Whether a crash left half a line at the end, which the next one must not be joined to."""
    size = os.lseek(handle, 0, os.SEEK_END)
    if size == 0:
        return False
    os.lseek(handle, size - 1, os.SEEK_SET)
    return os.read(handle, 1) != b"\n"


def _find_wrong(entry: Any, schema: str) -> str:
    """Return what is wrong with `entry`, in words that end a sentence; empty when it is right."""
    error = next(iter(named_validator(schema).iter_errors(entry)), None)
    if error is None:
        return ""
    where = error.json_path.removeprefix("$").lstrip(".")
    return f"has the wrong {where}: {error.message[:200]}" if where else f"is wrong: {error.message[:200]}"
