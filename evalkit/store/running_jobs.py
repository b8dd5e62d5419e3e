"""Which jobs of a sweep have begun, which run now and where, which have ended, and whether any more may begin.

The folder ``.jobs`` in the sweep's root has, for each job that has begun:

``<n>.json``   which process on which machine runs it
``<n>.lock``   locked while it does. The operating system frees it whatever way the process ends, so a job that was
               killed is never taken for a running one, nor a stranger for the job; it is asked on that machine only
``<n>.beat``   a counter that moves while it does, for every other machine (:mod:`evalkit.store.heartbeat`)
``<n>.ended``  exists once it has come to an end by itself, whatever its status says

``queue.json`` names the jobs as the queue that they wait in knows them, where they were given to one. ``stop`` exists
once the sweep is to end: jobs that have not begun then never do. ``launcher.*`` are of the process that launches them
(:mod:`evalkit.store.launching_process`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from evalkit.store.files import write_atomically
from evalkit.store.heartbeat import beating
from evalkit.store.host import host_identity


@dataclass(frozen=True)
class BegunJob:
    """Where a job was begun.

    Attributes:
        pid: The process.
        host: The machine, as :func:`~evalkit.store.host.host_identity` names it.

    """

    pid: int
    host: str

    @property
    def is_here(self) -> bool:
        """Whether that is this machine."""
        return self.host == host_identity()


@dataclass(frozen=True)
class QueuedJobs:
    """What a queue was given.

    Attributes:
        queue: The launcher's name.
        ids: Number of the job -> what the queue calls it.

    """

    queue: str
    ids: Mapping[int, str]


class JobMarks(NamedTuple):
    """The numbers of jobs by what their files say, as one look at the folder has found them."""

    begun: frozenset[int]
    ended: frozenset[int]


@dataclass(frozen=True)
class RunningJobs:
    """The jobs of the sweep in `root`."""

    root: Path

    @contextmanager
    def running(self, number: int, *, comes_again: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Mark job `number` as begun, and as run by this process until the block ends.

        It has then come to an end, unless it was interrupted and its queue will start it again, as `comes_again` tells.
        """
        lock = FileLock(self._lock_path(number))
        self._folder.mkdir(parents=True, exist_ok=True)
        with lock, beating(self.beat_path(number)):
            self._ended_path(number).unlink(missing_ok=True)
            where = {"pid": os.getpid(), "host": host_identity()}
            write_atomically(self._mark_path(number), json.dumps(where) + "\n")
            has_ended = True
            try:
                yield
            except KeyboardInterrupt:
                has_ended = not comes_again()
                raise
            finally:
                if has_ended:
                    self._ended_path(number).touch()

    def has_begun(self, number: int) -> bool:
        """Tell whether the job has ever been started since it was last forgotten."""
        return self._mark_path(number).exists()

    def has_ended(self, number: int) -> bool:
        """Tell whether the job has come to an end by itself; one that was killed has not."""
        return self._ended_path(number).exists()

    def list_marks(self) -> JobMarks:
        """Return which jobs have begun and which have ended, by one look at the folder, however many there are."""
        try:
            names = [entry.name for entry in os.scandir(self._folder)]
        except FileNotFoundError:
            names = []
        return JobMarks(*(frozenset(_numbers(names, suffix)) for suffix in (".json", ".ended")))

    def find_begun(self, number: int) -> BegunJob | None:
        """Return where the job was begun, None when it was not."""
        try:
            mark = json.loads(self._mark_path(number).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return BegunJob(int(mark["pid"]), str(mark["host"]))

    def is_locked(self, number: int) -> bool:
        """Tell whether a process of this machine runs the job; of other machines a lock says nothing for sure."""
        try:
            with FileLock(self._lock_path(number), timeout=0):
                return False
        except Timeout:
            return True

    def beat_path(self, number: int) -> Path:
        """The counter that moves while the job runs."""
        return self._folder / f"{number}.beat"

    def find_pids(self) -> dict[int, int]:
        """Return the process id of each job, by its number, that is running on this machine now."""
        marks = self.list_marks()
        begun = {number: found for number in marks.begun - marks.ended if (found := self.find_begun(number))}
        return {number: job.pid for number, job in begun.items() if job.is_here and self.is_locked(number)}

    def note_queued(self, queued: QueuedJobs) -> None:
        """Remember what a queue was given, for whoever watches the sweep later; jobs that it names no more are kept."""
        before = self.find_queued()
        known = dict(before.ids) if before is not None and before.queue == queued.queue else {}
        self._write_queued(queued.queue, {**known, **queued.ids})

    def find_queued(self) -> QueuedJobs | None:
        """Return what a queue was given, None when the jobs wait in none."""
        try:
            noted = json.loads(self._queue_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return QueuedJobs(noted["queue"], {int(number): name for number, name in noted["ids"].items()})

    def forget(self, numbers: Iterable[int]) -> None:
        """Take `numbers` for jobs that have not begun and that no queue was given, and let jobs begin again."""
        (self._folder / "stop").unlink(missing_ok=True)
        forgotten = set(numbers)
        for number in forgotten:
            for path in (self._mark_path(number), self._ended_path(number)):
                path.unlink(missing_ok=True)
        queued = self.find_queued()
        if queued is not None and forgotten & set(queued.ids):
            self._write_queued(queued.queue, {number: queued.ids[number] for number in set(queued.ids) - forgotten})

    def stop(self) -> None:
        """Let no further job begin."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "stop").touch()

    @property
    def is_stopped(self) -> bool:
        """Whether no further job may begin."""
        return (self._folder / "stop").exists()

    def _write_queued(self, queue: str, ids: Mapping[int, str]) -> None:
        document = {"queue": queue, "ids": {str(number): ids[number] for number in sorted(ids)}}
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._queue_path, json.dumps(document) + "\n")

    @property
    def _folder(self) -> Path:
        return self.root / ".jobs"

    @property
    def _queue_path(self) -> Path:
        return self._folder / "queue.json"

    def _mark_path(self, number: int) -> Path:
        return self._folder / f"{number}.json"

    def _ended_path(self, number: int) -> Path:
        return self._folder / f"{number}.ended"

    def _lock_path(self, number: int) -> Path:
        return self._folder / f"{number}.lock"


def _numbers(names: Iterable[str], suffix: str) -> Iterator[int]:
    for name in names:
        stem = name.removesuffix(suffix)
        if stem != name and stem.isdigit():
            yield int(stem)
