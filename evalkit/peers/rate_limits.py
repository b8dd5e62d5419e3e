"""Stops new attempts while one of the server's rate limits is spent."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.engine.throttle import Throttle
from evalkit.realtime.rate_limits import RateLimit


def pause_for_spent_limits(limits: Sequence[RateLimit], throttle: Throttle) -> None:
    """Begin no attempt until every spent limit is reset, for a minute at most."""
    for limit in limits:
        if limit.is_spent:
            throttle.pause(limit.reset_s, f"the server's limit of {limit.name[:40] or 'something'} is spent")
