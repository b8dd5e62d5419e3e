"""Statistics of a set of numbers: means with n and 95 % intervals, percentiles, pass@k and pass^k.

Values come in clusters: the trials of one case, or the turns of one conversation, resemble each other, and an interval
that took them for independent would be too narrow. So a cluster is what gets resampled.

=========================================== ==============================================================
values                                      95 % interval of the mean
=========================================== ==============================================================
pass or fail, one per cluster               Wilson score interval (Wilson 1927, JASA 22:209)
pass or fail, several a cluster             Wilson with the effective number of values, and t for z
pass or fail, all alike, several a cluster  Wilson, with the number of clusters as n
anything else, two clusters or more         bootstrap over clusters, BCa (Efron 1987, JASA 82:171), seeded, expanded
                                            for few clusters (Hesterberg 2015, The American Statistician 69:371)
one cluster, and not all alike              none: one observation says nothing of the spread
=========================================== ==============================================================

``docs/statistics.md`` has the formulas, and how often these intervals hold the truth.

`scipy.stats` has all of this and takes most of a second to import, longer than all else that a short run needs. So its
results are computed here from `scipy.special`, imported where it is needed; tests hold them equal to `scipy.stats`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_RESAMPLES = 1_999
_MOST_CONFIDENT = 0.9999  # what so many resamples can still tell from everything
_NO_SPREAD = 1e-100  # the third power of a smaller one is 0
_BATCH_CELLS = 5_000_000  # random numbers held at a time while resampling; bounds the memory


@dataclass(frozen=True)
class Interval:
    """Two numbers around an estimate."""

    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A mean of `n` values. `mean` is None for n = 0, `interval` where none can be given."""

    mean: float | None
    n: int
    interval: Interval | None


@dataclass(frozen=True)
class Distribution:
    """Mean and percentiles of `n` values; all None for n = 0."""

    n: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True)
class Trials:
    """How often one case was tried, and how often it passed."""

    tried: int
    passed: int


def estimate_mean(values: Sequence[float], clusters: Sequence[str], seed: int) -> Estimate:
    """Return the mean of `values` with its 95 % interval. `clusters` names the cluster of each value."""
    if not values:
        return Estimate(None, 0, None)
    return Estimate(math.fsum(values) / len(values), len(values), _interval(values, clusters, seed))


def wilson_interval(passed: int, tried: int, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the Wilson score interval of a share, 95 % unless told otherwise; None when nothing was tried."""
    return _wilson(passed / tried, tried, NormalDist().inv_cdf((1 + confidence) / 2)) if tried else None


def clustered_wilson_interval(values: Sequence[float], clusters: Sequence[str]) -> Interval | None:
    """Return the 95 % Wilson interval of the share of ones in `values`, some of which resemble each other.

    The n of Wilson's formula is the effective one, values over design effect, and its z the quantile of Student's t
    with one degree of freedom less than there are clusters (Kott & Carr 1997, Journal of Official Statistics 13:197;
    compared in Franco et al. 2019, Journal of Survey Statistics and Methodology 7:334). Where all values are alike the
    clusters are the n. None with fewer than two clusters, unless all values are alike.
    """
    return _clustered_wilson(*cluster_sums(values, clusters))


def estimate_case_share(cases: Sequence[Trials]) -> Estimate:
    """Return the mean over `cases` of the share of each one's tries that passed, with its 95 % interval.

    Each case weighs the same, however often it was tried: who tries the easy ones again gains nothing. Where all were
    tried equally often it is the share of all tries, and its interval that of :func:`estimate_mean`. Cases that were
    not tried cannot say and are left out; `n` counts the others.
    """
    tried = [case for case in cases if case.tried]
    if not tried:
        return Estimate(None, 0, None)
    shares = np.array([case.passed / case.tried for case in tried])
    if all(case.tried == 1 for case in tried):
        interval = wilson_interval(sum(case.passed for case in tried), len(tried))
    else:
        interval = _clustered_wilson(shares, np.ones(len(tried)))
    return Estimate(math.fsum(shares) / len(tried), len(tried), interval)


def _clustered_wilson(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> Interval | None:
    share, tried = float(sums.sum() / counts.sum()), float(counts.sum())
    if share in (0, 1):
        return wilson_interval(len(sums) if share else 0, len(sums))
    if len(sums) < 2:
        return None
    return _wilson(share, tried / design_effect(sums, counts), t_quantile((1 + CONFIDENCE) / 2, len(sums) - 1))


def t_quantile(chance: float, degrees: int) -> float:
    """Return the value below which Student's t with `degrees` of freedom lies with `chance`."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, chance))


def clustered_variance(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    """Return the variance of the mean of clustered values, linearised (Cochran 1977, Sampling Techniques, 6.4).

    `sums` and `counts` are each cluster's; at least two clusters.
    """
    size, mean = len(sums), sums.sum() / counts.sum()
    return float(size / (size - 1) * np.sum((sums - mean * counts) ** 2) / counts.sum() ** 2)


def design_effect(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> float:
    """Return how many times the variance of a share grows because passes come in clusters (Kish 1965, 8.2).

    `sums` counts the passes of each cluster, `counts` its values. Above 0; below 1 where clusters are more alike than
    chance would make them.
    """
    share = sums.sum() / counts.sum()
    independent = share * (1 - share) / counts.sum()
    return max(clustered_variance(sums, counts) / float(independent), 1e-3)


def bootstrap_interval(
    values: Sequence[float], clusters: Sequence[str], seed: int, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the BCa interval of the mean, 95 % unless told otherwise; None with fewer than two clusters.

    Whole clusters are resampled. Where every cluster has the same mean there is no spread to resample, and the interval
    is that one point.
    """
    sums, counts = cluster_sums(values, clusters)
    if len(sums) < 2:
        return None
    means = sums / counts
    if np.ptp(means) < _NO_SPREAD:
        return Interval(float(means[0]), float(means[0]))
    resampled = _resampled_means(sums, counts, np.random.default_rng(seed))
    low, high = np.quantile(
        resampled, _bca_levels(sums, counts, resampled, _expanded_confidence(len(sums), confidence))
    )
    return Interval(float(low), float(high))


def describe(values: Sequence[float]) -> Distribution:
    """Return mean and percentiles of `values`; percentiles by linear interpolation (Hyndman & Fan 1996, type 7)."""
    if not values:
        return Distribution(0, None, None, None, None)
    p50, p95, p99 = (float(value) for value in np.percentile(values, [50, 95, 99], method="linear"))
    return Distribution(len(values), math.fsum(values) / len(values), p50, p95, p99)


def pass_at_k(cases: Sequence[Trials], k: int) -> Estimate:
    """Return the chance that at least one of `k` trials passes, averaged over cases.

    Unbiased for each case: 1 - C(n-c, k) / C(n, k) with n tried and c passed (Chen et al. 2021, arXiv:2107.03374).
    Cases tried fewer than `k` times cannot say and are left out; `n` counts the others.
    """
    return _over_cases([1 - _share(case.tried - case.passed, case.tried, k) for case in cases if case.tried >= k])


def pass_hat_k(cases: Sequence[Trials], k: int) -> Estimate:
    """Return the chance that all of `k` trials pass, averaged over cases.

    Unbiased for each case: C(c, k) / C(n, k) with n tried and c passed (Yao et al. 2024, arXiv:2406.12045). Cases tried
    fewer than `k` times are left out; `n` counts the others.
    """
    return _over_cases([_share(case.passed, case.tried, k) for case in cases if case.tried >= k])


def score_bounds(values: Sequence[float], excluded: int) -> Interval | None:
    """Return the mean if each of `excluded` further values had been 0, and had been 1; None when there is no value."""
    total = len(values) + excluded
    if total == 0:
        return None
    return Interval(math.fsum(values) / total, (math.fsum(values) + excluded) / total)


def _interval(values: Sequence[float], clusters: Sequence[str], seed: int) -> Interval | None:
    if not is_pass_or_fail(values):
        return bootstrap_interval(values, clusters, seed)
    if len(set(clusters)) == len(values):
        return wilson_interval(round(math.fsum(values)), len(values))
    return clustered_wilson_interval(values, clusters)


def is_pass_or_fail(values: Sequence[float]) -> bool:
    """Whether every value is 0 or 1."""
    return all(value in (0, 1) for value in values)


def cluster_sums(values: Sequence[float], clusters: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return sum and number of the values of each cluster, clusters in the order in which they first occur."""
    grouped: dict[str, list[float]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        grouped[cluster].append(value)
    sums = np.array([math.fsum(group) for group in grouped.values()])
    return sums, np.array([float(len(group)) for group in grouped.values()])


def _expanded_confidence(clusters: int, confidence: float) -> float:
    """Return the level at which a bootstrap of few clusters reaches as far as Student's t does on normal values.

    Resampling n values shows (n - 1) / n of their variance, and nothing of the doubt about it.
    """
    reach = math.sqrt(clusters / (clusters - 1)) * t_quantile((1 + confidence) / 2, clusters - 1)
    return min(math.erf(reach / math.sqrt(2)), _MOST_CONFIDENT)


def _resampled_means(
    sums: NDArray[np.float64], counts: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the mean of each resample of whole clusters."""
    batch, size = max(1, _BATCH_CELLS // len(sums)), len(sums)
    means = []
    for done in range(0, _RESAMPLES, batch):
        drawn = rng.integers(0, size, (min(batch, _RESAMPLES - done), size))
        means.append(sums[drawn].sum(axis=-1) / counts[drawn].sum(axis=-1))
    return np.concatenate(means)


def _bca_levels(
    sums: NDArray[np.float64], counts: NDArray[np.float64], resampled: NDArray[np.float64], confidence: float
) -> tuple[float, float]:
    """Return which quantiles of `resampled` are the ends of the BCa interval (Efron & Tibshirani 1993, 14.3)."""
    from scipy.special import ndtr, ndtri

    mean = sums.sum() / counts.sum()
    below, not_above = np.count_nonzero(resampled < mean), np.count_nonzero(resampled <= mean)
    bias = ndtri((below + not_above) / (2 * len(resampled)))
    left_out = (sums.sum() - sums) / (counts.sum() - counts)  # the mean without each cluster: the jackknife
    pulls = left_out.mean() - left_out
    acceleration = np.sum(pulls**3) / (6 * np.sum(pulls**2) ** 1.5)
    ends = bias + ndtri((1 - confidence) / 2) * np.array([1, -1])
    low, high = ndtr(bias + ends / (1 - acceleration * ends))
    return float(low), float(high)


def _wilson(share: float, tried: float, z: float) -> Interval:
    """Return Wilson's score interval of `share` of `tried` values, `z` standard errors to both sides."""
    centre = (share + z**2 / (2 * tried)) / (1 + z**2 / tried)
    half = z / (1 + z**2 / tried) * math.sqrt(share * (1 - share) / tried + (z / (2 * tried)) ** 2)
    low = 0.0 if share == 0 else max(0.0, centre - half)
    return Interval(low, 1.0 if share == 1 else min(1.0, centre + half))


def _share(part: int, whole: int, k: int) -> float:
    """Return the chance that `k` drawn from `whole` without putting back all come from `part`."""
    return math.comb(part, k) / math.comb(whole, k)


def _over_cases(chances: Sequence[float]) -> Estimate:
    if not chances:
        return Estimate(None, 0, None)
    return Estimate(math.fsum(chances) / len(chances), len(chances), None)
