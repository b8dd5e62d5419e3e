"""Reads one file out of a folder that somebody else filled, without following any link that was laid there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_regular(folder: Path, path: str, most: int) -> bytes | None:
    """Return the content of the regular file at `path` below `folder`, or None.

    None as well when it is empty, longer than `most` bytes, or reached through a link.
    """
    *parents, name = path.split("/")
    opened = [os.open(folder, _FOLDER)]
    try:
        for part in parents:
            opened.append(os.open(part, _FOLDER, dir_fd=opened[-1]))
        opened.append(os.open(name, _FILE, dir_fd=opened[-1]))
        if not stat.S_ISREG(os.fstat(opened[-1]).st_mode):
            return None
        with os.fdopen(opened.pop(), "rb") as file:
            content = file.read(most + 1)
    except OSError:
        return None
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return content if 0 < len(content) <= most else None
