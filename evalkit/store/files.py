"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

_PARTIAL = ".partial"


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` through a temporary sibling, so that a reader or a crash never sees half of it.

    Raises OSError, leaving nothing behind, when it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def remove_partial_files(root: Path) -> None:
    """Remove what :func:`write_atomically` left below `root` when its process was killed."""
    for partial in root.rglob(f".*{_PARTIAL}"):
        partial.unlink(missing_ok=True)
