"""How many attempts may be under way at once, as far as the peer keeps up.

Additive increase, multiplicative decrease (Chiu & Jain 1989, Computer Networks and ISDN Systems 17:1): it begins at the
most that is allowed, halves when the peer says that it is asked too much, and grows by one each time as many attempts
as the limit allows have gone well. What was already under way when the limit fell reports the same congestion and does
not lower it again. A peer that says how long to wait holds back every new attempt, not only the one it said it to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from evalkit.clock import Clock

LONGEST_PAUSE_S = 60.0
_WORTH_TELLING_S = 0.25


@dataclass(frozen=True)
class LimitChange:
    """The limit from `at_s` on, in seconds since the throttle was made, and why it changed.

    `pause_s`: the limit stays as it is, and nothing begins for so many seconds; 0: no pause.
    """

    at_s: float
    limit: int
    reason: str
    pause_s: float = 0.0


class Throttle:
    """Hands out permission to make an attempt. For one event loop.

    Args:
        most: The highest limit; also the first.
        clock: The run's clock.
        on_change: Told of every change, and of every pause that is more than a little longer than one that holds.

    """

    def __init__(self, most: int, clock: Clock, on_change: Callable[[LimitChange], None] = lambda _: None) -> None:
        self.most = self.limit = most
        self._clock, self._on_change = clock, on_change
        self._began_at = self._cut_at = clock.now()
        self._open_at = clock.now()
        self._in_flight = 0
        self._good = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one of the places for as long as the block lasts; waits until there is one and no pause."""
        await self._take_place()
        try:
            while self._clock.now() < self._open_at:
                await self._clock.sleep_until(self._open_at)
            yield
        finally:
            self._in_flight -= 1
            self._let_in()

    def note_success(self) -> None:
        """Count an attempt that the peer served."""
        self._good += 1
        if self._good >= self.limit and self.limit < self.most:
            self._change(self.limit + 1, f"{self._good} attempts went well")

    def note_pressure(self, reason: str, began_at: float, pause_s: float | None) -> None:
        """Take it that an attempt begun at `began_at` on the clock was too much; `pause_s`: what the peer asked for."""
        self.pause(pause_s or 0.0, reason)
        if began_at >= self._cut_at and self.limit > 1:
            self._cut_at = self._clock.now()
            self._change(max(1, self.limit // 2), reason)

    def pause(self, seconds: float, reason: str) -> None:
        """Begin nothing for `seconds`, a minute at most."""
        seconds = min(seconds, LONGEST_PAUSE_S)
        until = self._clock.now() + seconds
        longer_s = until - self._open_at
        if seconds > 0 and longer_s > 0:
            self._open_at = until
            if longer_s > _WORTH_TELLING_S:
                self._tell(reason, round(seconds, 3))

    async def _take_place(self) -> None:
        while self._in_flight >= self.limit:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                with suppress(ValueError):
                    self._waiting.remove(turn)
                self._let_in()  # it may have been called already, and does not come
                raise
        self._in_flight += 1

    def _let_in(self) -> None:
        free = self.limit - self._in_flight
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def _change(self, limit: int, reason: str) -> None:
        self.limit, self._good = limit, 0
        self._let_in()
        self._tell(reason)

    def _tell(self, reason: str, pause_s: float = 0.0) -> None:
        self._on_change(LimitChange(round(self._clock.now() - self._began_at, 3), self.limit, reason, pause_s))
