"""The one time line of a case: a clock whose zero is the moment the case began, shared by all its connections."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from evalkit.clock import Clock


@dataclass(frozen=True)
class Timeline:
    """A :class:`~evalkit.clock.Clock` that counts from the beginning of a case.

    Attributes:
        clock: The clock underneath.
        began_at_s: Its reading when the case began.

    """

    clock: Clock
    began_at_s: float

    @classmethod
    def begin(cls, clock: Clock) -> Timeline:
        """Begin a case now."""
        return cls(clock, clock.now())

    def now(self) -> float:
        """Return the seconds since the case began."""
        return self.clock.now() - self.began_at_s

    def now_ms(self) -> float:
        """Return the milliseconds since the case began."""
        return (self.clock.now() - self.began_at_s) * 1000.0

    def sleep_until(self, deadline: float) -> Coroutine[Any, Any, None]:
        """Return at `deadline`, in seconds since the case began, or at once, after yielding, when it has passed."""
        return self.clock.sleep_until(self.began_at_s + deadline)
