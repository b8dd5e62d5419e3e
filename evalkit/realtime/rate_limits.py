"""What a server says of its limits in ``rate_limits.updated``: what is left of each, and until when. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A remainder this small will not carry another response.
_SPENT_SHARE = 0.01


@dataclass(frozen=True)
class RateLimit:
    """One limit, for example of ``requests`` or ``tokens``. `reset_s`: seconds until it is whole again."""

    name: str
    limit: float
    remaining: float
    reset_s: float

    @property
    def is_spent(self) -> bool:
        """Whether nothing to speak of is left."""
        return self.remaining <= self.limit * _SPENT_SHARE


OnRateLimits = Callable[[Sequence[RateLimit]], None]
"""Told of the limits whenever the server says them."""


def read_rate_limits(payload: Mapping[str, Any]) -> tuple[RateLimit, ...]:
    """Return the limits in a ``rate_limits.updated`` event; what is not whole or not a number is passed over."""
    told = payload.get("rate_limits")
    found = []
    for entry in told if isinstance(told, list) else ():
        if not isinstance(entry, Mapping):
            continue
        numbers = [entry.get(key) for key in ("limit", "remaining", "reset_seconds")]
        known = [float(n) for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)]
        if len(known) == len(numbers) and all(0 <= number < float("inf") for number in known):
            found.append(RateLimit(str(entry.get("name", "")), *known))
    return tuple(found)
