"""What a local copy of a run's or sweep's folder was when it last equalled the storage, kept beside its files.

``.uploaded.json`` has ``files``: name -> the object's version on the storage, and the file's size and time here; so
that what was changed since, here or there, is known without reading anything. ``pending`` is the id of an upload that
has begun: the file ``status.json`` on the storage says the same id for as long as that has not come to its end.

What is fetched and uploaded as one ("unit") is a run, or a sweep without the folders of its jobs. Locks, signs of life,
marks of this machine and what a queue wrote are never uploaded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from evalkit.object_storage.addresses import MARK
from evalkit.object_storage.objects import PROBE
from evalkit.whole_files import PARTIAL_SUFFIX, write_whole

STATUS = "status.json"
_STATE = ".uploaded.json"
ALIVE = ".alive.json"
"""Who works on it: on the storage only."""

FETCHED = ".fetched"
"""Where objects lie until all of them have arrived."""

_FORMAT = 1
_QUOTA = ".quota"
_NEVER = frozenset({".lock", _STATE, MARK, ALIVE})
_FOLDERS_NEVER = frozenset({".jobs", ".submitit", ".lab", FETCHED, "__pycache__"})
# What a run's folder has from its beginning, and a sweep's root.
_RUN_FILES = frozenset({"provenance.json", STATUS, "journal.jsonl", ".hydra"})
_ROOT_FILES = frozenset({"plan.json", "index.jsonl"})


@dataclass(frozen=True)
class FileState:
    """A file here: enough to know whether it was written since."""

    size_bytes: int
    changed_ns: int


@dataclass(frozen=True)
class Synced:
    """A file that was equal here and there: the object's version, and the file."""

    version: str
    state: FileState


@dataclass
class CopyState:
    """The content of ``.uploaded.json``."""

    files: dict[str, Synced] = field(default_factory=dict)
    pending: str | None = None


def read_state(unit: Path) -> CopyState:
    """Return what is known of a unit; nothing where its file is missing, or of another version."""
    try:
        document = json.loads((unit / _STATE).read_bytes())
        if document["format"] != _FORMAT:
            return CopyState()
        files = {
            name: Synced(version, FileState(size_bytes, changed_ns))
            for name, (version, size_bytes, changed_ns) in document["files"].items()
        }
        return CopyState(files, document["pending"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return CopyState()


def write_state(unit: Path, state: CopyState) -> None:
    """Write what is known of a unit."""
    files = {
        name: [synced.version, synced.state.size_bytes, synced.state.changed_ns] for name, synced in state.files.items()
    }
    document = {"format": _FORMAT, "pending": state.pending, "files": files}
    write_whole(unit / _STATE, [json.dumps(document).encode()])


def file_state(path: Path) -> FileState | None:
    """Return how a file stands; None where there is none."""
    try:
        told = path.stat()
    except OSError:
        return None
    return FileState(told.st_size, told.st_mtime_ns)


def scan(unit: Path) -> dict[str, FileState]:
    """Return the files of a unit that belong on the storage, by name; those of units below it do not."""
    found: dict[str, FileState] = {}
    waiting = [unit]
    is_run = not _RUN_FILES.isdisjoint(entry.name for entry in _entries(unit))
    while waiting:
        folder = waiting.pop()
        entries = _entries(folder)
        if folder != unit and not is_run and _is_unit(entry.name for entry in entries):
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink():
                continue
            if entry.is_dir():
                if entry.name not in _FOLDERS_NEVER:
                    waiting.append(path)
            elif belongs_there(name := path.relative_to(unit).as_posix()) and (state := file_state(path)):
                found[name] = state
    return found


def is_ledger(name: str) -> bool:
    """Whether a file of this name in a sweep's root says what the sweep has spent; it only grows."""
    return name.startswith(f"{_QUOTA}/spent") and name.endswith(".jsonl")


def belongs_there(name: str) -> bool:
    """Whether a file or object of this name is part of what is kept on the storage."""
    path = PurePosixPath(name)
    if path.parts[0] == _QUOTA and not is_ledger(name):
        return False
    if path.name in _NEVER or path.name.startswith(PROBE) or path.name.endswith((PARTIAL_SUFFIX, ".lock", ".beat")):
        return False
    return not _FOLDERS_NEVER.intersection(path.parts[:-1])


def find_units(root: Path) -> list[Path]:
    """Return `root` and every unit below it, those that lie deeper first; what lies in a run is part of it."""
    found: list[Path] = []
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        entries = _entries(folder)
        names = [entry.name for entry in entries]
        if folder == root or _is_unit(names):
            found.append(folder)
        if _RUN_FILES.isdisjoint(names):
            waiting.extend(
                Path(entry.path)
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and entry.name not in _FOLDERS_NEVER
            )
    return sorted(found, key=lambda folder: (-len(folder.parts), folder))


def split_into_units(names: Iterable[str]) -> dict[str, list[str]]:
    """Return unit -> the names in it, relative to it, of objects below an address; "" is the address itself."""
    kept = [name for name in names if belongs_there(name)]
    runs = {folder for name in kept for folder in _makes(name, _RUN_FILES)}
    roots = {folder for name in kept for folder in _makes(name, _ROOT_FILES)}
    split: dict[str, list[str]] = {}
    for name in kept:
        above = _folders_above(name)
        unit = next((folder for folder in above if folder in runs), None)
        if unit is None:
            unit = next((folder for folder in reversed(above) if folder in roots), "")
        split.setdefault(unit, []).append(name[len(unit) + 1 :] if unit else name)
    return split


def is_sweep_root(names: Iterable[str]) -> bool:
    """Whether a unit with files of these names is a sweep's root: all in it but its plan follows from its jobs."""
    return not _ROOT_FILES.isdisjoint(names)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _is_unit(names: Iterable[str]) -> bool:
    return not (_RUN_FILES | _ROOT_FILES).isdisjoint(names)


def _makes(name: str, files: frozenset[str]) -> list[str]:
    """Return the folder that an object makes a unit by lying in it under one of these names."""
    parts = name.split("/")
    return ["/".join(parts[:place]) for place, part in enumerate(parts) if part in files]


def _folders_above(name: str) -> list[str]:
    """Return the folders that an object lies in, the address itself first."""
    parts = name.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
