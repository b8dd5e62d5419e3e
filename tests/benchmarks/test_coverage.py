"""The intervals of a summary hold the truth as often as they say: a sample of the table in ``docs/statistics.md``."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("correlation", [None, 0.3])
def test_forty_cases_hold_the_truth(load_benchmark: Any, share: float, correlation: float | None) -> None:
    """400 simulated runs of 40 cases, alone and with three trials: 92 to 97 %, give or take what 400 runs can tell."""
    found = load_benchmark("coverage").coverage_of_passes(40, share, 400, correlation=correlation)
    assert 0.92 - 0.025 <= found <= 0.97 + 0.02


def test_trials_taken_for_cases_would_not(load_benchmark: Any, monkeypatch: Any) -> None:
    """The simulation can tell: with every trial as a case of its own, far too few intervals hold the truth."""
    coverage = load_benchmark("coverage")
    honest = coverage.estimate_mean
    monkeypatch.setattr(
        coverage, "estimate_mean", lambda values, _, seed: honest(values, [str(n) for n in range(len(values))], seed)
    )
    assert coverage.coverage_of_passes(40, 0.5, 300, correlation=0.7) < 0.9


def test_percentiles_and_measures(load_benchmark: Any) -> None:
    """Medians of 200 latencies, and means of 40 plain numbers."""
    coverage = load_benchmark("coverage")
    found, absent = coverage.coverage_of_percentile(200, 50, 200)
    assert absent == 0
    assert 0.9 <= found <= 0.995
    assert 0.88 <= coverage.coverage_of_measures(lambda rng: rng.normal(size=12), 0.0, 100) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("cases", [40, 200])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("correlation", [None, 0.0, 0.3])
def test_the_whole_table(load_benchmark: Any, cases: int, share: float, correlation: float | None) -> None:
    """2,000 simulated runs each: within 92 to 97 % (half a point more, which is what 2,000 runs leave open)."""
    found = load_benchmark("coverage").coverage_of_passes(cases, share, 2_000, correlation=correlation)
    assert 0.915 <= found <= 0.975
