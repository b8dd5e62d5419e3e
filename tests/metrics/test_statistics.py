"""Means with n and intervals, percentiles, pass@k: against published examples and by enumeration."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evalkit.metrics.statistics import (
    Distribution,
    Estimate,
    Interval,
    Trials,
    bootstrap_interval,
    cluster_sums,
    clustered_wilson_interval,
    describe,
    design_effect,
    estimate_case_share,
    estimate_mean,
    pass_at_k,
    pass_hat_k,
    score_bounds,
    t_quantile,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("passed", "tried", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (score without continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_matches_the_published_table(passed: int, tried: int, low: float, high: float) -> None:
    """The four worked examples of Newcombe's comparison of methods."""
    interval = wilson_interval(passed, tried)
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(tried=st.integers(1, 500), data=st.data())
def test_wilson_matches_its_formula(tried: int, data: st.DataObject) -> None:
    """The closed form, written out, gives the same two numbers, and they contain the share."""
    passed = data.draw(st.integers(0, tried))
    share, z = passed / tried, 1.959963984540054
    centre = (share + z * z / (2 * tried)) / (1 + z * z / tried)
    half = z / (1 + z * z / tried) * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    interval = wilson_interval(passed, tried)
    assert interval is not None
    assert interval.low == pytest.approx(max(0.0, centre - half), abs=1e-12)
    assert interval.high == pytest.approx(min(1.0, centre + half), abs=1e-12)
    assert interval.low - 1e-12 <= share <= interval.high + 1e-12


@given(chance=st.floats(0.001, 0.999), degrees=st.integers(1, 5_000))
def test_the_quantile_of_students_t_is_scipys(chance: float, degrees: int) -> None:
    """The same number as the library that everybody trusts."""
    assert t_quantile(chance, degrees) == pytest.approx(stats.t.ppf(chance, degrees), rel=1e-9, abs=1e-9)


_CLUSTERED = st.lists(
    st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)), min_size=1, max_size=3), min_size=2, max_size=40
)


@settings(max_examples=60)
@given(groups=_CLUSTERED, seed=st.integers(0, 2**32 - 1))
def test_the_bootstrap_is_scipys(groups: list[list[float]], seed: int) -> None:
    """From the same seed both ends are those of ``scipy.stats.bootstrap`` over whole clusters, to nine digits."""
    values = [value for group in groups for value in group]
    clusters = [str(index) for index, group in enumerate(groups) for _ in group]
    found = bootstrap_interval(values, clusters, seed)
    assert found is not None
    sums, counts = cluster_sums(values, clusters)
    if np.ptp(sums / counts) == 0:
        assert found.low == found.high
        return
    size = len(groups)
    reach = math.sqrt(size / (size - 1)) * stats.t.ppf(0.975, size - 1)
    wanted = stats.bootstrap(
        (sums, counts),
        lambda one, other, axis=-1: one.sum(axis=axis) / other.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=1_999,
        confidence_level=min(2 * stats.norm.cdf(reach) - 1, 0.9999),
        method="BCa",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    width = float(np.ptp(sums / counts))
    assert found.low == pytest.approx(wanted.low, rel=1e-9, abs=1e-9 * width)
    assert found.high == pytest.approx(wanted.high, rel=1e-9, abs=1e-9 * width)


def test_many_clusters_are_resampled_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many random numbers are held at a time changes nothing but the memory that takes."""
    values = list(np.random.default_rng(5).lognormal(size=50))
    at_once = bootstrap_interval(values, [str(index) for index in range(50)], seed=1)
    monkeypatch.setattr("evalkit.metrics.statistics._BATCH_CELLS", 700)
    assert bootstrap_interval(values, [str(index) for index in range(50)], seed=1) == at_once


_SHORT_RUN = """
import sys
from evalkit.metrics.noise import measure_noise
from evalkit.metrics.percentiles import percentile_interval
from evalkit.metrics.statistics import estimate_mean
measure_noise([1.0], ["a"]), estimate_mean([1.0], ["a"], 0), estimate_mean([812.5], ["a"], 0)
percentile_interval([812.5], ["a"], 95)
assert not [name for name in sys.modules if name.startswith("scipy")], "one case needs nothing of scipy"
cases = [str(index) for index in range(80)]
values = [float(index % 7) for index in range(80)]
measure_noise(values, cases), estimate_mean(values, cases, 0), percentile_interval(values, cases, 95)
from evalkit.metrics.paired import Pair, compare_pairs
compare_pairs([Pair(case, value, value + 1) for case, value in zip(cases, values)], 0)
assert "scipy.stats" not in sys.modules, "scipy.stats takes longer to import than a short run has"
"""


def test_a_short_run_does_not_wait_for_imports() -> None:
    """One case imports nothing of scipy, and no statistics import ``scipy.stats``."""
    subprocess.run([sys.executable, "-c", _SHORT_RUN], check=True)


def test_nothing_tried_has_no_interval() -> None:
    """Without a value there is no mean, no interval, no bound, no percentile."""
    assert wilson_interval(0, 0) is None
    assert estimate_mean([], [], 0) == Estimate(None, 0, None)
    assert describe([]) == Distribution(0, None, None, None, None)
    assert score_bounds([], 0) is None


def test_one_observation() -> None:
    """One pass has a wide interval, one measured number none."""
    passed = estimate_mean([1.0], ["a"], 0)
    assert (passed.mean, passed.n) == (1.0, 1)
    assert passed.interval is not None
    assert passed.interval.low == pytest.approx(0.2065, abs=1e-4)
    assert estimate_mean([812.5], ["a"], 0) == Estimate(812.5, 1, None)
    assert describe([812.5]) == Distribution(1, 812.5, 812.5, 812.5, 812.5)


def test_the_bootstrap_comes_near_the_t_interval_of_well_behaved_data() -> None:
    """On 200 normal numbers the BCa interval agrees with mean +- t * s / sqrt(n) to a tenth of its width."""
    values = np.random.default_rng(7).normal(100.0, 15.0, 200)
    half = 1.972 * values.std(ddof=1) / math.sqrt(200)
    interval = bootstrap_interval(list(values), [str(index) for index in range(200)], seed=0)
    assert interval is not None
    assert interval.low == pytest.approx(values.mean() - half, abs=0.2 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.2 * half)


def test_few_values_are_as_uncertain_as_students_t_says() -> None:
    """On eight normal numbers the expanded interval is within a fifth of the t interval's width; a plain one is not."""
    values = np.random.default_rng(11).normal(0, 1, 8)
    interval = bootstrap_interval(list(values), list("abcdefgh"), seed=0)
    assert interval is not None
    width = 2 * 2.3646 * values.std(ddof=1) / math.sqrt(8)
    assert interval.high - interval.low == pytest.approx(width, rel=0.2)
    assert interval.high - interval.low > 1.2 * (width * 1.96 / 2.3646 * math.sqrt(7 / 8))


def test_the_bootstrap_leans_to_the_long_tail() -> None:
    """On skewed data the interval reaches farther up than down, which a symmetric one would not."""
    values = list(np.random.default_rng(3).lognormal(0.0, 1.0, 60))
    interval = bootstrap_interval(values, [str(index) for index in range(60)], seed=0)
    assert interval is not None
    mean = sum(values) / 60
    assert interval.high - mean > 1.2 * (mean - interval.low)


def test_trials_of_one_case_do_not_count_as_independent() -> None:
    """Repeating every case four times with the same outcome adds no knowledge, so the interval hardly narrows."""
    outcomes = [1.0, 1.0, 1.0, 0.0] * 10
    alone = estimate_mean(outcomes, [str(case) for case in range(40)], 0).interval
    repeated = estimate_mean(outcomes * 4, [str(case) for case in range(40)] * 4, 0).interval
    pooled = wilson_interval(120, 160)
    assert alone is not None
    assert repeated is not None
    assert pooled is not None
    assert repeated.high - repeated.low > 0.85 * (alone.high - alone.low)
    assert repeated.high - repeated.low > 1.5 * (pooled.high - pooled.low)


def test_trials_that_all_pass_count_as_many_as_there_are_cases() -> None:
    """Ten cases, three trials each, all passed: as sure as ten passes, not as thirty."""
    estimate = estimate_mean([1.0] * 30, [str(case) for case in range(10)] * 3, 0)
    assert estimate == Estimate(1.0, 30, wilson_interval(10, 10))
    assert estimate_mean([0.0] * 30, [str(case) for case in range(10)] * 3, 0).interval == wilson_interval(0, 10)


def test_independent_trials_are_worth_their_number() -> None:
    """Where trials of a case agree no more than chance would have it, the design effect is about 1."""
    outcomes = np.random.default_rng(0).random((400, 3)) < 0.8
    clusters = [str(case) for case in range(400) for _ in range(3)]
    values = [float(value) for value in outcomes.ravel()]
    assert design_effect(*cluster_sums(values, clusters)) == pytest.approx(1, abs=0.1)
    clustered, independent = clustered_wilson_interval(values, clusters), wilson_interval(int(sum(values)), 1200)
    assert clustered is not None
    assert independent is not None
    assert clustered.low == pytest.approx(independent.low, abs=0.002)
    assert clustered.high == pytest.approx(independent.high, abs=0.002)


def test_trials_that_always_agree_have_their_number_as_design_effect() -> None:
    """Kish's design effect is 1 + (k - 1) x correlation: k = 3, correlation 1 (up to the m / (m - 1) of a sample)."""
    values = [float(case % 2) for case in range(50) for _ in range(3)]
    clusters = [str(case) for case in range(50) for _ in range(3)]
    assert design_effect(*cluster_sums(values, clusters)) == pytest.approx(3 * 50 / 49)


def test_one_case_alone_has_no_interval_unless_its_trials_agree() -> None:
    """Trials that differ in one case say nothing of other cases."""
    assert clustered_wilson_interval([1.0, 0.0], ["a", "a"]) is None
    assert clustered_wilson_interval([1.0, 1.0], ["a", "a"]) == wilson_interval(1, 1)


@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=12),
    seed=st.integers(0, 2**32),
    cluster_count=st.integers(1, 5),
)
def test_an_interval_contains_no_nonsense(values: list[float], seed: int, cluster_count: int) -> None:
    """For any grades: within 0..1, the same with the same seed, never NaN."""
    clusters = [str(index % cluster_count) for index in range(len(values))]
    estimate = estimate_mean(values, clusters, seed)
    assert estimate.n == len(values)
    if estimate.interval:
        assert -1e-9 <= estimate.interval.low <= estimate.interval.high <= 1 + 1e-9
    assert estimate == estimate_mean(values, clusters, seed)


def test_equal_values_have_a_point_for_an_interval() -> None:
    """Without any spread between clusters there is nothing to resample."""
    assert bootstrap_interval([0.5, 0.5, 0.5], ["a", "b", "c"], 0) == Interval(0.5, 0.5)


def test_percentiles_interpolate() -> None:
    """Linear interpolation between neighbours, as numpy and pandas do by default."""
    found = describe([1.0, 2.0, 3.0, 4.0])
    assert found.mean == found.p50 == 2.5
    assert found.p95 == pytest.approx(3.85)
    assert found.p99 == pytest.approx(3.97)


@given(outcomes=st.lists(st.booleans(), min_size=1, max_size=7), data=st.data())
def test_pass_at_k_and_pass_hat_k_are_what_drawing_k_trials_gives(
    outcomes: Sequence[bool], data: st.DataObject
) -> None:
    """Both equal the share of all ways to draw k of the trials in which one passes, in which all pass."""
    k = data.draw(st.integers(1, len(outcomes)))
    draws = list(itertools.combinations(outcomes, k))
    case = [Trials(len(outcomes), sum(outcomes))]
    assert pass_at_k(case, k).mean == pytest.approx(sum(any(draw) for draw in draws) / len(draws))
    assert pass_hat_k(case, k).mean == pytest.approx(sum(all(draw) for draw in draws) / len(draws))


def test_cases_with_too_few_trials_are_left_out_and_counted() -> None:
    """A case tried twice says nothing about three trials; n says how many could."""
    cases = [Trials(3, 3), Trials(3, 1), Trials(2, 2)]
    assert pass_hat_k(cases, 3) == Estimate(0.5, 2, None)
    assert pass_at_k(cases, 3) == Estimate(1.0, 2, None)
    assert pass_at_k(cases, 4) == Estimate(None, 0, None)


def test_score_bounds_say_what_excluded_cases_could_change() -> None:
    """Three of four passed and one was lost: between 3/5 and 4/5."""
    assert score_bounds([1, 1, 1, 0], 1) == Interval(0.6, 0.8)
    assert score_bounds([1, 0], 0) == Interval(0.5, 0.5)
    assert score_bounds([], 2) == Interval(0.0, 1.0)


@pytest.mark.parametrize(("tries", "passes"), [(1, [1, 0, 1, 1]), (3, [3, 0, 2, 1]), (2, [2, 2, 2])])
def test_cases_tried_equally_often_have_the_estimate_of_all_tries(tries: int, passes: list[int]) -> None:
    """A model's place on a leaderboard and the page of its one run say the same."""
    values = [float(number < passed) for passed in passes for number in range(tries)]
    clusters = [str(case) for case in range(len(passes)) for _ in range(tries)]
    estimate = estimate_case_share([Trials(tries, passed) for passed in passes])
    pooled = estimate_mean(values, clusters, seed=0)
    assert estimate.mean == pytest.approx(pooled.mean)
    assert estimate.interval is not None
    assert pooled.interval is not None
    assert (estimate.interval.low, estimate.interval.high) == pytest.approx((pooled.interval.low, pooled.interval.high))


def test_each_case_weighs_the_same_however_often_it_was_tried() -> None:
    """Cases without a try cannot say, and none at all is no estimate."""
    estimate = estimate_case_share([Trials(100, 100), Trials(1, 0), Trials(0, 0)])
    assert (estimate.mean, estimate.n) == (0.5, 2)
    assert estimate_case_share([Trials(0, 0)]) == Estimate(None, 0, None)
    assert estimate_case_share([Trials(4, 2)]).interval is None
