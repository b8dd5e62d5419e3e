"""What one reader of a stream is sent: frames of JSON, as few as will do.

=========== ========================================================================================================
``type``    frame
=========== ========================================================================================================
init        first: ``run_id``, ``metadata``, ``generation``, ``cursor``, ``totals``; ``reset``: the cursor that was
            asked for is worth nothing, everything comes again; ``dropped``: why this reader was dropped before, or null
events      ``events`` since the last frame, ``generation``, ``cursor`` after them; ``totals`` with the last there are
attempt     a case-trial is decided, in the words of older clients; not sent where ``attempts=false``
complete    the run has ended: ``status``, ``summary``
reset       the run's directory was replaced: ``generation``; everything comes again
error       ``message``: nothing more will come
gone        in the stream of all runs: nothing more of this one
indexed     the index has another ``version``
heartbeat   every 15 seconds
=========== ========================================================================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from evalkit.errors import DataError
from evalkit.lab.live.feed import FeedPart, RunFeed
from evalkit.lab.live.feeds import IndexNews

HEARTBEAT_S = 15.0

Send = Callable[[str], Awaitable[None]]
"""Sends one frame."""


class StreamEnd(Enum):
    """Why a run's stream has come to its end."""

    OVER = auto()
    GONE = auto()


@dataclass
class RunTeller:
    """Tells one reader of one run.

    Attributes:
        feed: Of the run.
        send: Where frames go.
        cursor: Where the reader is; None: at the end of what there is.
        generation: Of the journal that the cursor belongs to; empty: whichever it is.
        follows: The stream goes on after the run has ended: it may be resumed.
        wants_attempts: ``attempt`` frames are sent too.

    """

    feed: RunFeed
    send: Send
    cursor: int | None = 0
    generation: str = ""
    follows: bool = False
    wants_attempts: bool = True

    async def tell(self, dropped: str | None = None) -> StreamEnd:
        """Send what comes after the cursor, then what happens. Raises DataError when the run cannot be followed."""
        feed = self.feed
        while not (feed.is_ready or feed.failure):
            await feed.bell.wait(feed.bell.rung)
        await self._begin(dropped)
        told: dict[str, Any] = feed.totals
        completed = False
        while True:
            if feed.failure:
                raise DataError(f"the run's files cannot be followed: {feed.failure}") from feed.failure
            rung = feed.bell.rung
            part = await feed.after(self.cursor or 0, self.generation)
            self.cursor, self.generation = part.cursor, part.generation
            if part.is_other:
                await self._send("reset", generation=part.generation, cursor=0)
                continue
            totals = feed.totals if part.is_all else None
            if part.lines or (totals is not None and totals != told):
                told, completed = totals or told, False
                await self.send(self._frame(part, totals))
                await self._send_attempts(part)
            if (self.cursor, self.generation) != feed.place:  # more has been read since, be it while frames were sent
                continue
            if feed.is_gone:
                return StreamEnd.GONE
            if feed.is_over and not completed:
                completed = True
                summary = await asyncio.to_thread(feed.read_summary)
                await self._send("complete", status=feed.totals["status"], summary=summary)
                if not self.follows:
                    return StreamEnd.OVER
            await feed.bell.wait(rung)

    async def _begin(self, dropped: str | None) -> None:
        feed = self.feed
        newest, generation = feed.place
        is_other = False
        if self.cursor is None:
            self.cursor = newest
        elif self.cursor:
            part = await feed.after(self.cursor, self.generation)
            generation, is_other = part.generation, part.is_other
        self.cursor, self.generation = 0 if is_other else self.cursor, generation
        await self._send(
            "init", metadata=feed.metadata, generation=generation, cursor=self.cursor, reset=is_other,
            dropped=dropped, totals=feed.totals,
        )  # fmt: skip

    async def _send(self, kind: str, **what: Any) -> None:
        await self.send(orjson.dumps({"type": kind, "run_id": self.feed.run_id, **what}).decode())

    async def _send_attempts(self, part: FeedPart) -> None:
        if self.wants_attempts:
            for line in part.lines:
                if line.attempt:
                    await self.send(line.attempt)

    def _frame(self, part: FeedPart, totals: dict[str, Any] | None) -> str:
        head = {
            "type": "events", "run_id": self.feed.run_id, "generation": part.generation, "cursor": part.cursor,
            "totals": totals,
        }  # fmt: skip
        events = ",".join(line.text or "" for line in part.lines)
        return f'{orjson.dumps(head).decode()[:-1]},"events":[{events}]}}'


async def tell_index_news(news: IndexNews, send: Send) -> None:
    """Send the index's version each time it has changed."""
    while True:
        rung = news.bell.rung
        if news.version >= 0:
            await send(orjson.dumps({"type": "indexed", "version": news.version}).decode())
        await news.bell.wait(rung)


async def beat(send: Send) -> None:
    """Send a sign of life every 15 seconds: browsers do not see a connection's own."""
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        await send('{"type":"heartbeat"}')
