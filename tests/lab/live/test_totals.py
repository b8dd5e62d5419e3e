"""How a run stands, counted along its journal."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.lab.live.totals import RunTotals

AT = "2026-01-01T00:00:00.000+00:00"


def line(event: str, key: str = "", **fields: Any) -> dict[str, Any]:
    return {"event": event, "cursor": 0, "at": AT, **({"key": key} if key else {}), **fields}


def count(*lines: dict[str, Any]) -> dict[str, Any]:
    totals = RunTotals(3)
    for told in lines:
        totals.take(told, told.get("passed"))
    return totals.as_json()


def test_a_run_from_its_beginning_to_its_end() -> None:
    """Every case-trial is counted once, as it stands."""
    told = count(
        line("began", planned=4),
        *(line("started", key) for key in "abcd"),
        line("finished", "a", fault=None, cost_usd={"assistant": 0.5}),
        line("graded", "a", passed=True),
        line("finished", "b", fault="assistant", cost_usd={"assistant": 0.25}),
        line("finished", "c", fault="infrastructure", cost_usd={}),
        line("finished", "d", fault=None, cost_usd={"assistant": 0.25}),
        line("graded", "d", passed=False),
        line("ended", status="completed", exit_code=0),
    )
    assert {key: told[key] for key in ("planned", "finished", "passed", "failed", "lost", "ungraded", "running")} == {
        "planned": 4, "finished": 4, "passed": 1, "failed": 2, "lost": 1, "ungraded": 0, "running": 0,
    }  # fmt: skip
    assert (told["status"], told["exit_code"], told["cost_usd"], told["cost_is_whole"]) == ("completed", 0, 1.0, True)


def test_a_case_trial_that_was_tried_again_is_paid_once_and_counted_as_it_ended_last() -> None:
    """A record's costs are those of all its tries; a lost one that was run again is lost no more."""
    told = count(
        line("started", "a"), line("failed", "a", cost_usd={"assistant": 0.5}, wait_s=1.0),
        line("started", "a"), line("finished", "a", fault="infrastructure", cost_usd={"assistant": 1.0}),
        line("resumed", planned=3), line("started", "a"), line("failed", "a", cost_usd={"assistant": 0.125}),
    )  # fmt: skip
    assert (told["lost"], told["running"], told["tries_failed"], told["cost_usd"]) == (1, 1, 2, 1.125)
    told = count(
        line("finished", "a", fault="infrastructure", cost_usd={"assistant": 1.0}), line("graded", "a", passed=None),
        line("finished", "a", fault=None, cost_usd={"assistant": 1.5}), line("graded", "a", passed=True),
        line("graded", "a", passed=False),
    )  # fmt: skip
    assert (told["finished"], told["lost"], told["failed"], told["passed"], told["cost_usd"]) == (1, 0, 1, 0, 1.5)


@pytest.mark.parametrize("costs", [{"cost_usd": {"assistant": None, "speech": 0.5}}, {}])
def test_an_unknown_price_is_said(costs: dict[str, Any]) -> None:
    """Also of a run of an earlier version, whose lines say nothing of costs."""
    assert count(line("finished", "a", fault=None, **costs))["cost_is_whole"] is False


def test_a_pause_ends_by_itself_and_with_the_run() -> None:
    """A reader shows when it goes on."""
    paused = line("paused", seconds=7.5, limit=2, reason="tokens are spent", at_s=1.0)
    told = count(paused)
    assert (told["limit"], told["paused_until"]) == (2, "2026-01-01T00:00:07.500000+00:00")
    assert count(paused, line("ended", status="interrupted", exit_code=130))["paused_until"] is None
    assert count(line("paused", seconds=1e300, at=AT))["paused_until"] is None


def test_what_was_under_way_when_a_run_was_cut_off_is_not_under_way_when_it_goes_on() -> None:
    """It begins anew."""
    told = count(line("started", "a"), line("started", "b"), line("resumed", planned=3), line("started", "b"))
    assert (told["running"], told["status"]) == (1, "running")


def test_forged_lines_count_as_little_as_they_say() -> None:
    """Whatever is in a field, nothing breaks."""
    told = count(
        line("began", planned="many"), line("finished", "a", fault=["x"], cost_usd=[1]), line("graded", passed={}),
        line("ended", status=["x"], exit_code="no"), line("concurrency", limit="x"), {"event": "what", "at": 7},
        line("finished", "b", fault=None, cost_usd={"x": "1", "y": 1e308, "z": 1e308}),
    )  # fmt: skip
    assert (told["planned"], told["limit"], told["status"]) == (3, None, "running")
