"""``compare`` keeps quiet about equal agents and finds a planted loss: a sample of the documented table."""

from __future__ import annotations

from typing import Any

import pytest


def test_equal_agents_raise_no_alarm(load_benchmark: Any) -> None:
    """Of 100 pairs of runs of the same agent at most five alarm, in any of the metrics."""
    assert load_benchmark("compare_power").share_of_regressions(100, cases=40)[0] <= 0.05


def test_a_planted_loss_is_found(load_benchmark: Any) -> None:
    """Fifteen points with n = 200, in at least 80 % of 10 pairs."""
    assert load_benchmark("compare_power").share_of_regressions(10, cases=200, loss=0.15)[1] >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("trials", [1, 3])
def test_what_is_promised(load_benchmark: Any, trials: int) -> None:
    """200 seeded pairs with n = 200: false alarms in at most 5 %, fifteen points found in at least 80 %."""
    power = load_benchmark("compare_power")
    assert power.share_of_regressions(200, cases=200, trials=trials)[0] <= 0.05
    assert power.share_of_regressions(200, cases=200, trials=trials, loss=0.15)[1] >= 0.8
