"""Intervals of percentiles: exact for independent values, honest about others and about too few."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm, quantile_test

from evalkit.metrics.percentiles import percentile_interval
from evalkit.metrics.statistics import Interval


def alone(count: int) -> list[str]:
    return [str(index) for index in range(count)]


def test_the_median_of_ten_lies_between_the_second_and_the_ninth() -> None:
    """The textbook ranks of a 95 % interval of the median for n = 10, as in Conover's tables."""
    assert percentile_interval([float(value) for value in range(1, 11)], alone(10), 50) == Interval(2.0, 9.0)


@pytest.mark.parametrize(("percent", "enough"), [(50, 6), (95, 72), (99, 368)])
def test_too_few_values_give_no_interval(percent: float, enough: int) -> None:
    """The largest of n values lies above the percentile with probability 1 - p^n: below 97.5 % nothing can be said."""
    assert binom.cdf(enough - 1, enough, percent / 100) >= 0.975
    assert binom.cdf(enough - 2, enough - 1, percent / 100) < 0.975
    assert percentile_interval(list(range(enough)), alone(enough), percent) is not None
    assert percentile_interval(list(range(enough - 1)), alone(enough - 1), percent) is None
    assert percentile_interval([], [], percent) is None


@given(data=st.data(), count=st.integers(1, 600), percent=st.sampled_from([50, 95, 99, 12.5]))
def test_the_interval_of_independent_values_is_scipys(data: st.DataObject, count: int, percent: float) -> None:
    """The same two values that ``scipy.stats.quantile_test`` gives, or none where it gives none."""
    values = list(np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=count))
    found = percentile_interval(values, alone(count), percent)
    wanted = quantile_test(values, p=percent / 100).confidence_interval(0.95)
    if found is None:
        assert math.isnan(wanted.low) or math.isnan(wanted.high)
    else:
        assert (found.low, found.high) == (wanted.low, wanted.high)


def test_three_trials_of_a_case_are_not_three_cases() -> None:
    """Values that repeat within a case leave an interval about as wide as that of one value per case."""
    values = list(np.random.default_rng(1).lognormal(6, 0.5, 100))
    one = percentile_interval(values, alone(100), 50)
    thrice = percentile_interval(values * 3, alone(100) * 3, 50)
    as_if_independent = percentile_interval(values * 3, alone(300), 50)
    assert one
    assert thrice
    assert as_if_independent
    assert math.isclose(thrice.high - thrice.low, one.high - one.low, rel_tol=0.25)
    assert as_if_independent.high - as_if_independent.low < 0.75 * (thrice.high - thrice.low)


def test_a_single_case_says_nothing_of_the_spread() -> None:
    """However often it was tried."""
    assert percentile_interval([float(value) for value in range(50)], ["a"] * 50, 50) is None


@pytest.mark.parametrize("percent", [50, 95])
def test_the_interval_of_clustered_values_holds_the_truth(percent: float) -> None:
    """In 200 simulated runs of 200 cases, three trials each, the true percentile lies within in 91 to 99 %."""
    rng = np.random.default_rng(4)
    truth = math.exp(norm.ppf(percent / 100) * math.sqrt(2))
    clusters = [str(case) for case in range(200) for _ in range(3)]
    hits = 0
    for _ in range(200):
        values = np.exp(rng.normal(size=(200, 1)) + rng.normal(size=(200, 3))).ravel()
        interval = percentile_interval(list(values), clusters, percent)
        assert interval is not None
        hits += interval.low <= truth <= interval.high
    assert 182 <= hits <= 198
