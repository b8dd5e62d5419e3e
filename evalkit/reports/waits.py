"""How long answers and yields took in the calls of a run, and how often neither came.

What did not happen has no time, and is not left out for that: the share of all that was waited for ends below 1 then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.metrics.turn_taking.timeline import CallTimeline


@dataclass(frozen=True)
class WaitDistribution:
    """How long one thing took.

    Attributes:
        metric: The metric whose events these are.
        title: What its curve shows.
        seconds: How long it took where it happened, shortest first; an answer may begin before the caller's end.
        missing: How often it did not happen.
        missing_words: What that means.

    """

    metric: str
    title: str
    seconds: tuple[float, ...]
    missing: int
    missing_words: str

    @property
    def total(self) -> int:
        """How often it was waited for."""
        return len(self.seconds) + self.missing

    @property
    def told_missing(self) -> str:
        """How often it did not happen, in words; empty where it always did."""
        return f"{self.missing} of {self.total} {self.missing_words}" if self.missing else ""

    def within_s(self, share: float) -> float | None:
        """Return the time within which it happened in this share of all cases; None where it never did so often."""
        place = math.ceil(share * self.total - 1e-9) - 1
        return self.seconds[max(0, place)] if self.seconds and place < len(self.seconds) else None

    def steps(self) -> list[tuple[float, float]]:
        """Return (seconds, share by then) at each step of the curve, from share 0 on."""
        if not self.seconds:
            return []
        shares = [(one, number / self.total) for number, one in enumerate(self.seconds, start=1)]
        return [(self.seconds[0], 0.0), *shares]


def read_waits(calls: Sequence[CallTimeline]) -> tuple[WaitDistribution, ...]:
    """Return the waits for answers and for yields; those that were never waited for are left out."""
    if not calls:
        return ()
    from evalkit.metrics.turn_taking.exchanges import YIELD_WINDOW_S
    from evalkit.metrics.turn_taking.panel import measure_calls

    panel = {one.name: one for one in measure_calls(calls)}
    unanswered = sum(one.value == 0 for one in panel["response_rate"].contributions)
    yields = panel["yield_latency"].contributions
    found = (
        WaitDistribution(
            "response_latency",
            "Share answered within a time of the caller's end",
            tuple(sorted(one.value for one in panel["response_latency"].contributions)),
            unanswered,
            "never answered",
        ),
        WaitDistribution(
            "yield_latency",
            "Share of interruptions yielded to within a time",
            tuple(sorted(one.value for one in yields if not one.is_censored)),
            sum(one.is_censored for one in yields),
            f"not yielded to within {YIELD_WINDOW_S:g} s",
        ),
    )
    return tuple(one for one in found if one.total)
