"""How long answers and yields took: what never came is counted, and has no time."""

from __future__ import annotations

from typing import Any

import pytest
from turn_taking_notes import call, heard, interrupted

from evalkit.metrics.turn_taking.timeline import CallTimeline
from evalkit.reports.waits import WaitDistribution, read_waits


def waits(*notes: Any) -> dict[str, WaitDistribution]:
    calls = [CallTimeline.from_json(f"c{number}", each) for number, each in enumerate(notes)]
    return {one.metric: one for one in read_waits(calls)}


def test_answers_that_came_and_one_that_did_not() -> None:
    """After 0.5, 1 and 3 s, and once not in the ten seconds in which it could have."""
    silent = call([{"act": "turn", "parts": [[1.0, 2.0]]}], [], 13.0)
    found = waits(heard([3.0, 0.5]), heard([1.0]), silent)["response_latency"]
    assert found.seconds == pytest.approx((0.5, 1.0, 3.0))
    assert (found.total, found.told_missing) == (4, "1 of 4 never answered")
    assert [found.within_s(share) for share in (0.25, 0.5, 0.75)] == pytest.approx([0.5, 1.0, 3.0])
    assert found.within_s(0.9) is None
    assert [share for _, share in found.steps()] == [0.0, 0.25, 0.5, 0.75]
    assert [at_s for at_s, _ in found.steps()] == pytest.approx([0.5, 0.5, 1.0, 3.0])


def test_who_does_not_yield_has_no_time() -> None:
    """Not that of the window, which is when nobody looked any more."""
    found = waits(interrupted(0.5), interrupted(3.0), interrupted(3.0))["yield_latency"]
    assert (found.seconds, found.missing) == (pytest.approx((0.5,)), 2)
    assert found.told_missing == "2 of 3 not yielded to within 2 s"
    never = waits(interrupted(3.0))["yield_latency"]
    assert (never.seconds, never.steps(), never.within_s(0.5)) == ((), [], None)


def test_what_was_never_waited_for_is_left_out() -> None:
    """Nobody interrupted anybody; nothing was said at all."""
    assert list(waits(heard([0.5]))) == ["response_latency"]
    assert waits(call([], [], 5.0)) == {}
    assert waits() == {}
