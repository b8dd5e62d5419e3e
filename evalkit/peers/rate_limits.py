"""Between what a server says of its limits and who begins attempts: a limit that is spent holds new ones back."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.engine.throttle import Throttle
from evalkit.realtime.rate_limits import RateLimit


def pause_for_spent_limits(limits: Sequence[RateLimit], throttle: Throttle) -> None:
    """Begin nothing until every spent limit is whole again, a minute at most."""
    for limit in limits:
        if limit.is_spent:
            throttle.pause(limit.reset_s, f"the server's limit of {limit.name[:40] or 'something'} is spent")
