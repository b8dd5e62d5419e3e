"""A measured value with what it rests on: the window of its definition, its events, and what each of them gives to it.

A value is the sum of what events give over the sum of their weights: the mean for latencies and shares, whose events
weigh 1 each, and a ratio for rates per turn, whose events weigh 0 and whose turns weigh 1. An interval is over cases:
events of one call resemble each other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from evalkit.metrics.statistics import (
    CONFIDENCE,
    Estimate,
    Interval,
    bootstrap_interval,
    cluster_sums,
    clustered_variance,
    estimate_mean,
    t_quantile,
)

MIN_EVENTS_FOR_A_RATE = 10  # as tau-voice publishes them: below, a rate is shown as a count


class MeasuredIn(StrEnum):
    """What a measured value is."""

    SECONDS = "seconds"
    SHARE = "share"  # of events, 0 to 1
    PER_TURN = "per turn"  # can exceed 1
    SCORE = "score"  # 0 to 1, without being a share of anything


@dataclass(frozen=True)
class Contribution:
    """What one event gives to a value.

    Attributes:
        case_id: The case in whose call it happened.
        time_s: When, in seconds from the beginning of that call.
        value: What it adds to the value's numerator.
        weight: What it adds to the denominator.
        is_censored: Whether the true value is larger: what was waited for had not happened by then.

    """

    case_id: str
    time_s: float
    value: float
    weight: float = 1.0
    is_censored: bool = False


@dataclass(frozen=True)
class SetAside:
    """An event that looks like one of a definition's and says nothing for it.

    Attributes:
        case_id: The case in whose call it happened.
        time_s: When, in seconds from the beginning of that call.
        reason: Why not, in words with underscores.

    """

    case_id: str
    time_s: float
    reason: str


@dataclass(frozen=True)
class Measurement:
    """One metric over some calls.

    Attributes:
        name: The metric's name.
        measured_in: What its value is.
        window: Which events count and what is looked at, in words.
        contributions: What each event gives, call by call.
        set_aside: Events that were met and not counted.

    """

    name: str
    measured_in: MeasuredIn
    window: str
    contributions: tuple[Contribution, ...]
    set_aside: tuple[SetAside, ...] = ()

    @property
    def value(self) -> float | None:
        """The value; None without any event."""
        weight = math.fsum(one.weight for one in self.contributions)
        return math.fsum(one.value for one in self.contributions) / weight if weight else None

    @property
    def events(self) -> int:
        """How many events the value is a mean over, or a ratio per."""
        return sum(1 for one in self.contributions if one.weight)

    @property
    def censored(self) -> int:
        """How many events have a value that is only known to be larger."""
        return sum(one.is_censored for one in self.contributions)

    @property
    def is_lower_bound(self) -> bool:
        """Whether every event's true value is larger, so that all that is known of the value is that it is, too."""
        return bool(self.events) and self.censored == len(self.contributions)

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many events were set aside, by reason."""
        return Counter(one.reason for one in self.set_aside)

    @property
    def is_rate_worth_showing(self) -> bool:
        """Whether there are events enough for a rate; latencies and scores have no such bound."""
        is_rate = self.measured_in in (MeasuredIn.SHARE, MeasuredIn.PER_TURN)
        return not is_rate or self.events >= MIN_EVENTS_FOR_A_RATE

    @property
    def shown(self) -> str:
        """The value in words: a rate of few events as a count, `3 of 7`; `-` without any event."""
        if self.value is None:
            return "-"
        if not self.is_rate_worth_showing:
            return f"{math.fsum(one.value for one in self.contributions):g} of {self.events}"
        at_least = "at least " if self.is_lower_bound else ""
        return f"{at_least}{self.value:.2f}{' s' if self.measured_in is MeasuredIn.SECONDS else ''}"

    def estimate(self, seed: int) -> Estimate:
        """Return the value with its 95 % interval over cases; None for the interval where none can be given.

        Where every event is censored there is none: cases that look alike tell nothing of values that nobody saw.
        Seconds that happen to be 0 or 1 are no shares: theirs is the interval of any other mean.
        """
        values, cases = [one.value for one in self.contributions], [one.case_id for one in self.contributions]
        if self.is_lower_bound:
            return Estimate(self.value, self.events, None)
        if self.measured_in is MeasuredIn.SHARE:
            return estimate_mean(values, cases, seed)
        if self.measured_in is MeasuredIn.PER_TURN:
            return Estimate(self.value, self.events, self._ratio_interval())
        return Estimate(self.value, self.events, bootstrap_interval(values, cases, seed) if values else None)

    def _ratio_interval(self) -> Interval | None:
        """Return the linearised interval of a ratio of sums over cases (Cochran 1977, Sampling Techniques, 6.4).

        None where cases do not differ, as where nothing happened in any: that tells nothing of how often it can.
        """
        cases = [one.case_id for one in self.contributions]
        values, _ = cluster_sums([one.value for one in self.contributions], cases)
        weights, _ = cluster_sums([one.weight for one in self.contributions], cases)
        if self.value is None or len(values) < 2:
            return None
        reach = t_quantile((1 + CONFIDENCE) / 2, len(values) - 1) * math.sqrt(clustered_variance(values, weights))
        return Interval(max(0.0, self.value - reach), self.value + reach) if reach else None
