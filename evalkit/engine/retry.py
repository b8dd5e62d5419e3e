"""When a case-trial is tried again. What is worth another try stands in :data:`evalkit.records.faults.POLICIES`.

A retry starts the case afresh, in a new conversation. Failures of the system under test are results and are never
retried.
"""

# Not tenacity or stamina: they sleep by themselves, while the engine gives its places back as long as a case waits,
# journals each attempt, obeys stops and takes time from a clock; all that is left for a library is one formula.

from __future__ import annotations

import random
from dataclasses import dataclass

from evalkit.records.faults import POLICIES, Failure

LONGEST_WAIT_S = 60.0


@dataclass(frozen=True)
class RetryPolicy:
    """How often a case-trial is tried in all, and how long to wait between tries."""

    max_attempts: int

    def wait_before_next(self, failure: Failure, attempt: int, rng: random.Random) -> float | None:
        """Return the seconds to wait after `attempt` (from 1) ended in `failure`, or None: it stays failed.

        A wait is the peer's own ``Retry-After`` when it gave one, else exponential with up to 25 % of jitter.
        """
        policy = POLICIES.get(failure.error_type)
        if policy is None or attempt >= self.tries_of(failure.error_type):
            return None
        if failure.retry_after_s is not None:
            return min(failure.retry_after_s, LONGEST_WAIT_S)
        return float(min(policy.first_wait_s * 2 ** (attempt - 1) * (1 + rng.random() / 4), LONGEST_WAIT_S))

    def tries_of(self, error_type: str) -> int:
        """Return how many tries in all a failure of this kind is worth, 1: it is final."""
        policy = POLICIES.get(error_type)
        if policy is None or self.max_attempts == 1:
            return 1
        return max(1, self.max_attempts * policy.attempts_factor)
