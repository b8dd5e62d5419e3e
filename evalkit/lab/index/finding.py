"""Which runs and sweeps lie in the served folders: a folder that did not change is not listed again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from evalkit.lab.index.writing import RunPlace

_DEEPEST = 5
_SETTLED_NS = 2_000_000_000  # a folder changed later than that may change again without another time on it


@dataclass(frozen=True)
class Found:
    """What lies in the folders.

    Attributes:
        runs: By directory.
        sweeps: Directory -> how many jobs are planned.
        folders: The folders that hold these, and those that are served.

    """

    runs: dict[Path, RunPlace]
    sweeps: dict[Path, int]
    folders: tuple[Path, ...]


@dataclass
class _Listing:
    """What was in a folder when it was listed: the runs in it, or itself where it is one, and the other folders."""

    root: Path
    changed_ns: int
    runs: dict[Path, RunPlace]
    others: tuple[str, ...]
    jobs: int | None


@dataclass
class RunFinder:
    """Finds runs in `folders`, also where one lies in another; symbolic links are not followed."""

    folders: Sequence[Path]
    _listings: dict[str, _Listing] = field(default_factory=dict)

    def find(self) -> Found:
        """Return what lies there now."""
        runs: dict[Path, RunPlace] = {}
        sweeps: dict[Path, int] = {}
        seen: dict[str, _Listing] = {}
        for folder in self.folders:
            waiting: list[tuple[str, int, Path | None]] = [(str(folder), 0, None)]
            while waiting:
                path, depth, sweep = waiting.pop()
                listing = None if path in seen else self._list(path, folder, sweep)
                if listing is None:
                    continue
                seen[path] = listing
                runs.update(listing.runs)
                if listing.jobs is not None:
                    sweeps[listing.root] = listing.jobs
                if depth < _DEEPEST:
                    inside = None if listing.jobs is None else listing.root
                    waiting.extend((other, depth + 1, inside) for other in listing.others)
        self._listings = seen
        return Found(runs, sweeps, tuple(listing.root for listing in seen.values()))

    def _list(self, path: str, folder: Path, sweep: Path | None) -> _Listing | None:
        known = self._listings.get(path)
        try:
            changed_ns = os.stat(path).st_mtime_ns  # noqa: PTH116 - a Path for each of thousands costs more
            if known and known.changed_ns == changed_ns < time.time_ns() - _SETTLED_NS:
                return known
            names = _names(path)
        except OSError:  # gone, or not ours to read
            return None
        if _is_run(names.keys()):
            place = RunPlace(Path(path), folder, sweep)
            return _Listing(place.root, changed_ns, {place.root: place}, (), None)
        inner = [f"{path}{os.sep}{name}" for name, is_folder in sorted(names.items()) if is_folder and name[0] != "."]
        jobs = _jobs(Path(path), names.keys(), len(inner))
        known_runs = {str(root): place for root, place in known.runs.items()} if known else {}
        runs: dict[Path, RunPlace] = {}
        others = []
        for inside in inner:
            if inside in known_runs or _holds_run(inside):
                root = Path(inside)
                runs[root] = RunPlace(root, folder, None if jobs is None else Path(path))
            else:
                others.append(inside)
        return _Listing(Path(path), changed_ns, runs, tuple(others), jobs)


def _names(path: str) -> dict[str, bool]:
    with os.scandir(path) as entries:
        return {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}


def _holds_run(path: str) -> bool:
    try:
        return _is_run(_names(path).keys())
    except OSError:
        return False


def _is_run(names: Set[str]) -> bool:
    return bool({"provenance.json", "journal.jsonl"} & names or {"config.yaml", "records"} <= names)


def _jobs(path: Path, names: Set[str], folders: int) -> int | None:
    """Return how many jobs the sweep in `path` has; None: it is no sweep."""
    if not {"plan.json", "index.jsonl"} & names:
        return None
    try:
        if "plan.json" in names:
            return len(json.loads((path / "plan.json").read_bytes())["jobs"])
        return sum(bool(line.strip()) for line in (path / "index.jsonl").read_bytes().splitlines())
    except (OSError, ValueError, KeyError, TypeError):
        return folders
