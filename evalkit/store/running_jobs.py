"""Which jobs of a sweep have begun, which are running now and where, and whether any more may begin.

The folder ``.jobs`` in the sweep's root has two files for each job that has begun: ``<n>.json`` says which process on
which machine runs it, ``<n>.lock`` is locked while it does. The operating system frees the lock whatever way the
process ends, so a job that was killed is never taken for a running one, nor a stranger for the job. ``stop`` exists
once the sweep is to end: jobs that have not begun then never do.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from evalkit.store.files import write_atomically
from evalkit.store.host import host_identity


@dataclass(frozen=True)
class RunningJobs:
    """The jobs of the sweep in `root`."""

    root: Path

    @contextmanager
    def running(self, number: int) -> Iterator[None]:
        """Mark job `number` as begun, and as run by this process until the block ends."""
        lock = FileLock(self._lock_path(number))
        self._folder.mkdir(parents=True, exist_ok=True)
        with lock:
            where = {"pid": os.getpid(), "host": host_identity()}
            write_atomically(self._mark_path(number), json.dumps(where) + "\n")
            yield

    def has_begun(self, number: int) -> bool:
        """Tell whether the job has ever been started since it was last forgotten."""
        return self._mark_path(number).exists()

    def find_pids(self) -> dict[int, int]:
        """Return the process id of each job, by its number, that is running on this machine now."""
        marks = {path: json.loads(path.read_text(encoding="utf-8")) for path in self._folder.glob("*.json")}
        return {
            int(path.stem): int(mark["pid"])
            for path, mark in marks.items()
            if mark["host"] == host_identity() and self._is_locked(int(path.stem))
        }

    def forget(self, numbers: Iterable[int]) -> None:
        """Take `numbers` for jobs that have not begun, and let jobs begin again."""
        (self._folder / "stop").unlink(missing_ok=True)
        for number in numbers:
            self._mark_path(number).unlink(missing_ok=True)

    def stop(self) -> None:
        """Let no further job begin."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "stop").touch()

    @property
    def is_stopped(self) -> bool:
        """Whether no further job may begin."""
        return (self._folder / "stop").exists()

    @property
    def _folder(self) -> Path:
        return self.root / ".jobs"

    def _mark_path(self, number: int) -> Path:
        return self._folder / f"{number}.json"

    def _lock_path(self, number: int) -> Path:
        return self._folder / f"{number}.lock"

    def _is_locked(self, number: int) -> bool:
        try:
            with FileLock(self._lock_path(number), timeout=0):
                return False
        except Timeout:
            return True
