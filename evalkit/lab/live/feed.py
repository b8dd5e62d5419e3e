"""One run's events, read once for all who watch it."""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from evalkit.lab.index.rows import CUT_OFF
from evalkit.lab.live.bell import Bell
from evalkit.lab.live.journal_lines import read_journal_part
from evalkit.lab.live.outcomes import Outcomes
from evalkit.lab.live.totals import RunTotals
from evalkit.store.run_directory import RunDirectory, RunStatus

_LOOK_EVERY_S = 0.05
_LOOK_AT_ENDED_EVERY_S = 0.5
_PROBE_EVERY_S = 0.5
_WINDOW = 4000
_WINDOW_BYTES = 16 << 20
_BATCH = 500
_BATCH_BYTES = 1 << 20
_LARGEST_SUMMARY = 8 << 20


@dataclass
class FeedLine:
    """One line of the journal as readers get it; made when the first of them asks.

    Attributes:
        cursor: Where it ends.
        event: What it says.
        text: The event with what it stands for, as JSON.
        attempt: The ``attempt`` message that it decides, as JSON; empty: it decides none.

    """

    cursor: int
    event: dict[str, Any]
    text: str | None = None
    attempt: str = ""


@dataclass(frozen=True)
class FeedPart:
    """What came after a reader's cursor.

    Attributes:
        generation: Which journal it is of.
        cursor: Where the reader is after it.
        lines: At most a few hundred, oldest first.
        is_other: The reader's cursor was none of this journal; it is at the beginning now.
        is_all: Nothing more has happened yet.

    """

    generation: str
    cursor: int
    lines: Sequence[FeedLine] = ()
    is_other: bool = False
    is_all: bool = True


@dataclass(frozen=True)
class _News:
    """What one look at the run found, off the event loop."""

    generation: str
    lines: list[FeedLine]
    is_other: bool
    is_all: bool
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Standing:
    """How the run stood when its lock and status were looked at."""

    status: str = RunStatus.RUNNING
    is_held: bool = True
    at_s: float = field(default_factory=time.monotonic)


class RunFeed:
    """Follows one run; the journal and the lock are looked at, nothing is locked or written. For one event loop.

    Attributes:
        run_id: The run's public id.
        bell: Rung when anything has changed.
        is_ready: What there was at first has been read.
        is_gone: The run's directory is not there any more.
        failure: What ended this feed, if anything did.

    """

    def __init__(self, run_id: str, root: Path) -> None:
        self.run_id = run_id
        self.bell = Bell()
        self.is_ready = self.is_gone = False
        self.failure: BaseException | None = None
        self._run = RunDirectory(root)
        self._looking = asyncio.Lock()
        self._standing = _Standing()
        self._begin("")

    def _begin(self, generation: str) -> None:
        self._generation = generation
        self._outcomes = Outcomes(self._run.root)
        self._counted = RunTotals()
        self._window: list[FeedLine] = []
        self._cursors: list[int] = []
        self._window_begins = self._end = 0
        self._totals = self._counted.as_json()
        self._metadata: dict[str, Any] = {"name": self._run.root.name}
        self._parts: dict[int, FeedPart] = {}

    # --- for readers ---

    @property
    def totals(self) -> dict[str, Any]:
        """How the run stands, as of the end of what was read."""
        return self._totals

    @property
    def is_over(self) -> bool:
        """Whether nobody writes the run any more, and its last line has been read."""
        return not self._standing.is_held

    @property
    def place(self) -> tuple[int, str]:
        """The newest cursor and its generation."""
        return self._end, self._generation

    @property
    def metadata(self) -> dict[str, Any]:
        """What the run is, as far as its files say it."""
        return self._metadata

    def _describe(self) -> dict[str, Any]:
        stored = self._outcomes.stored_run()
        if stored is None:
            return {"name": self._run.root.name}
        asked = stored.provenance.get("models_asked", {})
        model = asked.get("assistant") if isinstance(asked, dict) else None
        return {
            "name": stored.name,
            "mode": stored.mode,
            "model": model,
            "models": [model] if model else [],
            "provider": (stored.stored_config.get("provider") or {}).get("name"),
            "planned": len(stored.planned),
            "started_at": stored.provenance.get("started_at"),
        }

    def read_summary(self) -> dict[str, Any]:
        """Return the run's ``summary.json``; nothing where it cannot be read."""
        path = self._run.root / "summary.json"
        with suppress(OSError, ValueError):
            if path.is_file() and path.stat().st_size <= _LARGEST_SUMMARY:
                found = orjson.loads(path.read_bytes())
                return found if isinstance(found, dict) else {}
        return {}

    async def after(self, cursor: int, generation: str) -> FeedPart:
        """Return what comes after `cursor` of the journal `generation` (empty: whichever it is)."""
        if cursor > self._end or (cursor and generation and generation != self._generation):
            return FeedPart(self._generation, 0, is_other=True, is_all=False)
        part = self._parts.get(cursor)
        if part is None:
            part = await self._read_older(cursor) if cursor < self._window_begins else self._cut(cursor)
        if any(line.text is None for line in part.lines):
            async with self._looking:
                missing = [line for line in part.lines if line.text is None]  # another reader may have asked for them
                if missing:
                    await asyncio.to_thread(self._fill, missing)
        return part

    def _cut(self, cursor: int) -> FeedPart:
        """Return what comes after `cursor` of the lines in memory; all readers who are there get the same."""
        first = bisect_right(self._cursors, cursor)
        before = self._cursors[first - 1] if first else self._window_begins
        if before != cursor:
            return FeedPart(self._generation, 0, is_other=True, is_all=False)
        enough = max(first + 1, bisect_right(self._cursors, cursor + _BATCH_BYTES))
        lines = self._window[first : min(first + _BATCH, enough)]
        at = lines[-1].cursor if lines else cursor
        part = self._parts[cursor] = FeedPart(self._generation, at, lines, is_all=at == self._end)
        return part

    async def _read_older(self, cursor: int) -> FeedPart:
        """Return what comes after `cursor`, which is not in memory any more; who asks meanwhile gets the same."""
        async with self._looking:
            if cursor in self._parts:
                return self._parts[cursor]
            part = await asyncio.to_thread(
                read_journal_part, self._run.journal_path, cursor, self._generation, _BATCH // 2
            )
            if part.is_other:
                return FeedPart(self._generation, 0, is_other=True, is_all=False)
            lines = [FeedLine(event["cursor"], event) for event in part.events]
            older = FeedPart(part.generation, lines[-1].cursor if lines else cursor, lines, is_all=not lines)
            if lines and part.generation == self._generation:
                self._parts[cursor] = older
            return older

    # --- following ---

    async def follow(self) -> None:
        """Follow the run until cancelled. Never raises: what ends it is in `failure`."""
        try:
            stamp: tuple[int, ...] | None = None
            while True:
                now = _stamp(self._run.journal_path)
                if now != stamp or self._is_probe_due():
                    stamp = now
                    await self._look()
                await asyncio.sleep(_LOOK_AT_ENDED_EVERY_S if self.is_over else _LOOK_EVERY_S)
        except Exception as error:  # noqa: BLE001  who watches is told, whatever it is
            self.failure = error
            self.bell.ring()

    async def _look(self) -> None:
        before = self._seen()
        is_held = await asyncio.to_thread(self._run.is_held)  # first: who has let go has written its last line
        is_all = False
        while not is_all:
            async with self._looking:
                news = await asyncio.to_thread(self._read_on)
                self._take(news)
            is_all = news.is_all
        standing = await asyncio.to_thread(self._stand, is_held)
        self._standing = standing
        self.is_gone = not self._run.root.is_dir()
        self._totals = {**self._counted.as_json(), "status": standing.status}
        grades = self._outcomes.grades
        self._totals["cost_usd"] += grades.cost_usd
        self._totals["cost_is_whole"] = self._totals["cost_is_whole"] and grades.cost_is_whole
        self.is_ready = True
        if before != self._seen():
            self.bell.ring()

    def _seen(self) -> tuple[Any, ...]:
        """Return what readers see change."""
        return self.place, self._totals, self.is_gone, self._standing.is_held, self.is_ready

    def _read_on(self) -> _News:
        part = read_journal_part(self._run.journal_path, self._end, self._generation)
        if part.is_other:
            return _News(part.generation, [], is_other=True, is_all=False)
        if not self._counted.planned and (stored := self._outcomes.stored_run()):
            self._counted.planned = len(stored.planned)
        if any(event["event"] == "graded" for event in part.events):
            self._outcomes.grades.read_on()
        lines = [FeedLine(event["cursor"], event) for event in part.events]
        for event in part.events:
            self._outcomes.note(event)
            self._counted.take(event, self._passed(event))
        if self.is_ready:
            self._fill(lines)
        return _News(part.generation, lines, is_other=False, is_all=part.is_all, metadata=self._describe())

    def _take(self, news: _News) -> None:
        if news.is_other:
            self._begin(news.generation)
            return
        self._generation = news.generation or self._generation
        self._metadata = news.metadata
        self._parts.clear()
        self._window += news.lines
        self._cursors += [line.cursor for line in news.lines]
        self._end = self._cursors[-1] if news.lines else self._end
        if len(self._window) > 2 * _WINDOW or self._end - self._window_begins > 2 * _WINDOW_BYTES:
            first = max(1, len(self._window) - _WINDOW, bisect_right(self._cursors, self._end - _WINDOW_BYTES))
            self._window_begins = self._cursors[first - 1]
            self._window, self._cursors = self._window[first:], self._cursors[first:]

    def _fill(self, lines: Sequence[FeedLine]) -> None:
        for line in lines:
            if line.text is None:
                try:
                    attempt, told = self._outcomes.attempt(line.event), self._outcomes.join(line.event)
                    line.attempt = orjson.dumps({"run_id": self.run_id, **attempt}).decode() if attempt else ""
                    line.text = orjson.dumps(told).decode()
                except Exception:  # noqa: BLE001  a forged record or grade: the line itself can be told all the same
                    line.text = orjson.dumps(line.event).decode()

    def _passed(self, event: dict[str, Any]) -> bool | None:
        try:
            return self._outcomes.has_passed(event) if event["event"] == "graded" else None
        except Exception:  # noqa: BLE001  a forged record or grade decides nothing
            return None

    def _is_probe_due(self) -> bool:
        # A run that has just said that it ended gives its lock free in a moment.
        soon = self.is_ready and self._standing.is_held and self._counted.status != RunStatus.RUNNING
        return time.monotonic() - self._standing.at_s >= (_PROBE_EVERY_S / 2 if soon else _PROBE_EVERY_S)

    def _stand(self, is_held: bool) -> _Standing:
        status = self._counted.status
        if status == RunStatus.RUNNING and not is_held:
            told = None
            with suppress(OSError, ValueError):
                told = self._run.read_status()
            status = str(told.get("status")) if isinstance(told, dict) else status
            status = CUT_OFF if status == RunStatus.RUNNING else status
        return _Standing(status, is_held)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)  # noqa: PTH116  twenty times a second
    except OSError:
        return ()
    return (found.st_size, found.st_mtime_ns, found.st_ino)
