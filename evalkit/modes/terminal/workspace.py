"""What stands in a workspace, seen from outside the box: no link is followed, nothing but regular files is read."""

from __future__ import annotations

import difflib
import io
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from evalkit.records.json import Json

KEPT_BYTES = 64 * 1024
"""How much of a text file a record keeps."""
_READ_BYTES = 16 * 1024 * 1024
MOST_FILES = 20_000
"""How many files and folders are looked at; of a fuller workspace nothing is said to be unchanged."""
_DIFF_BYTES = 200_000


@dataclass(frozen=True)
class Entry:
    """A file, folder or other thing in a workspace.

    Attributes:
        kind: ``file``, ``folder``, ``link``, ``fifo`` or ``other``.
        size: Bytes of a file.
        content: Of a regular file that is not too long; None otherwise.
        target: Where a link leads, as it is written.

    """

    kind: str
    size: int = 0
    content: bytes | None = None
    target: str = ""

    @property
    def observation(self) -> dict[str, Json]:
        """What a record keeps: its text up to :data:`KEPT_BYTES`, and the hash of its whole content."""
        found: dict[str, Json] = {"kind": self.kind, "size": self.size}
        if self.content is not None:
            found["sha256"] = sha256(self.content).hexdigest()
            text = _text_of(self.content)
            if text is not None and len(self.content) <= KEPT_BYTES:
                found["text"] = text
        if self.target:
            found["target"] = self.target
        return found


Tree = Mapping[str, Entry]
"""Path below the workspace -> what stands there."""


def read_tree(folder: Path) -> dict[str, Entry]:
    """Return everything in `folder` with the contents of its files."""
    return {path: _read(folder, path, found) for path, found in _walk(folder)}


def watch_tree(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return what tells a changed file from an unchanged one, for everything in `folder` but folders: quick."""
    return {
        path: (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode)
        for path, found in _walk(folder)
        if not stat.S_ISDIR(found.st_mode)
    }


def find_changed(before: Mapping[str, object], after: Mapping[str, object], litter: Collection[str] = ()) -> list[str]:
    """Return the paths that were added, changed or removed; what matches a glob of `litter` does not count."""
    paths = before.keys() | after.keys()
    return sorted(path for path in paths if before.get(path) != after.get(path) and not is_litter(path, litter))


def find_changed_entries(before: Tree, after: Tree, litter: Collection[str] = ()) -> list[str]:
    """Return the paths whose files, links and other things are not what they were; folders alone do not count."""
    kept = [{path: entry for path, entry in tree.items() if entry.kind != "folder"} for tree in (before, after)]
    return find_changed(kept[0], kept[1], litter)


def is_litter(path: str, litter: Collection[str]) -> bool:
    """Whether a path, or a folder that it lies in, matches one of the globs."""
    parts = path.split("/")
    heads = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    return any(fnmatchcase(head, glob) for head in heads for glob in litter)


def write_diff(before: Tree, after: Tree) -> str:
    """Return the changes between two trees as a unified diff, bounded; what is no text is named."""
    lines: list[str] = []
    size = 0
    for path in find_changed_entries(before, after):
        for line in _diff_of(path, before.get(path), after.get(path)):
            size += len(line)
            if size > _DIFF_BYTES:
                return "".join([*lines, "... and more\n"])
            lines.append(line)
    return "".join(lines)


def _diff_of(path: str, old: Entry | None, new: Entry | None) -> Iterator[str]:
    texts = [_lines_of(entry) for entry in (old, new)]
    if texts[0] is None or texts[1] is None:
        yield f"# {path}: {_named(old)} -> {_named(new)}\n"
        return
    names = ("/dev/null" if old is None else f"a/{path}", "/dev/null" if new is None else f"b/{path}")
    for line in difflib.unified_diff(texts[0], texts[1], *names):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines_of(entry: Entry | None) -> list[str] | None:
    if entry is None:
        return []
    text = _text_of(entry.content) if entry.kind == "file" and entry.content is not None else None
    return None if text is None else list(io.StringIO(text, newline="\n"))


def _named(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    return f"a {entry.kind} to {entry.target}" if entry.target else f"a {entry.kind} of {entry.size} bytes"


def _text_of(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every path below `folder` with its state; no further than so many."""
    waiting, count = [folder], 0
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            count += 1
            if count > MOST_FILES:
                return
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield os.fsencode(entry.path).decode("utf-8", "replace")[len(str(folder)) + 1 :], found
            if stat.S_ISDIR(found.st_mode):
                waiting.append(Path(entry.path))


def _read(folder: Path, path: str, found: os.stat_result) -> Entry:
    mode = found.st_mode
    if stat.S_ISLNK(mode):
        return Entry("link", target=_link_of(folder / path))
    if stat.S_ISDIR(mode):
        return Entry("folder")
    if stat.S_ISFIFO(mode):
        return Entry("fifo")
    if not stat.S_ISREG(mode):
        return Entry("other")
    return Entry("file", found.st_size, _content_of(folder / path) if found.st_size <= _READ_BYTES else None)


def _link_of(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return "?"


def _content_of(path: Path) -> bytes | None:
    """Return a file's bytes; whatever it has become since it was looked at, nothing is waited for or followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(_READ_BYTES)
