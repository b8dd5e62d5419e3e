"""The event log of one case-trial, written by a thread of its own, so that a slow disk never delays what is being said.

::

    async with open_event_log(run.events_path(key), attempt) as log:
        trace = Trace(log.write)

Lines are gathered in memory and handed over a quarter of a megabyte at a time; one thread serves all logs of the
process, in order. What that thread runs into (a full disk) is raised when the log is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_BATCH_BYTES = 1 << 18
_WRITER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="event-logs")


class EventLog:
    """Takes the lines of one log. Made by :func:`open_event_log`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lines: list[bytes] = []
        self._gathered_bytes = 0
        self._handed_over: list[Future[int]] = []

    def write(self, line: bytes) -> None:
        """Take one line, newline included. Never waits for the disk."""
        self._lines.append(line)
        self._gathered_bytes += len(line)
        if self._gathered_bytes >= _BATCH_BYTES:
            batch, self._lines, self._gathered_bytes = b"".join(self._lines), [], 0
            self._handed_over.append(_WRITER.submit(self._file.write, batch))

    def finish(self) -> None:
        """Write what is left and close the file. Runs in the writer's thread; raises what any write ran into."""
        with self._file:
            self._file.write(b"".join(self._lines))
        for written in self._handed_over:
            written.result()


@asynccontextmanager
async def open_event_log(path: Path, attempt: int) -> AsyncIterator[EventLog]:
    """Give the log at `path`, empty; that of the attempt before `attempt` (from 1) is kept beside it."""
    loop = asyncio.get_running_loop()
    log = EventLog(await loop.run_in_executor(_WRITER, _open, path, attempt))
    try:
        yield log
    finally:
        # Also when the case is cancelled: what was said until then is evidence.
        await asyncio.shield(loop.run_in_executor(_WRITER, log.finish))


def _open(path: Path, attempt: int) -> BinaryIO:
    if attempt > 1:
        with suppress(FileNotFoundError):
            path.rename(path.with_suffix(f".attempt{attempt - 1}.jsonl"))
    try:
        return path.open("wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
