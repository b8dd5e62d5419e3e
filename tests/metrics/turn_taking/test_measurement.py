"""A measured value and what it rests on."""

from __future__ import annotations

import pytest

from evalkit.metrics.statistics import Interval, bootstrap_interval, estimate_mean
from evalkit.metrics.turn_taking.measurement import Contribution, MeasuredIn, Measurement, SetAside


def measured(values: list[float], measured_in: MeasuredIn = MeasuredIn.SHARE) -> Measurement:
    return Measurement(
        "m",
        measured_in,
        "w",
        tuple(Contribution(f"case-{place % 3}", place, value) for place, value in enumerate(values)),
    )


def test_a_value_is_the_mean_of_what_events_give() -> None:
    """None without any."""
    assert measured([0.2, 0.6]).value == pytest.approx(0.4)
    assert (measured([]).value, measured([]).events, measured([]).shown) == (None, 0, "-")


def test_a_rate_per_turn_is_a_ratio() -> None:
    """Three events in two turns; the turns are what is counted."""
    events = tuple(Contribution("a", 1.0, 1.0, 0.0) for _ in range(3))
    turns = tuple(Contribution("a", 1.0, 0.0) for _ in range(2))
    one = Measurement("I", MeasuredIn.PER_TURN, "w", events + turns)
    assert (one.value, one.events) == (1.5, 2)


@pytest.mark.parametrize(
    ("values", "measured_in", "shown"),
    [
        ([1, 1, 0], MeasuredIn.SHARE, "2 of 3"),
        ([1] * 9 + [0], MeasuredIn.SHARE, "0.90"),
        ([1] * 9, MeasuredIn.PER_TURN, "9 of 9"),
        ([0.5], MeasuredIn.SECONDS, "0.50 s"),
        ([0.5], MeasuredIn.SCORE, "0.50"),
    ],
)
def test_rates_of_few_events_are_counts(values: list[float], measured_in: MeasuredIn, shown: str) -> None:
    """Below ten; latencies and scores are shown as they are."""
    assert measured(values, measured_in).shown == shown


def test_the_interval_is_over_cases() -> None:
    """The same as the project's estimate of the mean with cases as clusters."""
    values = [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]
    cases = [f"case-{place % 3}" for place in range(9)]
    assert measured(values).estimate(7) == estimate_mean(values, cases, 7)


@pytest.mark.parametrize("measured_in", [MeasuredIn.SECONDS, MeasuredIn.SCORE])
def test_seconds_of_0_and_1_are_no_shares(measured_in: MeasuredIn) -> None:
    """Wilson's interval, which ends at 1, is for shares; where all are alike there is no spread."""
    values = [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    assert measured(values, measured_in).estimate(7).interval == bootstrap_interval(
        values, [f"case-{place % 3}" for place in range(6)], 7
    )
    assert measured([0.0] * 6, measured_in).estimate(7).interval == Interval(0.0, 0.0)
    assert measured([], measured_in).estimate(7).interval is None


def test_a_ratio_has_an_interval_of_three_cases_and_none_of_one() -> None:
    """Cases with rates of 0, 1 and 2 per turn: 1, with the t quantile of two degrees times 1 / sqrt(3) to each side."""
    contributions = [Contribution("b", 0.0, 1.0, 0.0), *[Contribution("c", 0.0, 1.0, 0.0)] * 2]
    contributions += [Contribution(case, 0.0, 0.0) for case in "abc"]
    estimate = Measurement("I", MeasuredIn.PER_TURN, "w", tuple(contributions)).estimate(0)
    assert (estimate.mean, estimate.n) == (1.0, 3)
    assert estimate.interval is not None
    assert (estimate.interval.low, estimate.interval.high) == (0.0, pytest.approx(1 + 4.302653 / 3**0.5))
    alone = Measurement("I", MeasuredIn.PER_TURN, "w", (Contribution("a", 0, 1, 0), Contribution("a", 0, 0)))
    assert alone.estimate(0).interval is None
    never = Measurement("I", MeasuredIn.PER_TURN, "w", tuple(Contribution(case, 0, 0) for case in "abc"))
    assert (never.estimate(0).mean, never.estimate(0).interval) == (0.0, None)


def test_what_was_set_aside_is_counted_by_reason() -> None:
    """And censored events by themselves."""
    one = Measurement(
        "m",
        MeasuredIn.SECONDS,
        "w",
        (Contribution("a", 0.0, 2.0, is_censored=True), Contribution("a", 1.0, 0.4)),
        (SetAside("a", 0.0, "natural_end"), SetAside("b", 0.0, "natural_end"), SetAside("b", 1.0, "call_ended")),
    )
    assert dict(one.reasons) == {"natural_end": 2, "call_ended": 1}
    assert one.censored == 1
