"""What changed in turn-taking: differences by hand, counts in place of few events, and what is judged."""

from __future__ import annotations

from typing import Any

import pytest
from turn_taking_notes import call, heard, interrupted

from evalkit.metrics.turn_taking.timeline import CallTimeline
from evalkit.reports.turn_taking_changes import NOT_JUDGED, TurnTakingChange, compare_turn_taking


def changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, TurnTakingChange]:
    runs = [
        {f"c{n}": CallTimeline.from_json(f"c{n}", notes) for n, notes in enumerate(side)} for side in (before, after)
    ]
    return {change.metric: change for change in compare_turn_taking(runs[0], runs[1], seed=0, confidence=0.95)}


def test_seconds_are_means_of_calls() -> None:
    """A call of one event weighs as much as one of two; only metrics that both runs have are there."""
    found = changes([heard([0.5]), heard([1.0, 2.0])], [heard([1.0]), heard([1.5, 2.5])])
    latency = found["response_latency"]
    assert latency.difference.mean_before == pytest.approx((0.5 + 1.5) / 2)
    assert latency.difference.difference == pytest.approx(0.5)
    assert (latency.shown, latency.events, latency.verdict) == (("1.000", "1.500"), (3, 3), NOT_JUDGED)
    assert latency.has_rates
    assert not latency.can_be_judged
    assert "yield_rate" not in found


def test_few_events_are_counts_and_not_judged() -> None:
    """Nine interruptions are too few, ten are enough: as everywhere else."""
    yields, deaf = interrupted(0.5), interrupted(3.0)
    few = changes([yields] * 9, [deaf] * 9)["yield_rate"]
    assert (few.shown, few.events, few.has_rates, few.can_be_judged) == (("9 of 9", "0 of 9"), (9, 9), False, False)
    enough = changes([yields] * 10, [deaf] * 10)["yield_rate"]
    assert (enough.shown, enough.difference.difference, enough.can_be_judged) == (("1.000", "0.000"), -1.0, True)
    assert enough.difference.p_value == pytest.approx(2 / 2**10)


def test_cutting_in_is_a_loss_when_it_grows() -> None:
    """Its direction is told; that of speech before tools is a matter of taste, and is not judged."""
    found = changes([heard([0.5])] * 10, [heard([0.5], cut_in=True)] * 10)
    cuts = found["agent_interruption_rate"]
    assert (cuts.difference.difference, cuts.less_is_better, cuts.can_be_judged) == (1.0, True, True)
    with_tools = {**heard([3.0] * 1), "tool_calls": [{"called_s": 3.5, "answered_s": 4.0}]}
    tools = changes([with_tools] * 10, [with_tools] * 10)["pre_tool_speech_rate"]
    assert (tools.has_rates, tools.can_be_judged) == (True, False)


def test_p_values_of_what_is_judged_are_one_family() -> None:
    """By Holm: of two that are judged, the smaller p is doubled; those that decide nothing cost nothing."""
    before = [heard([0.5])] * 10
    found = changes(before, [heard([0.5], cut_in=True)] * 10)
    assert [name for name, change in found.items() if change.can_be_judged] == [
        "response_rate",
        "agent_interruption_rate",
    ]
    assert found["agent_interruption_rate"].p_adjusted == pytest.approx(2 * 2 / 2**10)
    assert found["response_rate"].p_adjusted == 1.0


def test_calls_of_one_run_alone_take_no_part() -> None:
    """Pairs, or nothing."""
    one = {"a": CallTimeline.from_json("a", heard([1.0]))}
    other = {"b": CallTimeline.from_json("b", heard([1.0]))}
    assert compare_turn_taking(one, other, seed=0, confidence=0.95) == ()
    silent = {"a": CallTimeline.from_json("a", call([], [], 1.0))}
    found = compare_turn_taking(one, silent, seed=0, confidence=0.95)
    assert [change.metric for change in found] == ["eva_turn_taking", "eva_pass_rate"]  # 0 for a call without a turn
