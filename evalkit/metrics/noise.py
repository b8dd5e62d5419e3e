"""The noise floor of a run: where its grades vary, and the smallest difference it could have told from chance.

A grade varies between cases (some are harder), between trials of a case (the assistant is not the same twice) and,
where a judge votes, between its votes on one and the same answer. The parts are those of a one-way analysis of variance
with random effects, by the method of moments for unequal numbers of trials (Searle, Casella & McCulloch 1992, Variance
Components, 3.6): with m cases of n_i trials, N in all, and mean squares MSB and MSW,

    between trials = MSW,    between cases = (MSB - MSW) / n0, at least 0,    n0 = (N - sum n_i^2 / N) / (m - 1).

The smallest detectable difference is the one that a two-sided test at 5 % finds with 80 % power (Cohen 1988,
Statistical Power Analysis, 2.4; for evaluations Miller 2024, arXiv:2411.00640): (t(0.975) + t(0.8)) x standard error of
the difference. Against a run of the same size

- on other cases (`unpaired`) that error is sqrt(2) x the standard error of the mean;
- on the same cases (`paired`) what cases contribute cancels, and sqrt(2 x between trials / N) is left. That takes an
  assistant that is better or worse on all cases alike; one that changes on some cases only needs more. It is known with
  two trials or more.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.metrics.statistics import (
    cluster_sums,
    clustered_variance,
    is_pass_or_fail,
    t_quantile,
    wilson_interval,
)

ALPHA = 0.05
POWER = 0.8


@dataclass(frozen=True)
class NoiseFloor:
    """The uncertainty of a mean of grades, and where it comes from. None where it cannot be known.

    Attributes:
        cases: How many cases have a grade.
        values: How many grades that is.
        between_cases: Variance of what cases contribute; with one trial a case, that of trials is in it.
        between_trials: Variance of a grade when its case is tried again; that of votes is in it.
        between_votes: Variance of a single vote of the judge about one answer.
        standard_error: Of the mean, cases and trials together.
        unpaired: Smallest detectable difference to a run of the same size on other cases.
        paired: Smallest detectable difference to a run of the same size on the same cases.

    """

    cases: int
    values: int
    between_cases: float | None
    between_trials: float | None
    between_votes: float | None
    standard_error: float | None
    unpaired: float | None
    paired: float | None


def measure_noise(
    values: Sequence[float], cases: Sequence[str], votes: Iterable[Sequence[float]] = ()
) -> NoiseFloor | None:
    """Return the noise floor of `values`, each the grade of a trial of its case; None where there are none.

    `votes` are the verdicts that each polled grade was made of, those that decided.
    """
    if not values:
        return None
    sums, counts = cluster_sums(values, cases)
    case_count, value_count = len(sums), len(values)
    repeated = value_count > case_count
    within = _between_trials(values, cases) if repeated else None
    error = _standard_error(values, cases)
    return NoiseFloor(
        cases=case_count,
        values=value_count,
        between_cases=_between_cases(sums, counts, within or 0.0) if case_count > 1 else None,
        between_trials=within,
        between_votes=_between_votes(votes),
        standard_error=error,
        unpaired=None if error is None else detectable(math.sqrt(2) * error, 2 * (case_count - 1)),
        paired=None
        if within is None or within == 0
        else detectable(math.sqrt(2 * within / value_count), value_count - case_count),
    )


def detectable(error_of_difference: float, degrees: int) -> float | None:
    """Return the smallest difference found with 80 % power at 5 %; None without a degree of freedom."""
    if degrees < 1:
        return None
    return (t_quantile(1 - ALPHA / 2, degrees) + t_quantile(POWER, degrees)) * error_of_difference


def _standard_error(values: Sequence[float], cases: Sequence[str]) -> float | None:
    """Return the standard error of the mean over cases.

    Passes alone, or failures alone, show no spread, and an error of 0 would promise what is not known: half of the
    Wilson interval over 1.96 stands in for it.
    """
    sums, counts = cluster_sums(values, cases)
    if len(sums) < 2:
        return None
    if len(set(values)) > 1:
        return math.sqrt(clustered_variance(sums, counts)) or None
    interval = wilson_interval(round(values[0]) * len(sums), len(sums)) if is_pass_or_fail(values) else None
    return (interval.high - interval.low) / 2 / 1.96 if interval else None


def _between_trials(values: Sequence[float], cases: Sequence[str]) -> float:
    grouped: dict[str, list[float]] = defaultdict(list)
    for value, case in zip(values, cases, strict=True):
        grouped[case].append(value)
    squares = math.fsum(float(np.var(group)) * len(group) for group in grouped.values())
    return squares / (len(values) - len(grouped))


def _between_cases(sums: np.ndarray, counts: np.ndarray, within: float) -> float:
    total, cases = float(counts.sum()), len(sums)
    mean = float(sums.sum()) / total
    mean_square = float(np.sum(counts * (sums / counts - mean) ** 2)) / (cases - 1)
    size = (total - float(np.sum(counts**2)) / total) / (cases - 1)
    return max(0.0, (mean_square - within) / size)


def _between_votes(votes: Iterable[Sequence[float]]) -> float | None:
    variances = [float(np.var(poll, ddof=1)) for poll in votes if len(poll) > 1]
    return math.fsum(variances) / len(variances) if variances else None
