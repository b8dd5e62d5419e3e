"""Which runs and sweeps lie in the served folders: a folder that did not change is not listed again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
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
    changed_ns: int
    is_run: bool
    jobs: int | None
    inner: tuple[str, ...]


@dataclass
class RunFinder:
    """Finds runs in `folders`, also where one lies in another; symbolic links are not followed."""

    folders: Sequence[Path]
    _listings: dict[str, _Listing] = field(default_factory=dict)

    def find(self) -> Found:
        """Return what lies there now."""
        found = Found({}, {}, ())
        seen: dict[str, _Listing] = {}
        holding: list[Path] = []
        for folder in self.folders:
            for path, listing, sweep in self._walk(str(folder), seen):
                root = Path(path)
                if listing.is_run:
                    found.runs.setdefault(root, RunPlace(root, folder, sweep))
                    continue
                holding.append(root)
                if listing.jobs is not None:
                    found.sweeps[root] = listing.jobs
        self._listings = seen
        return Found(found.runs, found.sweeps, tuple(holding))

    def _walk(self, folder: str, seen: dict[str, _Listing]) -> Iterator[tuple[str, _Listing, Path | None]]:
        waiting: list[tuple[str, int, Path | None]] = [(folder, 0, None)]
        while waiting:
            path, depth, sweep = waiting.pop()
            listing = None if path in seen else self._list(path)
            if listing is None:
                continue
            seen[path] = listing
            yield path, listing, sweep
            if depth < _DEEPEST and not listing.is_run:
                inside = Path(path) if listing.jobs is not None else None
                waiting.extend((f"{path}{os.sep}{name}", depth + 1, inside) for name in listing.inner)

    def _list(self, path: str) -> _Listing | None:
        known = self._listings.get(path)
        try:
            changed_ns = os.stat(path).st_mtime_ns  # noqa: PTH116 - a Path for each of thousands costs more
            if known and known.changed_ns == changed_ns and (known.is_run or changed_ns < time.time_ns() - _SETTLED_NS):
                return known
            return _listed(path, changed_ns)
        except OSError:  # gone, or not ours to read
            return None


def _listed(path: str, changed_ns: int) -> _Listing:
    with os.scandir(path) as entries:
        names = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries}
    is_run = bool({"provenance.json", "journal.jsonl"} & names.keys() or {"config.yaml", "records"} <= names.keys())
    inner = tuple(sorted(name for name, is_folder in names.items() if is_folder and not name.startswith(".")))
    return _Listing(changed_ns, is_run, _jobs(Path(path), set(names), len(inner)), inner)


def _jobs(path: Path, names: set[str], folders: int) -> int | None:
    """Return how many jobs the sweep in `path` has; None: it is no sweep."""
    if not {"plan.json", "index.jsonl"} & names:
        return None
    try:
        if "plan.json" in names:
            return len(json.loads((path / "plan.json").read_bytes())["jobs"])
        return sum(bool(line.strip()) for line in (path / "index.jsonl").read_bytes().splitlines())
    except (OSError, ValueError, KeyError, TypeError):
        return folders
