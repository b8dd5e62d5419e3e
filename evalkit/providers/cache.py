"""A cache on disk by content, shared by all runs and processes: what was paid for once is not paid for again.

An entry is a file named by the hash of what was asked, with one line of JSON (the payload's own hash and length) before
the payload. Anything that does not fit that line is not used and is made again. Files appear whole or not at all.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from weakref import WeakValueDictionary

from evalkit.records.json import JsonObject, content_sha256

_RECENT_BYTES = 32 * 1024 * 1024
_log = logging.getLogger(__name__)


class ContentCache:
    """Payloads by what was asked. Safe for many tasks of one loop and for many processes on one directory.

    A directory that cannot be written is reported once and costs speed only.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._writable = True
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._recent_bytes = 0

    async def get_or_make(self, asked: JsonObject, make: Callable[[], Awaitable[bytes]]) -> tuple[bytes, bool]:
        """Return the payload of `asked` and whether it was there already; else `make` it, once for all who wait.

        Where another process stored the same thing meanwhile, its payload is the one that counts, so that all jobs of
        a sweep hear the same. What `make` raises is raised, and nothing is stored.
        """
        key = content_sha256(asked)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            found = self._recent.get(key) or await asyncio.to_thread(self._read, key)
            if found is not None:
                self._remember(key, found)
                return found, True
            payload = await make()
            return await asyncio.to_thread(self._store_unless_there, key, payload), False

    def _remember(self, key: str, payload: bytes) -> None:
        """Keep what was read last at hand: trials and equal answers ask for the same again and again."""
        if key not in self._recent:
            self._recent[key] = payload
            self._recent_bytes += len(payload)
        self._recent.move_to_end(key)
        while self._recent_bytes > _RECENT_BYTES:
            self._recent_bytes -= len(self._recent.popitem(last=False)[1])

    def _store_unless_there(self, key: str, payload: bytes) -> bytes:
        other = self._read(key)
        if other is None:
            self._write(key, payload)
        return payload if other is None else other

    def _path(self, key: str) -> Path:
        return self.directory / key[:2] / key

    def _read(self, key: str) -> bytes | None:
        try:
            head, _, payload = self._path(key).read_bytes().partition(b"\n")
        except OSError:
            return None
        return payload if head == _head(payload) else None

    def _write(self, key: str, payload: bytes) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(prefix=f".{key[:16]}.", suffix=".partial", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_head(payload) + b"\n" + payload)
                Path(partial).replace(path)
            except BaseException:
                Path(partial).unlink(missing_ok=True)
                raise
        except OSError as error:
            if self._writable:
                _log.warning("nothing is cached: %s cannot be written (%s)", self.directory, error.strerror)
            self._writable = False


def _head(payload: bytes) -> bytes:
    return json.dumps({"sha256": sha256(payload).hexdigest(), "bytes": len(payload)}).encode()


def open_cache() -> ContentCache:
    """Return the cache between runs."""
    return ContentCache(cache_folder() / "v1")


def cache_folder() -> Path:
    """Return the folder for what is kept between runs: ``$EVALKIT_CACHE``, else one in the user's cache folder."""
    chosen = os.environ.get("EVALKIT_CACHE")
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalkit"
    return Path(chosen).expanduser() if chosen else root
