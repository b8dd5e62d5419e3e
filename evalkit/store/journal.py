"""The append-only journal: what is not in it did not happen.

One JSON object a line, flushed and synced as it happens. A torn last line (a crash, a full disk) is ignored by
readers; whoever goes on with a file cuts it off first.

=========== ============================================================================================
event       fields
=========== ============================================================================================
began       ``run_id``, ``planned`` (how many case-trials), ``at``: a new run's first line
started     ``key``, ``attempt``, ``at``
failed      ``key``, ``attempt``, ``duration_ms``, ``failure``, ``artifacts`` (name -> where what it left was put),
            ``cost_usd``, ``wait_s`` (the next attempt begins after so many seconds, at the earliest), ``at``
finished    ``key``, ``record_sha256``, ``reuse_key``, ``fault`` (null: none), ``cost_usd`` (role -> dollars of
            all attempts; null: a price is unknown), ``at``
graded      ``key``, ``graders`` (their ids), ``passed`` (the case-trial, by all its grades; null: not decided),
            ``at``: the grades stand in ``grades.jsonl``
concurrency ``limit``, ``reason``, ``at_s`` (seconds since the run began or was resumed), ``at``
paused      ``seconds`` in which no attempt begins (a rate limit is spent), ``limit``, ``reason``, ``at_s``, ``at``
ended       ``status``, ``exit_code``, ``at``: as ``status.json`` says it
resumed     ``planned``, ``at``: the run goes on after it had ended
=========== ============================================================================================

Runs of earlier versions have no ``began``, ``paused`` and ``ended``, and fewer fields: readers do without. ``at`` is
the wall clock's time, UTC.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


def append_line(path: Path, entry: Mapping[str, Any], *, sync: bool = True) -> None:
    """Append `entry` as one line to the JSON-lines file at `path`, on disk when this returns if `sync`."""
    append_lines(path, [entry], sync=sync)


def append_lines(path: Path, entries: Iterable[Mapping[str, Any]], *, sync: bool = True) -> None:
    """Append `entries`, a line each, on disk when this returns if `sync`.

    One write to a file opened for appending, so that threads may do so at the same time. Raises OSError when the disk
    does not take all of it; a torn line is then taken back if nobody has written behind it.
    """
    lines = b"".join(json.dumps(entry, ensure_ascii=False, allow_nan=False).encode() + b"\n" for entry in entries)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    try:
        written = os.write(handle, lines)
        if written != len(lines):
            end = os.lseek(handle, 0, os.SEEK_CUR)
            if os.fstat(handle).st_size == end:
                os.truncate(path, end - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)


def cut_torn_line(path: Path) -> None:
    """Cut the file back to its last whole line, when a crash left half of one."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a JSON-lines file; nothing when it does not exist.

    A line that is not a JSON object, which a disk fault or an editor left, is passed over with a warning: what it said
    did not happen.
    """
    if path.exists():
        yield from _parse(path, path.read_bytes().split(b"\n")[:-1])


def read_lines_from(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the whole lines behind the byte `offset`, and the offset to go on from, as :func:`read_lines` does."""
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        whole, newline, _ = file.read().rpartition(b"\n")
    return list(_parse(path, whole.split(b"\n"))) if newline else [], offset + len(whole) + len(newline)


def _parse(path: Path, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            yield entry
        else:
            _log.warning("%s: line %d is not a JSON object and is passed over", path.name, number)
