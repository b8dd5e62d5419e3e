"""Time as an argument: the one clock every timing in a case comes from.

Code that paces, times out or measures takes a :class:`Clock`; tests pass a fake one and need not wait.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

# uvloop's timers are whole milliseconds, rounded: without this one in four would end before its time.
_TIMER_ROUNDING_S = 0.0005


class Clock(Protocol):
    """A monotonic clock in seconds; its zero has no meaning, only differences do."""

    def now(self) -> float:
        """Return the current monotonic time in seconds."""
        ...

    async def sleep_until(self, deadline: float) -> None:
        """Return at `deadline` (seconds on this clock), or at once, after yielding, when it has passed."""
        ...


class MonotonicClock:
    """The real clock."""

    def now(self) -> float:
        """Return the current monotonic time in seconds."""
        return time.perf_counter()

    async def sleep_until(self, deadline: float) -> None:
        """Return at `deadline`; when it has passed, yield to the event loop once and return."""
        left_s = deadline - time.perf_counter()
        await asyncio.sleep(left_s + _TIMER_ROUNDING_S if left_s > 0 else 0.0)
        if time.perf_counter() < deadline:
            await self.sleep_until(deadline)
