"""Being told of changes in folders by the system, where it can: what is not told is found by looking."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

import watchfiles

_log = logging.getLogger(__name__)

_DEBOUNCE_MS = 60


class FolderWatch:
    """Watches folders, not what lies deeper in them; :meth:`wait` returns when something changed in one."""

    def __init__(self) -> None:
        self._told = threading.Event()
        self._changed: set[Path] = set()
        self._lock = threading.Lock()
        self._folders: frozenset[Path] = frozenset()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_able = True

    def watch(self, folders: Iterable[Path]) -> None:
        """Watch these folders from now on, and no others."""
        wanted = frozenset(folders)
        if wanted == self._folders or not self._is_able:
            return
        self._stop.set()  # the thread before ends by itself; what it still tells does no harm
        self._folders, self._stop = wanted, threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(wanted, self._stop), name="lab-folders", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait until something changed, :meth:`wake` was called, or the time is over."""
        self._told.wait(timeout_s)

    def take_changed(self) -> set[Path]:
        """Return the folders in which something changed since this was asked last."""
        with self._lock:
            self._told.clear()
            changed, self._changed = self._changed, set()
        return changed

    def wake(self) -> None:
        """Let whoever waits go on."""
        self._told.set()

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._folders = frozenset()

    def _listen(self, folders: frozenset[Path], stop: threading.Event) -> None:
        try:
            for changes in watchfiles.watch(
                *folders, recursive=False, stop_event=stop, debounce=_DEBOUNCE_MS, step=20, rust_timeout=200,
                watch_filter=None, ignore_permission_denied=True,
            ):  # fmt: skip
                with self._lock:
                    self._changed |= {Path(path).parent for _, path in changes}
                    self._told.set()
        except (OSError, RuntimeError) as error:  # too many watches, or a folder that went in between
            if not all(folder.is_dir() for folder in folders):
                self._folders = frozenset()  # watched anew, without it, the next time
                return
            self._is_able = False
            _log.warning("changes in folders are not told here (%s): they are found by looking, once a second", error)
