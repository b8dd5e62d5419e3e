"""Folders of the lab that stand for addresses on object storage: looked at again and again, both ways.

What was uploaded there since comes over, a run at a time; what people add here, and runs that were launched here and
have ended, go there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

from evalkit.errors import ConfigError, ObjectStorageError
from evalkit.object_storage.addresses import checked_address, find_address, mark_bucket
from evalkit.object_storage.objects import ObjectStore
from evalkit.object_storage.transfer import fetch, upload_all
from evalkit.store.run_directory import RunDirectory

EVERY_S = 30.0
"""So often the storage is looked at."""

_STOP_S = 0.4
_log = logging.getLogger(__name__)


def open_folder(text: str, working_dir: Path) -> Path:
    """Return the folder that stands for an address. Raises ConfigError where the storage does not list it."""
    address = checked_address(text)
    try:
        ObjectStore(address).list_probe()
    except ObjectStorageError as error:
        raise ConfigError(f"lab: {error}") from error
    return mark_bucket(address, working_dir)


class StorageFollower:
    """Keeps those of `folders` that stand for addresses as the storage has them, in a thread of its own.

    Args:
        folders: The lab's folders.
        read_only: Nothing is uploaded.
        every_s: How often.

    """

    def __init__(self, folders: Iterable[Path], *, read_only: bool, every_s: float = EVERY_S) -> None:
        self._addresses = {folder: address for folder in folders if (address := find_address(folder))}
        self._read_only, self._every_s = read_only, every_s
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._told: set[str] = set()

    def start(self) -> None:
        """Begin; a lab without such a folder has nothing to do."""
        if self._addresses:
            self._thread = threading.Thread(target=self._follow, name="lab-object-storage", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End; what is under way is left to itself, since it loses nothing."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def look(self) -> None:
        """Bring each folder, and what it stands for, up to date once; what does not work is logged, once."""
        problems: list[str] = []
        for folder, address in self._addresses.items():
            try:
                store = ObjectStore(address)
                fetch(store, folder, _is_busy)
                problems += [] if self._read_only else map(str, upload_all(store, folder, _is_busy))
            except (ConfigError, ObjectStorageError, OSError) as error:
                problems.append(str(error))
        for problem in problems:
            if problem not in self._told:
                _log.warning("%s", problem)
        self._told = set(problems)

    def _follow(self) -> None:
        while not self._ended.is_set():
            self.look()
            self._ended.wait(self._every_s)


def _is_busy(folder: Path) -> bool:
    return RunDirectory(folder).is_held()
