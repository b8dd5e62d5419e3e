"""The stream of all runs that are going."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import orjson

from evalkit.errors import DataError
from evalkit.lab.index.queries import Index
from evalkit.lab.index.rows import RunQuery, RunRow
from evalkit.lab.live.feeds import Feeds, IndexNews
from evalkit.lab.live.readers import RunTeller, Send, tell_index_news
from evalkit.store.run_directory import RunStatus, now_utc

_MOST_RUNS = 200


class AllRunsTeller:
    """Tells one reader of all runs that are live: from now on, or from where it was.

    Args:
        index: Says which runs there are.
        feeds: Where the runs are followed.
        places: Run id -> cursor and generation, of the runs that the reader knows.
        send: Where frames go.

    """

    def __init__(self, index: Index, feeds: Feeds, places: Mapping[str, tuple[int, str]], send: Send) -> None:
        self._index = index
        self._feeds = feeds
        self._places = dict(places)
        self._send = send
        self._since = now_utc()
        self._told: set[str] = set()

    async def tell(self) -> None:
        """Send what happens until cancelled. Raises ReaderLostError, in a group, when the reader has left."""
        async with self._feeds.index_news() as news, asyncio.TaskGroup() as group:
            group.create_task(tell_index_news(news, self._send))
            for run_id in list(self._places):
                root = await asyncio.to_thread(self._index.find_root, run_id)
                if root is None:
                    await self._send_gone(run_id)
                else:
                    self._begin(group, run_id, root)
            await self._watch(news, group)

    async def _watch(self, news: IndexNews, group: asyncio.TaskGroup) -> None:
        while True:
            rung = news.bell.rung
            for row in await asyncio.to_thread(self._list_live):
                if row.id not in self._told:
                    is_new = row.started_at >= self._since
                    self._places.setdefault(row.id, (0, "") if is_new else (-1, ""))
                    self._begin(group, row.id, row.root)
            await news.bell.wait(rung)

    def _list_live(self) -> tuple[RunRow, ...]:
        return self._index.list_runs(RunQuery(status=RunStatus.RUNNING, size=_MOST_RUNS)).rows

    def _begin(self, group: asyncio.TaskGroup, run_id: str, root: Path) -> None:
        self._told.add(run_id)
        group.create_task(self._tell_of(run_id, root))

    async def _tell_of(self, run_id: str, root: Path) -> None:
        cursor, generation = self._places[run_id]
        async with self._feeds.watching(run_id, root) as feed:
            reader = RunTeller(feed, self._send, None if cursor < 0 else cursor, generation, wants_attempts=False)
            try:
                await reader.tell()
            except DataError as error:
                frame = {"type": "error", "run_id": run_id, "message": str(error)}
                await self._send(orjson.dumps(frame).decode())
        self._places[run_id] = (reader.cursor or 0, reader.generation)
        self._told.discard(run_id)
        await self._send_gone(run_id)

    async def _send_gone(self, run_id: str) -> None:
        await self._send(orjson.dumps({"type": "gone", "run_id": run_id}).decode())
