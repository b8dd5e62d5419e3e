"""Keeps the index what the runs' directories are, within a second of every change to them.

What is going on now is looked at a few times a second; everything else about once a second, by the times and sizes of
its files. Where the system tells of changes in folders (watchfiles), they are looked at at once. The follower has a
thread of its own, and is the only one that writes to the index.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from evalkit.lab.index.finding import RunFinder
from evalkit.lab.index.reading import RunReader
from evalkit.lab.index.rows import DAMAGED
from evalkit.lab.index.tables import RUN, SWEEP
from evalkit.lab.index.watching import FolderWatch
from evalkit.lab.index.writing import IndexWriter, PeoplesMarks, RunPlace, sum_up, unsummed_pairs
from evalkit.lab.people.notes import NOTES_FILE, read_notes
from evalkit.lab.people.reviews import REVIEWS_FILE, read_reviews
from evalkit.lab.people.tags import TAGS_FILE, read_tags
from evalkit.lab.people.troubles import find_people_troubles
from evalkit.store.run_directory import RunDirectory

_log = logging.getLogger(__name__)

_SWEEP_S = 0.7  # between two looks at everything
_LIVE_S = 0.2  # between two looks at what is going on
_COMMIT_S = 0.5  # the longest that rows wait for being seen while many are written
_HOT_S = 10.0  # so long after a change a run counts as going on: it may be being copied, or be graded
_YOUNG_S = 2.0  # so long a directory may be without the files that a run begins with
_THOROUGH_EVERY = 10  # looks at everything, after which all files of a run have been looked at
_BATCH_S = 2.0  # the longest that what is going on waits while much else is read
_LOOK_WAIT_S = 1.0  # the longest that somebody waits for what they have just changed
_PAUSE_S = 0.1  # the least time between two looks
_SUM_S = 1.0  # the least time between two sums of what each model did
_PEOPLES_FILES = (TAGS_FILE, NOTES_FILE, REVIEWS_FILE)
_FILES = (
    "journal.jsonl", "grades.jsonl", "provenance.json", "config.yaml", "status.json", "records", *_PEOPLES_FILES,
)  # fmt: skip


@dataclass
class _Known:
    """What the follower knows of a run.

    Attributes:
        stamps: Times and sizes of all its files when it was read.
        quick: Of those two that nearly every change touches; None: not looked at since the follower began.
        is_live: Whether a process was writing it.
        reader: What has read it, kept while it is going on.
        changed_s: When it last changed, by the monotonic clock.
        has_trouble: Whether something was wrong with it.

    """

    stamps: str
    is_live: bool
    quick: tuple[int, ...] | None = None
    reader: RunReader | None = None
    changed_s: float = 0.0
    has_trouble: bool = False


class Follower:
    """Follows the runs in `folders`, and writes what they are into the index.

    Attributes:
        has_looked: Whether all that was there at first is in the index.

    """

    def __init__(self, engine: Engine, folders: Sequence[Path]) -> None:
        self._engine = engine
        self._finder = RunFinder(tuple(folders))
        self._watch = FolderWatch()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._places: dict[Path, RunPlace] = {}
        self._holding: frozenset[Path] = frozenset()
        self._looks = 0
        self._is_behind = False
        self._summed_s, self._sum_took_s = -_SUM_S, 0.0
        self.has_looked = False
        with engine.connect() as connection:
            rows = connection.execute(select(RUN.c.root, RUN.c.stamps, RUN.c.is_live)).all()
            self._known = {Path(row.root): _Known(row.stamps, row.is_live) for row in rows}
            self._sweeps = {Path(row.root): row.jobs for row in connection.execute(select(SWEEP.c.root, SWEEP.c.jobs))}
            self._has_unsummed = bool(unsummed_pairs(connection))

    def start(self) -> None:
        """Begin to follow; what is there already is read first."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._follow, name="lab-index", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop following, and wait until nothing is written any more."""
        self._stopping.set()
        self._watch.wake()
        if self._thread is not None:
            self._thread.join()
        self._watch.close()

    def catch_up(self) -> None:
        """Make the index right about all that is there now, every file of it looked at."""
        with self._lock:
            self._look_at_all(thorough=True)

    def look_at(self, root: Path) -> None:
        """Make the index right about the run in `root` now, for whoever has just changed it.

        Where the follower is busy with much else, it sees the change a little later by itself.
        """
        if not self._lock.acquire(timeout=_LOOK_WAIT_S):
            return
        try:
            place = self._places.get(root)
            if place is not None and self._has_changed(place, thorough=True):
                self._write([place])
                self._sum_up(at_once=False)
        finally:
            self._lock.release()

    # --- the thread ---

    def _follow(self) -> None:
        swept_s = -_SWEEP_S
        while not self._stopping.is_set():
            begun_s = time.monotonic()
            changed = self._watch.take_changed()
            try:
                with self._lock:
                    if changed & self._holding or self._is_behind or begun_s - swept_s >= _SWEEP_S:
                        swept_s = begun_s
                        self._look_at_all(thorough=False)
                    else:
                        self._look_at_hot()
            except (SQLAlchemyError, OSError):  # a locked database, a full disk: what was not written is tried again
                _log.exception("the lab's index could not be brought up to date; it is tried again")
            spent_s = time.monotonic() - begun_s
            is_hot = any(known.reader for known in self._known.values())
            # However much changes, and however long a look takes, there is time left for those who ask.
            self._stopping.wait(_PAUSE_S if self._is_behind else max(_PAUSE_S, spent_s))
            if not self._is_behind:
                self._watch.wait(max((_LIVE_S if is_hot else _SWEEP_S) - spent_s - _PAUSE_S, 0.0))

    def _look_at_all(self, *, thorough: bool) -> None:
        found = self._finder.find()
        self._looks += 1
        self._places = found.runs
        gone = self._known.keys() - found.runs.keys()
        if gone or found.sweeps != self._sweeps:
            with self._engine.begin() as connection:
                writer = IndexWriter(connection)
                writer.remove_runs(gone)
                writer.write_sweeps(found.sweeps)
                writer.settle()
            self._sweeps, self._has_unsummed = found.sweeps, True
            for root in gone:
                del self._known[root]
        changed = [
            place
            for number, place in enumerate(found.runs.values())
            if self._has_changed(place, thorough=thorough or (number + self._looks) % _THOROUGH_EVERY == 0)
        ]
        changed.sort(key=lambda place: place.relative, reverse=True)  # folders are called by dates: the newest first
        self._write(changed, None if thorough else _BATCH_S)
        self._sum_up(at_once=thorough)
        self._holding = frozenset(found.folders)
        self._watch.watch([*found.folders, *(root for root, known in self._known.items() if known.is_live)])
        self.has_looked = True

    def _look_at_hot(self) -> None:
        hot = [root for root, known in self._known.items() if known.reader]
        self._write(
            [place for root in hot if (place := self._places.get(root)) and self._has_changed(place, thorough=True)]
        )

    # --- one run ---

    def _has_changed(self, place: RunPlace, *, thorough: bool) -> bool:
        """Tell whether the run has to be read again."""
        known = self._known.get(place.root)
        if known is None:
            return True
        now_s, root = time.monotonic(), str(place.root)
        is_hot = known.reader is not None
        quick = (*_stamp(root)[:1], *_stamp(f"{root}{os.sep}journal.jsonl"))
        if (quick != known.quick or thorough or is_hot) and _stamps(root) != known.stamps:
            return True
        known.quick = quick
        if known.is_live:  # its end may leave no trace but that nobody holds it any more
            return known.reader is None or not RunDirectory(place.root).is_held()
        if is_hot and now_s - known.changed_s > _HOT_S:
            known.reader = None
            return known.has_trouble  # one last look: what was wrong may only have been on its way
        return is_hot and known.has_trouble and now_s - known.changed_s < _HOT_S and self._looks % 2 == 0

    def _write(self, places: Sequence[RunPlace], at_most_s: float | None = None) -> None:
        """Read the runs in `places`, and write what was read; what takes longer than `at_most_s` waits for its turn."""
        begun_s = time.monotonic()
        waiting = deque(places)
        self._is_behind = False
        while waiting and not self._stopping.is_set():
            with self._engine.begin() as connection:
                writer = IndexWriter(connection)
                until_s = time.monotonic() + _COMMIT_S
                is_due = False
                while waiting and not is_due:
                    self._read_into(writer, waiting.popleft())
                    is_due = time.monotonic() > until_s or self._stopping.is_set()
                writer.settle()
                self._has_unsummed = True
            if at_most_s is not None and time.monotonic() - begun_s > at_most_s:
                self._is_behind = bool(waiting)
                return

    def _sum_up(self, *, at_once: bool) -> None:
        """Sum up each model's tries where they changed, but not so often that this is most of what is done."""
        begun_s = time.monotonic()
        is_due = begun_s - self._summed_s >= max(_SUM_S, 20 * self._sum_took_s)
        if self._has_unsummed and (at_once or is_due) and not self._stopping.is_set():
            with self._engine.begin() as connection:
                sum_up(connection)
            self._has_unsummed = False
            self._summed_s = time.monotonic()
            self._sum_took_s = self._summed_s - begun_s

    def _read_into(self, writer: IndexWriter, place: RunPlace) -> None:
        root = str(place.root)
        known = self._known.get(place.root)
        reader = (known.reader if known else None) or RunReader(place.root)
        quick, stamps = (*_stamp(root)[:1], *_stamp(f"{root}{os.sep}journal.jsonl")), _stamps(root)
        try:
            change, marks = reader.read(), _marks(place.root)
        except Exception as error:  # noqa: BLE001 - whatever lies in one directory, the others have to be read
            change, marks = reader.damaged(error), PeoplesMarks()
        if change.values["status"] == DAMAGED and known is None and _age_s(place.root) < _YOUNG_S:
            return
        try:
            writer.write_run(place, change, marks, stamps)
        except (SQLAlchemyError, OverflowError) as error:
            change = reader.damaged(error)
            writer.write_run(place, change, PeoplesMarks(), stamps)
        is_live = bool(change.values["is_live"])
        is_going_on = is_live or _age_s(place.root / "journal.jsonl") < _HOT_S
        self._known[place.root] = _Known(
            stamps,
            is_live,
            quick,
            reader if is_going_on else None,  # what it keeps is large, and of no use for a run that has ended
            time.monotonic(),
            bool(change.values["trouble"]),
        )


def _marks(root: Path) -> PeoplesMarks:
    """Return what people added to the run in `root`."""
    if not any((root / name).exists() for name in _PEOPLES_FILES):
        return PeoplesMarks()
    notes = read_notes(root)
    text = " ".join(note.text for note in notes)
    return PeoplesMarks(read_tags(root), len(notes), len(read_reviews(root)), text, find_people_troubles(root))


def _stamps(root: str) -> str:
    return " ".join(",".join(map(str, _stamp(f"{root}{os.sep}{name}"))) for name in _FILES)


def _stamp(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)  # noqa: PTH116 - thousands of them a second: a Path for each costs more than the call
    except OSError:
        return (0,)
    return (found.st_mtime_ns, found.st_size)


def _age_s(path: Path) -> float:
    return time.time() - _stamp(str(path))[0] / 1e9
