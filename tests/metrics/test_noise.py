"""The noise floor: against a worked analysis of variance, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import f_oneway, t, ttest_ind, ttest_rel

from evalkit.metrics.noise import detectable, measure_noise
from evalkit.metrics.statistics import wilson_interval


def test_the_parts_are_those_of_an_analysis_of_variance() -> None:
    """With equal groups: MSW within, (MSB - MSW) / k between, and F is scipy's; checked on the numbers themselves."""
    groups = [[6.0, 8.0, 4.0], [8.0, 12.0, 9.0], [13.0, 9.0, 11.0]]  # between 42 (2 df), within 24 (6 df)... F = 5.25
    values = [value for group in groups for value in group]
    cases = [name for name, group in zip("abc", groups, strict=True) for _ in group]
    floor = measure_noise(values, cases)
    assert floor is not None
    assert floor.between_trials is not None
    assert floor.between_cases is not None
    within = sum(float(np.var(group, ddof=1)) for group in groups) / 3
    assert floor.between_trials == pytest.approx(within)
    mean_square = within * f_oneway(*groups).statistic
    assert floor.between_cases == pytest.approx((mean_square - within) / 3)
    assert floor.standard_error == pytest.approx(math.sqrt(mean_square / 9))


def test_unequal_numbers_of_trials() -> None:
    """The mean group size is Searle's n0: here (7 - 21/7) / 2 = 2."""
    floor = measure_noise([1, 0, 1, 1, 0, 0, 1], ["a", "a", "a", "a", "b", "b", "c"])
    assert floor is not None
    within = (0.75 + 0 + 0) / 4  # squares about the means of a (0.75), b (0), c (0) over N - m = 4
    mean = 4 / 7
    mean_square = (4 * (0.75 - mean) ** 2 + 2 * (0 - mean) ** 2 + (1 - mean) ** 2) / 2
    assert floor.between_trials == pytest.approx(within)
    assert floor.between_cases == pytest.approx((mean_square - within) / 2)


def test_the_parts_are_found_again() -> None:
    """In 2,000 simulated cases with known variances both come out within a tenth."""
    rng = np.random.default_rng(0)
    values = (rng.normal(0, 2, (2000, 1)) + rng.normal(0, 1, (2000, 3))).ravel()
    floor = measure_noise(list(values), [str(case) for case in range(2000) for _ in range(3)])
    assert floor is not None
    assert floor.between_cases == pytest.approx(4, rel=0.1)
    assert floor.between_trials == pytest.approx(1, rel=0.1)
    assert floor.standard_error == pytest.approx(math.sqrt(4 / 2000 + 1 / 6000), rel=0.05)


def test_the_detectable_difference_is_found_in_four_of_five_runs() -> None:
    """Planted between two simulated runs of 100 cases, three trials each, t tests find it in 75 to 85 %."""
    rng = np.random.default_rng(2)
    floor = measure_noise(
        list((rng.normal(0, 1, (5000, 1)) + rng.normal(0, 1, (5000, 3))).ravel()),
        [str(case) for case in range(5000) for _ in range(3)],
    )
    assert floor is not None
    assert floor.standard_error is not None
    assert floor.between_trials is not None
    scale = math.sqrt(5000 / 100)
    unpaired = detectable(math.sqrt(2) * floor.standard_error * scale, 198)
    paired = detectable(math.sqrt(2 * floor.between_trials / 300), 99)
    found = [0, 0]
    for _ in range(400):
        cases = rng.normal(0, 1, (2, 100))
        first, other = (cases[run][:, None] + rng.normal(0, 1, (100, 3)) for run in range(2))
        same = cases[0][:, None] + rng.normal(0, 1, (100, 3))
        found[0] += ttest_ind(first.mean(1), other.mean(1) + unpaired).pvalue < 0.05
        found[1] += ttest_rel(first.mean(1), same.mean(1) + paired).pvalue < 0.05
    assert 0.74 <= found[0] / 400 <= 0.86
    assert 0.74 <= found[1] / 400 <= 0.86


def test_one_trial_cannot_tell_trials_from_cases() -> None:
    """Their variance stays unknown, and so does what a paired comparison could find."""
    floor = measure_noise([1, 0, 1, 1], list("abcd"))
    assert floor is not None
    assert (floor.between_trials, floor.paired) == (None, None)
    assert floor.between_cases == pytest.approx(0.25)
    factor = t.ppf(0.975, 6) + t.ppf(0.8, 6)
    assert floor.unpaired == pytest.approx(factor * math.sqrt(2) * math.sqrt(0.25 / 4))


def test_votes_vary_by_themselves() -> None:
    """The variance of one vote about one answer, averaged over the polls that have several."""
    floor = measure_noise([1, 0], ["a", "b"], votes=[[1, 1, 0], [0, 0, 0], [1]])
    assert floor is not None
    assert floor.between_votes == pytest.approx((1 / 3 + 0) / 2)


def test_all_alike_does_not_mean_no_noise() -> None:
    """Ten passes show no spread, but their error is not 0: the Wilson interval's half stands in for it."""
    floor = measure_noise([1.0] * 10, list("abcdefghij"))
    interval = wilson_interval(10, 10)
    assert floor is not None
    assert floor.standard_error is not None
    assert interval is not None
    assert floor.standard_error == pytest.approx((interval.high - interval.low) / 2 / 1.96)
    assert measure_noise([0.5] * 10, list("abcdefghij")).standard_error is None  # type: ignore[union-attr]


def test_nothing_and_one() -> None:
    """No value has no floor, one case no error."""
    assert measure_noise([], []) is None
    floor = measure_noise([1.0, 0.0], ["a", "a"])
    assert floor is not None
    assert (floor.standard_error, floor.between_cases, floor.unpaired) == (None, None, None)
    assert floor.between_trials == pytest.approx(0.5)
