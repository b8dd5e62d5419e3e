"""The one clock of tests that need not wait."""

from __future__ import annotations

import asyncio


class FakeClock:
    """A clock that jumps to every deadline it is asked to sleep until; a test may move it too, by `now_s`.

    Sleeping takes no time but gives every other task its turn, as the real clock does.
    """

    def __init__(self, now_s: float = 100.0) -> None:
        self.now_s = now_s

    def now(self) -> float:
        """Return the time in seconds."""
        return self.now_s

    async def sleep_until(self, deadline: float) -> None:
        """Jump to `deadline`, unless it has passed."""
        self.now_s = max(self.now_s, deadline)
        await asyncio.sleep(0)
