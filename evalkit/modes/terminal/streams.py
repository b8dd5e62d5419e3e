"""What a process without a terminal writes, read as it comes and no further than it may."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


class OutputReader:
    """Reads one end of a pipe on the running event loop. Made with its other end, which the process inherits.

    Attributes:
        their_end: For the process; close it here with :meth:`release` once the process has it.
        data: The first bytes, `limit_bytes` at the most.
        seen: How many there were.
        first_s: Loop time of the first byte; None: none came yet.

    """

    def __init__(self, limit_bytes: int, on_data: Callable[[], None] = lambda: None) -> None:
        self._loop = asyncio.get_running_loop()
        self._own_end, self.their_end = os.pipe()
        os.set_blocking(self._own_end, False)
        self._limit, self._on_data = limit_bytes, on_data
        self.data = bytearray()
        self.seen = 0
        self.first_s: float | None = None
        self.last_s = self._loop.time()
        self.ended = asyncio.Event()
        self._loop.add_reader(self._own_end, self._read)

    @property
    def is_flood(self) -> bool:
        """Whether more came than may."""
        return self.seen > self._limit

    def release(self) -> None:
        """Close the process's end here."""
        if self.their_end >= 0:
            os.close(self.their_end)
            self.their_end = -1

    def take(self) -> bytes:
        """Return what came since it was last taken; the limit counts from here again."""
        taken = bytes(self.data)
        self.data.clear()
        self.seen, self.first_s = 0, None
        return taken

    def close(self) -> None:
        """Stop reading."""
        self.release()
        if self._own_end >= 0:
            self._loop.remove_reader(self._own_end)
            os.close(self._own_end)
            self._own_end = -1
        self.ended.set()

    def _read(self) -> None:
        try:
            piece = os.read(self._own_end, 65536)
        except BlockingIOError:
            return
        if not piece:
            self.close()
            self._on_data()
            return
        self.last_s = self._loop.time()
        self.first_s = self.last_s if self.first_s is None else self.first_s
        self.seen += len(piece)
        self.data += piece[: max(0, self._limit - len(self.data))]
        self._on_data()


def open_nothing() -> int:
    """Return a descriptor from which nothing can be read."""
    return os.open(os.devnull, os.O_RDONLY)
