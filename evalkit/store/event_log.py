"""The event log of one case-trial, written by the writer's thread, so that a slow disk never delays what is being said.

::

    async with open_event_log(run.events_path(key)) as log:
        trace = Trace(log.write)

Lines are gathered in memory and handed over a quarter of a megabyte at a time; that thread serves all logs of
the process, in order. What that thread runs into (a full disk) is raised when the log is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path

from evalkit.store.writer import WRITER, in_writer
from evalkit.whole_files import append

_BATCH_BYTES = 1 << 18


class EventLog:
    """Takes the lines of one log. Made by :func:`open_event_log`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._gathered = bytearray()  # no list of lines: what the JSON library returns holds ten times its length
        self._handed_over: list[Future[None]] = []

    def write(self, line: bytes) -> None:
        """Take one line, newline included. Never waits for the disk."""
        self._gathered += line
        if len(self._gathered) >= _BATCH_BYTES:
            self._handed_over.append(WRITER.submit(append, self._path, self._gathered))
            self._gathered = bytearray()

    def finish(self) -> None:
        """Write what is left. Runs in the writer's thread; raises what any write ran into."""
        for handed_over in self._handed_over:
            handed_over.result()
        append(self._path, self._gathered)


@asynccontextmanager
async def open_event_log(path: Path) -> AsyncIterator[EventLog]:
    """Give the log that will stand at `path`, where there is none yet; it is complete when the block has ended."""
    log = EventLog(path)
    try:
        yield log
    finally:
        # Also when the case is cancelled: what was said until then is evidence.
        await asyncio.shield(in_writer(log.finish))
