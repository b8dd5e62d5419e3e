"""Which paths a job may name: none that leads out of its folder, none that a program on the way could misread."""

from __future__ import annotations

import re
from collections.abc import Iterable

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_TAKEN = ("/proc", "/dev", "/tmp", "/ws", "/sys", "/etc")  # noqa: S108 - names inside a box


def check_relative(paths: Iterable[str]) -> None:
    """Raise ValueError unless every path stays below the folder it is counted from, and no file is also a folder."""
    files = list(paths)
    for path in files:
        _check_parts(path, path)
    folders = {path[: found.start()] for path in files for found in re.finditer("/", path)}
    both = folders & set(files)
    if both:
        raise ValueError(f"{min(both)!r} is both a file and a folder")


def check_inside(folder: str, paths: Iterable[str]) -> None:
    """Raise ValueError unless every absolute path is below `folder`."""
    start = folder + "/"
    named = list(paths)
    for path in named:
        if not path.startswith(start):
            raise ValueError(f"{path!r} is not below {folder}")
    check_relative(path.removeprefix(start) for path in named)


def check_folder_inside(folder: str, inside: str) -> None:
    """Raise ValueError unless both are absolute, and `inside` is no place that the box itself needs."""
    for path in (folder, inside):
        if not path.startswith("/"):
            raise ValueError(f"{path!r} is not absolute")
        _check_parts(path.removeprefix("/"), path)
    if any(inside == taken or inside.startswith(taken + "/") for taken in _TAKEN):
        raise ValueError(f"nothing can be placed at {inside!r} in a box")


def _check_parts(path: str, shown: str) -> None:
    """Raise ValueError when a part of a relative path is empty, a dot or two, too long, or holds control characters."""
    if _CONTROL.search(path):
        raise ValueError(f"path {shown!r} holds a control character")
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        raise ValueError(f"path {shown!r} cannot be written as UTF-8") from None
    if len(encoded) > 1024:
        raise ValueError(f"path {shown[:40]!r}... is longer than 1,024 bytes")
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            raise ValueError(f"path {shown!r} must be written without empty parts, '.' and '..'")
        if len(part.encode()) > 255:
            raise ValueError(f"path {shown[:40]!r}... has a part longer than 255 bytes")
