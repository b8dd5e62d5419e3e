"""Two runs of the same cases: published examples, scipy's own tests, and what must hold whatever comes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control, permutation_test, ttest_1samp

from evalkit.metrics.paired import (
    Pair,
    case_share_p_values,
    compare_pairs,
    holm,
    mcnemar_p_value,
    median_shift,
    paired_share_interval,
    sign_flip_p_value,
)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:2635, table II, method 10: first share minus second.
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((20, 12, 2, 16), 0.0562, 0.3292),
    ],
)
def test_the_interval_matches_the_published_table(table: tuple[int, int, int, int], low: float, high: float) -> None:
    """Ours is after minus before, so the signs are the other way round."""
    interval = paired_share_interval(table)
    assert (round(-interval.high, 4), round(-interval.low, 4)) == (low, high)


@given(table=st.tuples(*[st.integers(0, 60)] * 4).filter(any))
def test_the_interval_holds_the_difference(table: tuple[int, int, int, int]) -> None:
    """For any table: around the observed difference, within -1..1, and mirrored when the runs change places."""
    both, before_only, after_only, neither = table
    interval = paired_share_interval(table)
    difference = (after_only - before_only) / sum(table)
    assert -1 - 1e-9 <= interval.low <= difference + 1e-9
    assert difference - 1e-9 <= interval.high <= 1 + 1e-9
    mirrored = paired_share_interval((both, after_only, before_only, neither))
    assert (mirrored.low, mirrored.high) == (pytest.approx(-interval.high), pytest.approx(-interval.low))


@given(won=st.integers(0, 800), lost=st.integers(0, 800))
def test_mcnemar_is_the_binomial_test_of_the_pairs_that_differ(won: int, lost: int) -> None:
    """For any pairs, ``scipy.stats`` gives the same p to nine digits."""
    expected = binomtest(won, won + lost, 0.5).pvalue if won + lost else 1
    assert mcnemar_p_value(won, lost) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_six_losses_and_no_win_are_the_least_that_is_significant() -> None:
    """At 5 %."""
    assert mcnemar_p_value(0, 6) < 0.05
    assert mcnemar_p_value(0, 5) > 0.05


@given(changes=st.lists(st.sampled_from([-1.0, -0.5, 0.0, 1 / 3, 1.0]), min_size=1, max_size=8))
@example(changes=[-1.0, 1 / 3, 1 / 3, 1 / 3])
@settings(max_examples=50, deadline=None)
def test_sign_flips_are_counted_exactly(changes: list[float]) -> None:
    """Up to a few thousand flips, p is twice the smaller tail of all of them."""
    flips = [
        sum(s * c for s, c in zip(signs, changes, strict=True))
        for signs in itertools.product((1, -1), repeat=len(changes))
    ]
    observed = sum(changes)
    above = sum(flip >= observed - 1e-9 for flip in flips) / len(flips)
    below = sum(flip <= observed + 1e-9 for flip in flips) / len(flips)
    assert sign_flip_p_value(np.array(changes), 0) == pytest.approx(min(1, 2 * min(above, below)))


@pytest.mark.parametrize("size", [2, 5, 13, 14, 40])
def test_sign_flips_are_scipys(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted or drawn, the p of ``scipy.stats.permutation_test`` from the same seed, in one piece or in several."""
    for seed in range(5):
        changes = np.random.default_rng(seed).normal(0.2, 1, size)
        wanted = permutation_test(
            (changes,),
            np.sum,
            permutation_type="samples",
            vectorized=True,
            n_resamples=9_999,
            random_state=np.random.default_rng(seed),
        ).pvalue
        assert sign_flip_p_value(changes, seed) == pytest.approx(wanted, rel=1e-9)
    monkeypatch.setattr("evalkit.metrics.paired._BATCH_CELLS", 1_000)
    assert sign_flip_p_value(changes, seed) == pytest.approx(wanted, rel=1e-9)


def test_sign_flips_agree_with_the_t_test_on_plain_data() -> None:
    """On 40 normal changes the drawn flips come near Student's test, and the same seed gives the same p."""
    changes = np.random.default_rng(5).normal(0.35, 1, 40)
    ours = sign_flip_p_value(changes, 1)
    assert ours == sign_flip_p_value(changes, 1)
    assert ours == pytest.approx(ttest_1samp(changes, 0).pvalue, abs=0.03)


def test_one_trial_each_is_mcnemar_and_more_are_flips_of_cases() -> None:
    """Trials of one case are not independent: three cases that lost all trials prove nothing, eight single ones do."""
    singles = compare_pairs([Pair(f"c{index}", 1, 0) for index in range(8)], 0)
    assert singles.method == "exact McNemar"
    assert singles.p_value == pytest.approx(2 / 2**8)
    trials = compare_pairs([Pair(f"c{index}", 1, 0) for index in range(3) for _ in range(4)], 0)
    assert trials.method == "sign flips over cases"
    assert trials.p_value == pytest.approx(0.25)
    assert (trials.n, trials.cases) == (12, 3)


def test_the_difference_and_its_interval() -> None:
    """Means of both runs, after minus before, and an interval that leans the same way."""
    pairs = [Pair(f"c{index}", 1, index < 15) for index in range(40)]
    found = compare_pairs(pairs, 0)
    assert (found.mean_before, found.mean_after, found.difference) == (1, 0.375, -0.625)
    assert found.interval is not None
    assert found.interval.high < -0.4
    assert found.p_value < 0.001
    assert found.detectable == pytest.approx((2.0227 + 0.8509) * math.sqrt(0.375 * 0.625 / 39), rel=0.01)


def test_equal_runs_differ_in_nothing() -> None:
    """P is 1; passes have an interval all the same, numbers have none: there is no spread to make one of."""
    passes = compare_pairs([Pair("a", 1, 1), Pair("b", 0, 0)], 0)
    assert (passes.difference, passes.p_value, passes.detectable) == (0, 1, None)
    assert passes.interval is not None
    assert passes.interval.low < 0 < passes.interval.high
    numbers = compare_pairs([Pair("a", 0.3, 0.3), Pair("b", 0.5, 0.5)], 0)
    assert (numbers.p_value, numbers.interval) == (1, None)
    assert compare_pairs([Pair("a", 0.2, 0.4)], 0).p_value == 1


def test_holm_steps_down() -> None:
    """Holm's own procedure on a worked example: 0.01, 0.04, 0.03, 0.005 become 0.03, 0.06, 0.06, 0.02."""
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert adjusted == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert holm({}) == {}


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferroni(p_values: list[float]) -> None:
    """Never below the raw p or the false discovery rate's, never above Bonferroni's."""
    adjusted = holm({str(index): p for index, p in enumerate(p_values)})
    discovery = false_discovery_control(p_values)
    for index, p_value in enumerate(p_values):
        assert max(p_value, discovery[index]) - 1e-9 <= adjusted[str(index)] <= min(1, p_value * len(p_values)) + 1e-9


def test_a_shift_is_the_median_of_the_changes() -> None:
    """Twenty calls that each took 30 ms longer: exactly that, whatever the calls are like."""
    pairs = [Pair(f"c{index}", 100.0 * index, 100.0 * index + 30) for index in range(20)]
    shift, interval = median_shift(pairs)
    assert shift == pytest.approx(30)
    assert interval is not None
    assert (interval.low, interval.high) == (pytest.approx(30), pytest.approx(30))
    assert median_shift(pairs[:3])[1] is None


def test_every_two_models_have_the_p_value_that_they_have_alone() -> None:
    """Exact McNemar where both tried each case once, else sign flips that can be counted, as two runs are compared."""
    rng = np.random.default_rng(7)
    once = rng.integers(0, 2, (3, 12)).astype(float)
    shares = np.vstack([once, rng.integers(0, 5, (2, 12)) / 4])
    tried_once = [True, True, True, False, False]
    found = case_share_p_values(shares, tried_once, seed=3)
    cases = [str(number) for number in range(12)]
    for first, second in itertools.combinations(range(5), 2):
        pairs = [Pair(*values) for values in zip(cases, shares[first], shares[second], strict=True)]
        alone = (
            compare_pairs(pairs, 3).p_value
            if tried_once[first] and tried_once[second]
            else sign_flip_p_value(shares[second] - shares[first], 3)
        )
        assert found[first, second] == pytest.approx(alone)


def test_flips_drawn_once_for_many_pairs_agree_with_those_drawn_for_each() -> None:
    """Both estimate the same chance from 9,999 flips: they differ by the noise of that, and never say 0."""
    rng = np.random.default_rng(11)
    shares = np.clip(rng.normal(0.5, 0.2, (4, 60)) + np.array([[0.0], [0.02], [0.05], [0.4]]), 0, 1)
    found = case_share_p_values(shares, [False] * 4, seed=5)
    for (first, second), p_value in found.items():
        alone = sign_flip_p_value(shares[second] - shares[first], 17)
        assert p_value == pytest.approx(alone, abs=0.03)
    assert found[0, 3] == pytest.approx(2 / 10_000)
