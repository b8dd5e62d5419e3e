"""What a sweep relies on of the file system that its folder is on, and whether it holds there.

============================================== =====================================================================
relied on                                      by
============================================== =====================================================================
a folder is made once                          a sweep's and a run's own folder
a file renamed over another one replaces it    every file that is there whole or not at all: records, status, plan, …
a folder is not renamed over one that holds    slots (``limits.requests_in_flight``): of all who take one, one gets it
something, but over an empty one
what is appended stands at the end             journals, grades, the ledger of what was spent
what is written over in place is seen          the counters that say that a job lives
what is written can be forced to the disk      all of them
a lock that one process of a machine holds is  "this job runs here", "this run is being written": asked on that machine
refused to the others of that machine
============================================== =====================================================================

None of it asks a lock of another machine's, or compares two machines' clocks. :func:`require_sound` tries all of it, in
a folder of its own that is gone when it returns; that takes some milliseconds. That all machines of a sweep see the
same folder can be tried by the others only (:func:`require_shared`).
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from evalkit.errors import ConfigError

try:
    import fcntl
except ImportError:  # Windows, whose locks are another library's and of another kind
    fcntl = None  # type: ignore[assignment]


NOT_EMPTY = (errno.ENOTEMPTY, errno.EEXIST)
"""What renaming a folder over one that holds something is answered with."""


def require_sound(folder: Path) -> None:
    """Raise ConfigError, with the first thing that does not hold, where a sweep cannot rely on `folder`'s file system.

    `folder` need not exist; the nearest one above it that does is then asked. One that cannot be written is nobody's
    concern here: whoever makes the sweep's folder says so.
    """
    above = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    place = above / f".probe-{uuid4().hex[:12]}"
    try:
        place.mkdir()
    except OSError:
        return
    try:
        for promise, find_breach in _PROMISES:
            breach = _ask(find_breach, place)
            if breach is not None:
                raise ConfigError(
                    f"output_dir: {folder}: a sweep relies on its file system for this, and it does not hold: "
                    f"{promise} ({breach}); choose an output_dir on another one (docs/sweeps.md says which will do)"
                )
    finally:
        shutil.rmtree(place, ignore_errors=True)


def require_shared(root: Path) -> None:
    """Raise ConfigError where this machine does not see the sweep in `root` that another one has begun."""
    if not (root / "plan.json").is_file():
        raise ConfigError(
            f"output_dir: {root} has no plan.json on {socket.gethostname()}, which is to run a job of that sweep; "
            f"expected a folder that all machines of a sweep share; choose another output_dir"
        )


def _ask(find_breach: Callable[[Path], str | None], place: Path) -> str | None:
    try:
        return find_breach(place)
    except OSError as error:
        return f"{error.strerror or type(error).__name__} ({type(error).__name__})"


def _makes_folders_once(place: Path) -> str | None:
    folder = place / "once"
    folder.mkdir()
    try:
        folder.mkdir()
    except FileExistsError:
        return None
    return "it was made twice"


def _replaces_by_renaming(place: Path) -> str | None:
    old, new = place / "old", place / "new"
    old.write_bytes(b"old")
    new.write_bytes(b"new")
    new.replace(old)
    found = old.read_bytes()
    if new.exists():
        return "the old name was still there"
    return None if found == b"new" else f"what was there afterwards had {len(found)} other bytes"


def _keeps_full_folders(place: Path) -> str | None:
    held, first, second = place / "held", place / "first", place / "second"
    held.mkdir()  # empty
    for folder in (first, second):
        folder.mkdir()
        (folder / folder.name).touch()
    first.rename(held)
    try:
        second.rename(held)
    except OSError as error:
        if error.errno not in NOT_EMPTY:
            return f"it is refused with {error.strerror!r} instead of {os.strerror(errno.ENOTEMPTY)!r}"
        found = sorted(path.name for path in held.iterdir())
        return None if found == ["first"] else f"it held {found} afterwards, not ['first']"
    return "it was replaced"


def _appends_at_the_end(place: Path) -> str | None:
    path = place / "appended"
    with _opened(path, os.O_APPEND) as one, _opened(path, os.O_APPEND) as other:
        for handle, text in ((one, b"1\n"), (other, b"2\n"), (one, b"3\n")):
            os.write(handle, text)
    found = path.read_bytes()
    return None if found == b"1\n2\n3\n" else f"{found!r} was found after 1, 2 and 3 had been written"


def _shows_what_is_written_over(place: Path) -> str | None:
    path = place / "counter"
    for count in (b"1", b"2"):
        with _opened(path, 0) as handle:
            os.write(handle, count)
        found = path.read_bytes()
        if found != count:
            return f"{found!r} was found, not {count!r}"
    return None


def _writes_to_disk(place: Path) -> str | None:
    with _opened(place / "synced", 0) as handle:
        os.write(handle, b"1")
        os.fsync(handle)
    return None


def _locks(place: Path) -> str | None:
    return None if fcntl is None else _try_locks(place)


def _try_locks(place: Path) -> str | None:
    with _opened(place / "lock", 0) as one, _opened(place / "lock", 0) as other:
        fcntl.flock(one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(one, fcntl.LOCK_UN)
        else:
            return "it was held twice"
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return None


@contextmanager
def _opened(path: Path, further: int) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | further, 0o666)
    try:
        yield handle
    finally:
        os.close(handle)


_PROMISES: tuple[tuple[str, Callable[[Path], str | None]], ...] = (
    ("a folder is made only once", _makes_folders_once),
    ("a file renamed over another one replaces it", _replaces_by_renaming),
    ("a folder is never renamed over one that holds something", _keeps_full_folders),
    ("what is appended stands at the end", _appends_at_the_end),
    ("what is written over in place is seen", _shows_what_is_written_over),
    ("what is written can be forced to the disk", _writes_to_disk),
    ("a lock is refused while another process of the machine holds it", _locks),
)
