"""What the processes of a box use, read from /proc by somebody outside it."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def find_descendants(root: int) -> list[int]:
    """Return `root` and every process that came from it, as far as they still run."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - called 30 times a second
                waiting += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
        except OSError:
            continue
    return found


def measure_memory(root: int, limit: int, *, without_root: bool = False) -> int:
    """Return the resident memory of `root` and all that came from it, in bytes.

    Memory that processes share is counted once for each of them, which is quick, unless the sum is more than `limit`:
    then it is counted again, each page once, so that nobody is stopped for forking.
    """
    pids = find_descendants(root)[without_root:]
    quick = sum(_resident(pid) for pid in pids)
    return quick if quick <= limit else sum(_proportional(pid) for pid in pids)


def count_files(root: int, folders: tuple[str, ...]) -> int:
    """Return how many files and folders the file systems mounted at `folders`, as `root` sees them, hold together."""
    count = 0
    for folder in folders:
        try:
            found = os.statvfs(f"/proc/{root}/root{folder}")
        except OSError:
            continue
        count += found.f_files - found.f_ffree
    return count


def is_fuller(*folders: Path, most_bytes: int, most_files: int) -> bool:
    """Return whether folders together hold more than so many bytes or files; follows no link, counts no further."""
    size = files = 0
    waiting = list(map(str, folders))
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    files += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    if size > most_bytes or files > most_files:
                        return True
        except OSError:
            continue
    return False


def _resident(pid: int) -> int:
    """Return the resident memory of one process in bytes; 0 when it is gone."""
    try:
        return int(_read(f"/proc/{pid}/statm").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    """Return the resident memory of one process with shared pages divided among those who share them."""
    try:
        lines = _read(f"/proc/{pid}/smaps_rollup").splitlines()
    except OSError:
        return _resident(pid)
    for line in lines:
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(path: str) -> bytes:
    return Path(path).read_bytes()
