"""Signs of life that every machine can read: a counter in a file, moved for as long as a process lives.

A lock says at once, and without doubt, that a process of this machine has ended; what it says of another machine's
depends on the file system. A counter that moves says it anywhere. Nobody's clock is compared with anybody else's: an
observer counts, on its own clock, for how long the counter has not moved (:class:`Heartbeats`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.clock import Clock

BEAT_S = 5.0
"""So often a living process moves its counter."""

AWAY_S = 4 * BEAT_S
"""One who has not looked for longer than this was away."""

LOST_AFTER_S = 60.0
"""A process of another machine that gives no sign of life for so long is gone, unless another number is given."""

# Of one width, written over in place: a reader on another machine finds the old count or the new one.
_WIDTH = 12


@contextmanager
def beating(path: Path, *, every_s: float = BEAT_S) -> Iterator[Callable[[], None]]:
    """Move the counter in `path` until the block ends; it goes on from what an earlier process has left there.

    Gives a function that moves it at once where that is overdue, since the process or the file system was away for a
    while; to be called before others are shown that this process has begun something. It raises OSError.
    """
    counter = _Counter(path)
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(every_s):
            with suppress(OSError):  # a file system that is away for a while is no reason to end
                counter.move()

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield lambda: counter.move(unless_newer_than_s=2 * every_s)
    finally:
        ended.set()
        thread.join(timeout=every_s)


class _Counter:
    """A counter in a file, which a process moves; its threads may do so at the same time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._count = read_count(path) or 0
        self._moved_s = 0.0
        self.move()

    def move(self, *, unless_newer_than_s: float = 0.0) -> None:
        """Count on; not where that was done in the last so many seconds."""
        with self._lock:
            if self._moved_s and time.monotonic() - self._moved_s < unless_newer_than_s:
                return
            _write_count(self._path, self._count + 1)
            self._count += 1
            self._moved_s = time.monotonic()


def read_count(path: Path) -> int | None:
    """Return the counter in `path`; None where there is none."""
    try:
        return int(path.read_bytes() or b"0")
    except (OSError, ValueError):
        return None


def _write_count(path: Path, count: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        os.write(handle, b"%0*d" % (_WIDTH, count))
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class _Seen:
    """What was seen of a counter: it, for how long it had not moved by then, and when that was."""

    count: int | None
    silent_s: float
    looked_s: float


class Heartbeats:
    """What one observer sees of other processes' counters.

    Args:
        clock: The observer's own.

    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[Path, _Seen] = {}
        self._moved: set[Path] = set()

    def silent_s(self, path: Path) -> float:
        """Return for how long, by the observer's clock, the counter in `path` has not moved since it was first seen.

        0 at the first look: whoever has just come knows nothing yet. Of the time between two looks :data:`AWAY_S` count
        at most: the observer was away for the rest of it, or the file system was, and then for those who are observed
        as well, who have a beat's time to be heard again.
        """
        count, now_s = read_count(path), self._clock.now()
        before = self._seen.get(path)
        if before is None or before.count != count:
            if before is not None:
                self._moved.add(path)
            self._seen[path] = _Seen(count, 0.0, now_s)
            return 0.0
        silent_s = before.silent_s + min(now_s - before.looked_s, AWAY_S)
        self._seen[path] = _Seen(count, silent_s, now_s)
        return silent_s

    def has_moved(self, path: Path) -> bool:
        """Tell whether the counter in `path` has ever been seen to move."""
        return path in self._moved
