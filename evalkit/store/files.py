"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from evalkit.whole_files import PARTIAL_SUFFIX, write_whole


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` through a temporary sibling, so that a reader or a crash never sees half of it.

    Raises OSError, leaving nothing behind, when it cannot be written.
    """
    write_whole(path, [content.encode() if isinstance(content, str) else content])


def stream_atomically(path: Path, pieces: Iterable[bytes]) -> None:
    """Write `pieces` one after the other, as :func:`write_atomically` does, without holding them all at once.

    When making a piece fails, `path` stays as it was, and nothing is left beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL_SUFFIX}")
    try:
        with partial.open("wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_partial_files(root: Path) -> None:
    """Remove what :func:`stream_atomically` left below `root` when its process was killed."""
    for partial in root.rglob(f".*{PARTIAL_SUFFIX}"):
        partial.unlink(missing_ok=True)
