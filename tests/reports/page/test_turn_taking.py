"""Turn-taking on a run's page: what is read together stands together, ours beside the published definitions."""

from __future__ import annotations

from typing import Any

import pytest
from factories import make_case, make_record
from turn_taking_notes import heard, interrupted

from evalkit.reports.page.turn_taking import TurnTakingFindings, describe_turn_taking
from evalkit.reports.turn_taking import summarize_turn_taking
from evalkit.reports.waits import WaitDistribution


def shown(*notes: Any) -> TurnTakingFindings:
    records = [make_record(make_case(f"c{n}"), notes={"turn_taking": each}) for n, each in enumerate(notes)]
    found = describe_turn_taking(summarize_turn_taking(records, seed=0))
    assert found
    return found


def test_the_two_that_are_read_together_stand_together() -> None:
    """In both tables, also where one of them has no event."""
    found = shown(interrupted(0.5))
    together = [number for number, line in enumerate(found.lines) if line.read_together]
    assert [found.lines[number].name for number in together] == ["yield rate", "backchannel selectivity"]
    assert together[1] - together[0] == 1
    names = [column.name for column in found.columns]
    assert names.index("S_BC") - names.index("R_Y") == 1
    assert sorted(names) == sorted(["L_R", "L_Y", "R_R", "R_Y", "I_A", "S_BC", "S_VT", "S_ND"])


def test_a_share_lies_on_a_line_and_a_count_does_not() -> None:
    """Ten answered turns are a share with an interval; three interruptions are a count; seconds are no share."""
    lines = {line.name: line for line in shown(*[interrupted(0.5)] * 2, interrupted(3.0), *[heard([1.0])] * 10).lines}
    answered, yields, latency = lines["response rate"], lines["yield rate"], lines["yield latency"]
    assert (answered.share, answered.shown, answered.events) == (1.0, "1.00", 12)
    assert answered.words == f"{answered.low:.2f} to 1.00"
    assert (yields.share, yields.shown, yields.words) == (None, "2 of 3", "")
    assert (latency.share, latency.shown, latency.uncounted) == (None, "1.00 s", "1 counted as the longest wait")
    assert lines["response latency"].uncounted == "1 agent speaking"
    assert "stopped within 2 s" in yields.window


def test_ours_stands_beside_the_published_definition_and_systems() -> None:
    """Each marked as what it is, with the values of ten systems as they were published."""
    found = shown(*[interrupted(0.5)] * 12)
    place = [column.name for column in found.columns].index("L_Y")
    assert (found.own[place], found.as_published[place]) == ("0.50 s", "0.60 s")
    assert len(found.published) == 10
    assert found.published["gpt-realtime-1.5"][place] == "0.42 s"
    rates = dict(zip([column.name for column in found.columns], found.published["LiveKit cascade"], strict=True))
    assert (rates["R_Y"], rates["S_BC"], rates["I_A"]) == ("0.99", "0.67", "0.64")
    defined = {line.name: line for line in found.definitions}
    assert "first silent tick" in defined["L_Y"].window
    assert (defined["R_Y"].events, defined["R_Y"].shown) == (12, "1.00")
    assert found.source.startswith("sierra-research/tau2-bench")


def test_what_other_benchmarks_say_and_what_they_cannot() -> None:
    """EVA's score with its interval on a line; of Full-Duplex-Bench what can be measured, and why the rest cannot."""
    eva, bench = shown(*[heard([0.4, 2.5])] * 3).others
    assert (eva.name, [line.shown for line in eva.lines]) == ("EVA", ["0.78", "0 of 3", "-"])
    assert eva.lines[0].share == pytest.approx((0.9 + 2 / 3) / 2)
    assert eva.published["Ultravox"] == ["0.417"]
    assert [line.name for line in bench.lines] == ["fdb stop latency", "fdb response latency"]
    assert any("single words" in why for why in bench.not_measured)
    assert bench.published["Moshi"][bench.columns.index("turn latency")] == "0.265"


def test_a_summary_that_is_older_has_no_other_benchmarks() -> None:
    """And is shown all the same."""
    summary = summarize_turn_taking([make_record(make_case("c"), notes={"turn_taking": heard([1.0])})], seed=0)
    node: Any = summary["turn_taking"]
    for key in ("eva", "full_duplex_bench", "not_measured"):
        del node[key]
    found = describe_turn_taking(summary)
    assert found
    assert (found.others, found.curves) == ([], [])


def test_a_curve_goes_on_where_some_never_came() -> None:
    """Two of four yield, after 0.5 and 1 s: half of the height is reached, and the rest comes to no end."""
    waits = WaitDistribution("yield_latency", "Yields", (0.5, 1.0), 2, "did not yield")
    found = describe_turn_taking(summarize_turn_taking([make_record(notes={"turn_taking": heard([1.0])})], 0), [waits])
    assert found
    (curve,) = found.curves
    assert (curve.until_s, curve.total, curve.told_missing) == (2.0, 4, "2 of 4 did not yield")
    assert curve.path == "M25.00 40.00H25.00V30.00H50.00V20.00"
    assert curve.missing_path == "M50.00 20.00H100"
    assert curve.within == {"25%": "0.50 s", "50%": "1.00 s", "75%": "never", "90%": "never"}


@pytest.mark.parametrize("summary", [{}, {"turn_taking": None}])
def test_a_run_without_full_duplex_has_no_section(summary: dict[str, Any]) -> None:
    """Also one whose summary is older than this."""
    assert describe_turn_taking(summary) is None
