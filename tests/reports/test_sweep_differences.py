"""Jobs are told apart by the cases they share, and many comparisons cost significance."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from evalkit.reports.sweep_differences import MOST_JOBS_COMPARED, CasePass, best_jobs, compare_jobs, find_compared


def job(grades: list[float], trials: int = 1) -> dict[tuple[str, int], CasePass]:
    return {
        (f"h{place // trials}", place % trials): CasePass(f"c{place // trials}", passed=grade == 1)
        for place, grade in enumerate(grades)
    }


def test_pass_or_fail_is_told_by_exact_mcnemar() -> None:
    """Against scipy: only the cases that differ count; Holm multiplies the smallest of three by three."""
    one, other = job([1.0] * 20), job([0.0] * 9 + [1.0] * 11)
    first, second, third = compare_jobs({0: one, 1: other, 2: one}, best=0)
    assert first.found is not None
    assert first.found.p_value == pytest.approx(binomtest(0, 9).pvalue)
    assert first.p_adjusted == pytest.approx(3 * binomtest(0, 9).pvalue)
    assert (first.first_only, first.second_only, first.verdict) == (9, 0, "job 0 is better")
    assert (second.verdict, third.verdict) == ("no difference shown", "job 2 is better")


def test_jobs_without_a_case_in_common_cannot_be_compared() -> None:
    """They are listed, and said to be that."""
    others = {(f"other-{n}", 1): CasePass("c", passed=True) for n in range(3)}
    (difference,) = compare_jobs({0: job([1.0] * 3), 1: others}, best=0)
    assert difference.verdict == "no case in common"
    assert difference.p_adjusted is None


def test_many_jobs_are_compared_with_the_best_alone() -> None:
    """A dozen jobs make 66 pairs, and none would ever be significant; ungraded jobs take no part."""
    grades = {number: job([1.0] * 5) for number in range(12)}
    assert {(d.first, d.second) for d in compare_jobs({**grades, 12: {}}, best=3)} == {
        (3, n) for n in range(12) if n != 3
    }
    assert compare_jobs({0: job([1.0])}, best=0) == []


def test_the_best_has_the_highest_lower_bound() -> None:
    """Ties are all named; a job without an interval is never best."""
    assert best_jobs([(0, 0.2), (1, 0.5), (2, None), (3, 0.5)]) == [1, 3]
    assert best_jobs([(0, None)]) == []


def test_jobs_of_different_rankings_are_no_pair() -> None:
    """Neither in all pairs nor beside the best."""
    rankings = {0: "lenient", 1: "lenient", 2: "strict"}
    found = compare_jobs({n: job([1.0] * 3) for n in range(3)}, 0, rankings)
    assert [(difference.first, difference.second) for difference in found] == [(0, 1)]


def test_of_very_many_jobs_the_best_and_the_next_are_compared() -> None:
    """By their lower bounds, whatever their numbers are; up to that many, all are, with an interval or without."""
    bounds = [(n, None if n % 2 else n / 1000) for n in range(1000)]
    compared = find_compared(bounds, best=[998])
    assert compared == list(range(1000 - 2 * MOST_JOBS_COMPARED, 1000, 2))
    tied = [(n, 0.5) for n in range(1000)]
    assert find_compared(tied, best=list(range(1000))) == list(range(MOST_JOBS_COMPARED))
    assert find_compared(bounds[:MOST_JOBS_COMPARED], best=[998]) == list(range(MOST_JOBS_COMPARED))
