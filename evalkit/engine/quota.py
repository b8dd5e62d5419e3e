"""What several runs may share: how many attempts are under way at once, and how much has been spent.

The engine asks a :class:`Quota` for a slot before each attempt at a case and tells it each cost. Alone, a run has an
:class:`OwnQuota`; the jobs of a sweep have one that holds across processes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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


class OwnQuota:
    """The quota of a run that shares with nobody: any number of slots, and its own spending."""

    def __init__(self, spent_usd: float = 0.0) -> None:
        self._spent_usd = spent_usd

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Give a slot at once."""
        yield

    def add_spent_usd(self, usd: float) -> None:
        """Add a cost in dollars."""
        self._spent_usd += usd

    def spent_usd(self) -> float:
        """Return the sum of all costs in dollars."""
        return self._spent_usd
