"""Files that are there whole or not at all, and files that grow, written with as few calls to the system as that takes.

A run writes several files for each case, from threads: every call gives up the interpreter and has to win it back from
the conversations that go on, which costs many times the call itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

PARTIAL_SUFFIX = ".partial"


def write_whole(path: Path, pieces: Sequence[bytes]) -> None:
    """Write `pieces` to `path`, its folder made if need be, through a hidden sibling that ends in ``.partial``.

    On disk when this returns; a reader or a crash never sees half of it. Raises OSError, leaving nothing behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{PARTIAL_SUFFIX}")
    try:
        _write(partial, os.O_TRUNC, b"".join(pieces), sync=True)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def append(path: Path, content: bytes | bytearray) -> None:
    """Write `content` behind what `path` holds, the file and its folder made if need be. Raises OSError."""
    _write(path, os.O_APPEND, content, sync=False)


def _write(path: Path, how: int, content: bytes | bytearray, *, sync: bool) -> None:
    handle = _open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | how)
    try:
        written = os.write(handle, content)
        while written < len(content):  # the system may take less at once
            written += os.write(handle, memoryview(content)[written:])
        if sync:
            os.fsync(handle)
    finally:
        os.close(handle)


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o666)
