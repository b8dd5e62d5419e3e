"""A server's spent limits hold back new attempts."""

from __future__ import annotations

from evalkit.clock import MonotonicClock
from evalkit.engine.throttle import LimitChange, Throttle
from evalkit.peers.rate_limits import pause_for_spent_limits
from evalkit.realtime.rate_limits import RateLimit


def test_only_a_spent_limit_pauses_and_the_reason_is_told() -> None:
    """Plenty of requests and no tokens left: the tokens decide."""
    told: list[LimitChange] = []
    throttle = Throttle(4, MonotonicClock(), told.append)
    pause_for_spent_limits([RateLimit("requests", 100, 90, 60), RateLimit("tokens", 1000, 0, 2.5)], throttle)
    assert [(change.limit, change.reason, change.pause_s) for change in told] == [
        (4, "the server's limit of tokens is spent", 2.5)
    ]
