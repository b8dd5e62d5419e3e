"""How patient a client is with a service."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """All times are whole milliseconds."""

    base_ms: int  # wait after the first failure
    factor: int  # each further wait is this many times longer
    cap_ms: int  # the longest computed wait
    max_attempts: int  # all attempts, the first one included
    budget_ms: int | None = None  # for attempts and waits together; None: no limit
    jitter_percent: int = 0  # how much of a computed wait may be taken off, 0 to 100

    def __post_init__(self):
        if self.base_ms < 0 or self.cap_ms < 0:
            raise ValueError("waits must not be negative")
        if self.factor < 1:
            raise ValueError("factor must be at least 1")
        if self.max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")
        if self.budget_ms is not None and self.budget_ms < 0:
            raise ValueError("budget_ms must not be negative")
        if not 0 <= self.jitter_percent <= 100:
            raise ValueError("jitter_percent must be within 0 and 100")


def make_policy(settings):
    """Return the policy of a settings object; raises ValueError for unknown keys and bad values."""
    known = set(RetryPolicy.__dataclass_fields__)
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ValueError(f"unknown settings: {', '.join(unknown)}")
    return RetryPolicy(**settings)
