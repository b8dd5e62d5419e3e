"""Intervals of percentiles from order statistics, which assume nothing of the values' distribution.

With independent values the interval is the exact one by binomial ranks, that of ``scipy.stats.quantile_test``. Where
values come in clusters, the ranks are those of as many values as the sample is worth (Woodruff 1952, JASA 47:635,
with the design effect of the share of values up to the percentile). A percentile whose ranks would lie beyond the
smallest or the largest value has no interval: 99 % of 30 values says nothing of how slow the slowest can be. With
independent values p50 needs 6 of them, p95 72, p99 368.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
    ranks = _ranks(len(values), share)
    if ranks is None:
        return None
    ordered = np.sort(values)
    return Interval(float(ordered[ranks[0] - 1]), float(ordered[ranks[1] - 1]))


def _clustered(values: Sequence[float], clusters: Sequence[str], share: float) -> Interval | None:
    ordered = np.sort(values)
    limit = np.quantile(ordered, share)
    sums, counts = cluster_sums([float(value <= limit) for value in values], clusters)
    if len(sums) < 2 or sums.sum() in (0, counts.sum()):
        return None
    effective = max(1, int(len(values) / max(1.0, design_effect(sums, counts))))
    ranks = _ranks(effective, share)
    if ranks is None:
        return None
    first, last = (rank / effective * len(values) for rank in ranks)
    return Interval(
        float(ordered[max(math.floor(first), 1) - 1]), float(ordered[min(math.ceil(last), len(values)) - 1])
    )


def _ranks(count: int, share: float) -> tuple[int, int] | None:
    """Return between which two of `count` ordered values, counted from 1, the quantile lies; None with too few."""
    tail = (1 - CONFIDENCE) / 2
    if (1 - share) ** count >= tail or share**count > tail:
        return None
    return _binomial_quantile(tail, count, share), _binomial_quantile(1 - tail, count, share) + 1


def _binomial_quantile(chance: float, count: int, share: float) -> int:
    """Return the fewest hits that are not exceeded with at least `chance` in `count` tries."""
    from scipy.special import bdtr, bdtrik

    hits = math.ceil(bdtrik(chance, count, share))
    return hits - 1 if hits and bdtr(hits - 1, count, share) >= chance else hits
