"""What several runs may share: how many requests are under way at once, and how much has been spent.

The engine asks a :class:`Quota` for a slot before each attempt at a case and tells it each cost; whoever grades asks
for one for each request. Alone, a run has an :class:`OwnQuota`; the jobs of a sweep have one that holds across
processes.

An attempt's slot covers all that it asks for on its way (speech, words of a caller, a judge of the caller's turns), one
request after the other: :func:`holding` takes no second slot where one is held. So nobody who holds a slot waits for
another, which could be for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol


class Quota(Protocol):
    """Slots and money, shared by whoever is given the same quota."""

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Hold one slot for as long as the block lasts; waits until one is free."""
        ...

    def add_spent_usd(self, usd: float) -> None:
        """Add what something cost, in dollars; on disk when this returns where others can see it."""
        ...

    def spent_usd(self) -> float:
        """Return what all that share the quota have spent, in dollars."""
        ...

    def close(self) -> None:
        """Give back what is held; to be called when the run is over."""
        ...


# What goes out under the slot that the running task, or one that started it, holds; None: it holds none.
_HELD: ContextVar[asyncio.Lock | None] = ContextVar("held_slot", default=None)


@asynccontextmanager
async def holding(slot: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """Hold `slot` as long as the block lasts; where one is held already, wait for one's turn under that one."""
    held = _HELD.get()
    async with slot if held is None else held:
        token = _HELD.set(asyncio.Lock())
        try:
            yield
        finally:
            _HELD.reset(token)


class OwnQuota:
    """The quota of a run that shares with nobody: its own slots, and its own spending.

    Args:
        spent_usd: What was spent before, in dollars.
        slots: How many slots there are; None: any number.

    """

    def __init__(self, spent_usd: float = 0.0, slots: int | None = None) -> None:
        self._spent_usd = spent_usd
        self._slots = None if slots is None else asyncio.Semaphore(slots)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot for as long as the block lasts; waits until one is free."""
        async with self._slots or nullcontext():
            yield

    def add_spent_usd(self, usd: float) -> None:
        """Add a cost in dollars."""
        self._spent_usd += usd

    def spent_usd(self) -> float:
        """Return the sum of all costs in dollars."""
        return self._spent_usd

    def close(self) -> None:
        """There is nothing to give back."""
