"""What wakes everybody who waits for the same news."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung when there is news. For one event loop.

    Attributes:
        rung: How often; who notes it before looking misses nothing.

    """

    def __init__(self) -> None:
        self.rung = 0
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait."""
        self.rung += 1
        before, self._next = self._next, asyncio.Event()
        before.set()

    async def wait(self, since: int) -> None:
        """Wait until it has been rung more than `since` times."""
        while self.rung <= since:
            await self._next.wait()
