"""The retry table."""

import random

import pytest

from evalkit.engine.retry import RetryPolicy
from evalkit.records.faults import POLICIES, Failure, Stage

RETRIED = sorted(kind for kind, policy in POLICIES.items() if policy.attempts_factor and policy.first_wait_s)


def _failure(kind: str, retry_after_s: float | None = None) -> Failure:
    return Failure(Stage.CONNECT, kind, "", retry_after_s)


@pytest.mark.parametrize("kind", RETRIED)
def test_waits_grow_and_end(kind: str) -> None:
    """Each wait is about twice the one before, and the last attempt is the last."""
    policy, first_s = RetryPolicy(max_attempts=3), POLICIES[kind].first_wait_s
    tries = policy.tries_of(kind)
    waits = [policy.wait_before_next(_failure(kind), attempt, random.Random(0)) or 0 for attempt in range(1, tries)]
    assert policy.wait_before_next(_failure(kind), tries, random.Random(0)) is None
    assert first_s <= waits[0] <= first_s * 1.25
    assert first_s * 2 <= waits[1] <= first_s * 2.5
    assert max(waits) <= 60


def test_a_rate_is_worth_more_patience_and_one_attempt_is_one() -> None:
    """Being asked to wait is no failure of the line; and who wants no second try gets none."""
    assert RetryPolicy(3).tries_of("rate_limited") == 9
    assert RetryPolicy(3).tries_of("connection_closed") == 3
    assert {RetryPolicy(1).tries_of(kind) for kind in POLICIES} == {1}


def test_the_peers_own_wish_counts() -> None:
    """Retry-After is obeyed, up to a minute."""
    policy = RetryPolicy(max_attempts=5)
    assert policy.wait_before_next(_failure("rate_limited", 7.0), 1, random.Random(0)) == 7.0
    assert policy.wait_before_next(_failure("rate_limited", 3600.0), 1, random.Random(0)) == 60.0


def test_a_result_is_never_retried() -> None:
    """An assistant that answered badly, or a key that was refused, stays as it is."""
    policy = RetryPolicy(max_attempts=5)
    for kind in ("authentication_failed", "insufficient_quota", "content_filter", "no_answer"):
        assert policy.wait_before_next(_failure(kind), 1, random.Random(0)) is None
