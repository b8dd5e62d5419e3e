"""Two runs of the same cases compared: is there a difference, how large, and how certain?

================================== =============================================== ==================================
pairs                              p-value of "nothing changed"                    interval of the difference
================================== =============================================== ==================================
pass or fail, one per case         exact McNemar: binomial on the pairs that       hybrid score (Newcombe 1998,
                                   differ (McNemar 1947, Psychometrika 12:153)     Stat. Med. 17:2635, method 10)
anything else                      sign flips of whole cases (Fisher 1935), exact  bootstrap over cases, BCa
                                   where they can be counted, else 9,999 drawn
================================== =============================================== ==================================

Trials of a case are not independent, so whole cases are flipped and resampled. Intervals are at the level
of the decision, 95 % unless told otherwise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.metrics.noise import detectable
from evalkit.metrics.percentiles import percentile_interval
from evalkit.metrics.statistics import (
    CONFIDENCE,
    Interval,
    bootstrap_interval,
    cluster_sums,
    clustered_variance,
    is_pass_or_fail,
    wilson_interval,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PERMUTATIONS = 9_999
_BATCH_CELLS = 5_000_000


@dataclass(frozen=True)
class Pair:
    """One case-trial in both runs: its case, and its value before and after."""

    case: str
    before: float
    after: float


@dataclass(frozen=True)
class PairedDifference:
    """What changed from the first run to the second.

    Attributes:
        n: Pairs.
        cases: Cases that they belong to.
        mean_before: Mean over the pairs in the first run.
        mean_after: In the second.
        difference: After minus before.
        interval: Its interval at the level asked for; None where no pair differs and none can be given.
        p_value: Of the hypothesis that nothing changed, two-sided; None for no pair.
        method: Which test gave it.
        detectable: The smallest difference that these pairs could have shown with 80 % power at 5 %.

    """

    n: int
    cases: int
    mean_before: float
    mean_after: float
    difference: float
    interval: Interval | None
    p_value: float
    method: str
    detectable: float | None


def compare_pairs(pairs: Sequence[Pair], seed: int, confidence: float = CONFIDENCE) -> PairedDifference:
    """Return what changed over `pairs`, at least one, with its interval at the level `confidence`."""
    before, after = [pair.before for pair in pairs], [pair.after for pair in pairs]
    changes, cases = [pair.after - pair.before for pair in pairs], [pair.case for pair in pairs]
    sums, counts = cluster_sums(changes, cases)
    one_trial_each = len(sums) == len(pairs)
    if one_trial_each and is_pass_or_fail([*before, *after]):
        won, lost = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
        interval: Interval | None = paired_share_interval(_count_table(pairs), confidence)
        p_value, method = mcnemar_p_value(won, lost), "exact McNemar"
    else:
        interval = bootstrap_interval(changes, cases, seed, confidence) if any(changes) else None
        p_value, method = sign_flip_p_value(sums, seed), "sign flips over cases"
    return PairedDifference(
        n=len(pairs),
        cases=len(sums),
        mean_before=math.fsum(before) / len(pairs),
        mean_after=math.fsum(after) / len(pairs),
        difference=math.fsum(changes) / len(pairs),
        interval=interval,
        p_value=p_value,
        method=method,
        detectable=_detectable(sums, counts),
    )


def mcnemar_p_value(won: int, lost: int) -> float:
    """Return the two-sided p-value of exact McNemar: pairs that differ go either way with the same chance."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(won, lost), won + lost, 0.5)))


def sign_flip_p_value(changes: NDArray[np.float64], seed: int) -> float:
    """Return the two-sided p-value of a mean of `changes` (one per case) when each could as well have the other sign.

    All 2^n flips are counted where they are at most 9,999; else as many are drawn, seeded, and the observed one counts
    among them (Phipson & Smyth 2010), so that p is never 0.
    """
    moved = changes[changes != 0]
    if len(moved) < 2:
        return 1.0  # both signs are as extreme
    exact = 2 ** len(moved) <= _PERMUTATIONS
    flips = _all_flips(len(moved)) if exact else _drawn_flips(len(moved), np.random.default_rng(seed))
    sums = np.concatenate([np.sum(signs * moved, axis=-1) for signs in flips])
    observed = np.sum(moved)
    # Of the values, not of their sum: sums that cancel each other are equal but for it.
    rounding = 100 * np.finfo(np.float64).eps * np.sum(np.abs(moved))
    itself = 0 if exact else 1
    low, high = np.count_nonzero(sums <= observed + rounding), np.count_nonzero(sums >= observed - rounding)
    return min(1.0, 2 * float(min(low, high) + itself) / (len(sums) + itself))


def case_share_p_values(
    shares: NDArray[np.float64], tried_once: Sequence[bool], seed: int
) -> dict[tuple[int, int], float]:
    """Return the p-value of "these two are equally good" for each two of several models on the same cases.

    They are those of :func:`compare_pairs` on each case's share of passed tries: exact McNemar where each model tried
    each case once, else sign flips over cases. Flips that have to be drawn are drawn once for all pairs.

    Args:
        shares: A row per model, a column per case: the share of the model's tries at it that passed.
        tried_once: Of each model, whether it tried every case once.
        seed: Of the flips.

    Returns:
        The positions of two models, the lower first -> their p-value.

    """
    found: dict[tuple[int, int], float] = {}
    to_draw: dict[tuple[int, int], NDArray[np.float64]] = {}
    for first, second in itertools.combinations(range(len(shares)), 2):
        changes = shares[second] - shares[first]
        if tried_once[first] and tried_once[second]:
            found[first, second] = mcnemar_p_value(int(np.sum(changes > 0)), int(np.sum(changes < 0)))
        elif 2 ** int(np.count_nonzero(changes)) <= _PERMUTATIONS:
            found[first, second] = sign_flip_p_value(changes, seed)
        else:
            to_draw[first, second] = changes
    if to_draw:
        p_values = _drawn_p_values(np.array(list(to_draw.values())), seed)
        found |= dict(zip(to_draw, p_values, strict=True))
    return found


def _drawn_p_values(changes: NDArray[np.float64], seed: int) -> list[float]:
    """Return the p-value of each row of `changes` by the same drawn sign flips, as :func:`sign_flip_p_value` has it."""
    moved = changes[:, np.any(changes != 0, axis=0)]
    rng, size = np.random.default_rng(seed), moved.shape[1]
    observed = np.sum(moved, axis=1)
    rounding = 100 * np.finfo(np.float64).eps * np.sum(np.abs(moved), axis=1)
    low = high = np.zeros(len(moved), dtype=np.int64)
    batch = max(1, _BATCH_CELLS // size)
    for done in range(0, _PERMUTATIONS, batch):
        flips = 1.0 - 2.0 * rng.integers(0, 2, (min(batch, _PERMUTATIONS - done), size), dtype=np.int8)
        sums = flips @ moved.T
        low = low + np.count_nonzero(sums <= observed + rounding, axis=0)
        high = high + np.count_nonzero(sums >= observed - rounding, axis=0)
    least = np.minimum(low, high) + 1  # the observed one counts among them
    return [float(p_value) for p_value in np.minimum(1.0, 2 * least / (_PERMUTATIONS + 1))]


def _all_flips(size: int) -> Iterator[NDArray[np.int8]]:
    """Yield every combination of `size` signs, one a row."""
    yield (1 - 2 * (np.arange(2**size)[:, None] >> np.arange(size) & 1)).astype(np.int8)


def _drawn_flips(size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int8]]:
    """Yield as many random combinations of `size` signs as are tried, one a row, not too many at a time."""
    batch = max(1, _BATCH_CELLS // size)
    for done in range(0, _PERMUTATIONS, batch):
        pairs = np.tile(np.array([1, -1], dtype=np.int8), (min(batch, _PERMUTATIONS - done), size, 1))
        yield rng.permuted(pairs, axis=-1)[..., 0]


def paired_share_interval(table: tuple[int, int, int, int], confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of the change of a share: Newcombe's hybrid score interval for paired data, method 10.

    `table` counts the pairs that passed twice, passed before only, after only, and never; at least one in all.
    """
    both, before_only, after_only, _ = table
    n = sum(table)
    before, after = (both + before_only) / n, (both + after_only) / n
    first, second = (wilson_interval(both + only, n, confidence) for only in (before_only, after_only))
    assert first is not None and second is not None  # noqa: S101, PT018  n is at least 1
    phi = _correlation(table)

    def reach(down: float, up: float) -> float:
        return math.sqrt(max(0.0, down**2 - 2 * phi * down * up + up**2))

    difference = after - before
    return Interval(
        difference - reach(after - second.low, first.high - before),
        difference + reach(second.high - after, before - first.low),
    )


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the p-values adjusted for their number by Holm's step-down method (Holm 1979, Scand. J. Stat. 6:65)."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for rank, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_value))
        adjusted[name] = highest
    return {name: adjusted[name] for name in p_values}


def median_shift(pairs: Sequence[Pair]) -> tuple[float, Interval | None]:
    """Return the median of the changes over `pairs`, at least one, and its interval."""
    changes, cases = [pair.after - pair.before for pair in pairs], [pair.case for pair in pairs]
    return float(np.median(changes)), percentile_interval(changes, cases, 50)


def _count_table(pairs: Sequence[Pair]) -> tuple[int, int, int, int]:
    outcomes = [(pair.before == 1, pair.after == 1) for pair in pairs]
    kinds = ((True, True), (True, False), (False, True), (False, False))
    both, before_only, after_only, neither = (outcomes.count(kind) for kind in kinds)
    return both, before_only, after_only, neither


def _correlation(table: tuple[int, int, int, int]) -> float:
    """Return the correlation of the two shares, corrected for continuity where it is positive."""
    both, before_only, after_only, neither = table
    margins = (both + before_only) * (after_only + neither) * (both + after_only) * (before_only + neither)
    if margins == 0:
        return 0.0
    excess = float(both * neither - before_only * after_only)
    if excess > 0:
        excess = max(excess - sum(table) / 2, 0)
    return excess / math.sqrt(margins)


def _detectable(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> float | None:
    """Return the smallest difference these pairs could show; None where none differs, or there is one case only."""
    if len(sums) < 2:
        return None
    error = math.sqrt(clustered_variance(sums, counts))
    return detectable(error, len(sums) - 1) if error else None
