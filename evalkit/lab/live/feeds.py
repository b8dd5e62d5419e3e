"""The feeds of all runs that somebody watches: made for the first who does, dropped after the last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from evalkit.lab.live.bell import Bell
from evalkit.lab.live.feed import RunFeed

_ASK_INDEX_EVERY_S = 0.4
_log = logging.getLogger(__name__)


class Followed(Protocol):
    """What is followed for as long as somebody watches."""

    async def follow(self) -> None:
        """Follow it until cancelled."""


FollowedT = TypeVar("FollowedT", bound=Followed)


class IndexNews:
    """Tells when the index has changed. For one event loop.

    Attributes:
        bell: Rung when it has.
        version: Of the index.

    """

    def __init__(self, ask: Callable[[], int]) -> None:
        self.bell = Bell()
        self.version = -1
        self._ask = ask

    async def follow(self) -> None:
        """Ask the index until cancelled."""
        while True:
            try:
                version = await asyncio.to_thread(self._ask)
            except Exception:  # noqa: BLE001  whatever kept it from answering, the next time it may
                _log.exception("the index does not say its version; it is asked again")
            else:
                if version != self.version:
                    self.version = version
                    self.bell.ring()
            await asyncio.sleep(_ASK_INDEX_EVERY_S)


@dataclass
class _Shared:
    what: Any
    task: asyncio.Task[None]
    readers: int = 0


class Feeds:
    """All that is being watched. For one event loop.

    Args:
        ask_version: Returns the version of the index.

    """

    def __init__(self, ask_version: Callable[[], int]) -> None:
        self._ask_version = ask_version
        self._shared: dict[tuple[str, str], _Shared] = {}

    @asynccontextmanager
    async def watching(self, run_id: str, root: Path) -> AsyncIterator[RunFeed]:
        """Give the feed of a run, which is followed as long as the block lasts."""
        async with self._share(("run", str(root)), lambda: RunFeed(run_id, root)) as feed:
            yield feed

    @asynccontextmanager
    async def index_news(self) -> AsyncIterator[IndexNews]:
        """Give the news of the index, which are asked for as long as the block lasts."""
        async with self._share(("index", ""), lambda: IndexNews(self._ask_version)) as news:
            yield news

    def count(self) -> int:
        """Return how many things are being watched now."""
        return len(self._shared)

    @asynccontextmanager
    async def _share(self, key: tuple[str, str], make: Callable[[], FollowedT]) -> AsyncIterator[FollowedT]:
        shared = self._shared.get(key)
        if shared is None:
            what = make()
            shared = self._shared[key] = _Shared(what, asyncio.create_task(what.follow()))
        shared.readers += 1
        try:
            yield shared.what
        finally:
            shared.readers -= 1
            if not shared.readers:
                del self._shared[key]
                shared.task.cancel()
                await asyncio.wait([shared.task])
