"""How sure a percentile is: intervals from order statistics, which assume nothing of the values' distribution.

With independent values the interval is the exact one of :func:`scipy.stats.quantile_test` (binomial ranks). Where
values come in clusters, the ranks are those of as many values as the sample is worth (Woodruff 1952, JASA 47:635,
with the design effect of the share of values up to the percentile). A percentile whose ranks would lie beyond the
smallest or the largest value has no interval: 99 % of 30 values says nothing of how slow the slowest can be. With
independent values p50 needs 6 of them, p95 72, p99 368.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from evalkit.metrics.statistics import CONFIDENCE, Interval, cluster_sums, design_effect


def percentile_interval(values: Sequence[float], clusters: Sequence[str], percent: float) -> Interval | None:
    """Return the 95 % interval of a percentile of what `values` were drawn from; None when there are too few.

    `clusters` names the cluster of each value, `percent` lies between 0 and 100.
    """
    if not values:
        return None
    if len(set(clusters)) == len(values):
        return _exact(values, percent / 100)
    return _clustered(values, clusters, percent / 100)


def _exact(values: Sequence[float], share: float) -> Interval | None:
    from scipy.stats import quantile_test

    found: Any = quantile_test(values, p=share).confidence_interval(CONFIDENCE)
    return None if math.isnan(found.low) or math.isnan(found.high) else Interval(float(found.low), float(found.high))


def _clustered(values: Sequence[float], clusters: Sequence[str], share: float) -> Interval | None:
    from scipy.stats import binom

    ordered = np.sort(values)
    limit = np.quantile(ordered, share)
    sums, counts = cluster_sums([float(value <= limit) for value in values], clusters)
    if len(sums) < 2 or sums.sum() in (0, counts.sum()):
        return None
    effective = max(1, int(len(values) / max(1.0, design_effect(sums, counts))))
    tail = (1 - CONFIDENCE) / 2
    low, high = int(binom.ppf(tail, effective, share)), int(binom.isf(tail, effective, share)) + 1
    if low < 1 or high > effective:
        return None
    first, last = math.floor(low / effective * len(values)), math.ceil(high / effective * len(values))
    return Interval(float(ordered[max(first, 1) - 1]), float(ordered[min(last, len(values)) - 1]))
