"""Pictures are drawn from what they claim to show: nothing is left out, and the front is the front."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evalkit.lab.web.charts import (
    ChartPoint,
    latency_over_time,
    latency_shares,
    pareto_front,
    score_by_cost,
    score_over_time,
)


def test_points_are_in_order_and_grouped() -> None:
    """Each with its interval and its link."""
    points = [
        ChartPoint("late", 20.0, 0.5, 0.3, 0.7, "/ui/runs/b", "model"),
        ChartPoint("early", 10.0, 1.0, href="/ui/runs/a", group="model"),
        ChartPoint("other", 15.0, 0.0, group="another"),
    ]
    picture = score_over_time(points)
    assert [group["name"] for group in picture["groups"]] == ["model", "another"]
    assert picture["groups"][0]["points"] == [
        [10.0, 1.0, None, None, "early", "/ui/runs/a"],
        [20.0, 0.5, 0.3, 0.7, "late", "/ui/runs/b"],
    ]
    assert (picture["x"]["kind"], picture["y"]["kind"]) == ("time", "share")
    assert latency_over_time(points)["y"]["kind"] == "ms"


def test_what_is_no_number_is_not_drawn() -> None:
    """JSON has no such thing either."""
    assert score_over_time([ChartPoint("lost", math.nan, 0.5), ChartPoint("far", math.inf, 0.5)])["groups"] == []


def test_nobody_is_cheaper_and_better_than_the_front() -> None:
    """Equal scores: the cheapest of them; equal costs: the best of them."""
    points = [
        ChartPoint(name, x, y)
        for name, x, y in [("a", 1, 0.2), ("b", 2, 0.2), ("c", 2, 0.6), ("d", 3, 0.5), ("e", 4, 0.9), ("f", 1, 0.1)]
    ]
    assert [point.name for point in pareto_front(points)] == ["a", "c", "e"]
    assert score_by_cost(points)["front"] == [[1, 0.2], [2, 0.6], [4, 0.9]]


@pytest.mark.parametrize(
    ("costs", "kind"), [([0.01, 1.0], "log-usd"), ([0.5, 1.0], "usd"), ([0.0, 100.0], "usd"), ([], "usd")]
)
def test_costs_far_apart_are_shown_by_their_ratio(costs: list[float], kind: str) -> None:
    """Unless one of them is nothing."""
    assert score_by_cost([ChartPoint("m", cost, 0.5) for cost in costs])["x"]["kind"] == kind


def test_a_distribution_rises_to_one() -> None:
    """By equal steps, in order; who measured nothing is not in it."""
    (group,) = latency_shares({"fast": [30.0, 10.0, 20.0, 40.0], "silent": []})["groups"]
    assert [point[:2] for point in group["points"]] == [[10.0, 0.25], [20.0, 0.5], [30.0, 0.75], [40.0, 1.0]]


def test_a_long_distribution_is_thinned_and_keeps_its_shape() -> None:
    """Both ends and the median are where they were."""
    values = np.random.default_rng(1).lognormal(5, 1, 50_000)
    (group,) = latency_shares({"model": values.tolist()})["groups"]
    xs, ys = np.array([point[:2] for point in group["points"]]).T
    assert len(xs) <= 400
    assert xs[0] == values.min()
    assert (xs[-1], ys[-1]) == (values.max(), 1.0)
    assert np.interp(0.5, ys, xs) == pytest.approx(np.median(values), rel=0.01)
