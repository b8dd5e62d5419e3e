"""What changed from run A to run B, decided by tests that keep their promise."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from layouts import layout_of
from turn_taking_notes import heard, interrupted

from evalkit.records.case import Case
from evalkit.reports.compare import (
    IMPROVED,
    NO_CHANGE,
    REGRESSED,
    CompareOptions,
    Comparison,
    compare_runs,
    comparison_to_json,
)
from evalkit.reports.compare_text import comparison_lines, comparison_markdown, conclusion
from evalkit.reports.pairs import Side

IN_TIME = {"lateness_p50_ms": 0.1, "lateness_p99_ms": 1.0, "lateness_max_ms": 2.0}


@pytest.fixture
def run(make_record: Any, make_grade: Any, config: Any) -> Any:
    """Build a run of one-trial cases from grader id -> grades, with latencies that grow from case to case."""

    def make(grades: dict[str, list[float | None]], slower_ms: float = 0, **changes: Any) -> Side:
        count = len(next(iter(grades.values())))
        records = []
        for index in range(count):
            record = make_record(f"c{index:03}")
            turn = replace(
                record.turns[0], latencies={"latency_first_audio_ms": 100.0 + index + slower_ms}, measures=IN_TIME
            )
            records.append(replace(record, turns=(turn,)))
        given = [
            make_grade(f"c{index:03}", name, value)
            for name, values in grades.items()
            for index, value in enumerate(values)
        ]
        paced = {**config, "real_time": True, **changes}
        planned = paced.pop("planned", count)
        return Side("nightly", "runs/a", layout_of("crawl"), paced, {}, planned, records, given)

    return make


def compare(before: Side, after: Side, **options: Any) -> Comparison:
    return compare_runs(before, after, CompareOptions(**options))


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {change.metric: change.verdict for change in comparison.metrics}


def test_a_regression_names_the_cases(run: Any) -> None:
    """Ten lost, one won: both lists by name, and the metric regressed."""
    before = run({"tool_call": [1.0] * 19 + [0.0]})
    after = run({"tool_call": [0.0] * 10 + [1.0] * 10})
    found = compare(before, after)
    grade = found.metrics[0]
    assert (grade.metric, grade.verdict, grade.difference.difference) == ("passed", REGRESSED, -0.45)
    assert grade.lost == tuple(f"c{index:03}" for index in range(10))
    assert grade.won == ("c019",)
    assert found.metrics_that(REGRESSED) == ("passed", "grade", "tool_call_correctness")
    assert found.metrics_that(IMPROVED) == ()


def test_a_run_beside_itself(run: Any) -> None:
    """Nothing changed, in any metric or latency."""
    side = run({"tool_call": [1.0, 0.0, 1.0], "wer": [0.9, 0.8, 0.75]})
    found = compare(side, side)
    assert set(verdicts(found).values()) == {NO_CHANGE}
    assert [(shift.shift, shift.n) for shift in found.latencies] == [(0, 3)]
    assert (found.paired, found.unpaired, found.config_changes) == (3, (), ())


def test_an_improvement_is_no_regression(run: Any) -> None:
    """The same test the other way round."""
    found = compare(run({"tool_call": [0.0] * 12}), run({"tool_call": [1.0] * 12}))
    assert verdicts(found)["passed"] == IMPROVED


def test_a_loss_within_the_margin_is_accepted(run: Any) -> None:
    """It must lie below the margin with its whole interval, not only with its middle."""
    before, after = run({"tool_call": [1.0] * 100}), run({"tool_call": [0.0] * 15 + [1.0] * 85})
    assert verdicts(compare(before, after))["passed"] == REGRESSED
    assert verdicts(compare(before, after, margin=0.05))["passed"] == REGRESSED
    assert verdicts(compare(before, after, margin=0.12))["passed"] == NO_CHANGE


def test_confidence_moves_the_threshold(run: Any) -> None:
    """Seven losses of seven have p = 0.016: enough at 95 %, not at 99 %."""
    before, after = run({"tool_call": [1.0] * 20}), run({"tool_call": [0.0] * 7 + [1.0] * 13})
    assert verdicts(compare(before, after))["passed"] == REGRESSED
    assert verdicts(compare(before, after, confidence=0.99))["passed"] == NO_CHANGE


def test_many_graders_are_corrected_and_passed_is_not(run: Any) -> None:
    """Seven losses are p = 0.016 in one metric; among four graders that is 0.06 and no finding.

    What says of every case the same as `passed` is no test of its own: it is neither corrected nor corrected for.
    """
    losses, none = [0.0] * 7 + [1.0] * 13, [1.0] * 20
    before = run({"tool_call": none, "g1": none, "g2": none, "g3": none, "g4": none})
    after = run({"tool_call": losses, "g1": [*losses[::-1]], "g2": none, "g3": none, "g4": none})
    found = compare(before, after)
    assert verdicts(found) == {
        "passed": REGRESSED,
        "grade": REGRESSED,
        "tool_call_correctness": REGRESSED,
        "g1_grade": NO_CHANGE,
        "g2_grade": NO_CHANGE,
        "g3_grade": NO_CHANGE,
        "g4_grade": NO_CHANGE,
    }
    adjusted = {change.metric: change.p_adjusted for change in found.metrics}
    assert adjusted["passed"] == adjusted["tool_call_correctness"] == pytest.approx(2 / 2**7)
    assert adjusted["g1_grade"] == pytest.approx(4 * 2 / 2**7)


def test_a_margin_is_decided_at_the_confidence_that_was_asked_for(run: Any) -> None:
    """The interval that must lie below the margin is as wide as the confidence asks."""
    before, after = run({"tool_call": [1.0] * 100}), run({"tool_call": [0.0] * 12 + [1.0] * 88})
    intervals = {}
    for confidence in (0.8, 0.95, 0.999):
        found = compare(before, after, margin=0.065, confidence=confidence)
        intervals[confidence] = found.metrics[0].difference.interval
        assert verdicts(found)["passed"] == (REGRESSED if confidence == 0.8 else NO_CHANGE)
    assert intervals[0.8].high < -0.065 < intervals[0.95].high < intervals[0.999].high


def test_a_measure_is_compared_by_its_mean(run: Any) -> None:
    """A word accuracy that fell by a tenth everywhere is a regression, with an interval around a tenth."""
    before = run({"wer": [0.9 + 0.001 * index for index in range(20)]})
    after = run({"wer": [0.8 + 0.0015 * index for index in range(20)]})
    [change] = compare(before, after).metrics
    assert (change.metric, change.verdict, change.lost) == ("wer_grade", REGRESSED, ())
    assert change.difference.interval is not None
    assert change.difference.interval.low < -0.09525 < change.difference.interval.high


def test_ungraded_pairs_are_counted(run: Any) -> None:
    """A grade that only one of the runs has is no pair of that metric, and is not silently gone."""
    found = compare(run({"tool_call": [1.0, 1.0, None]}), run({"tool_call": [1.0, None, 1.0]}))
    assert [(change.difference.n, change.ungraded) for change in found.metrics] == [(1, 2), (1, 2), (1, 2)]


def test_latencies_shift(run: Any) -> None:
    """Every call 40 ms slower: medians of both, and a paired change of 40 with its interval."""
    found = compare(run({"tool_call": [1.0] * 9}), run({"tool_call": [1.0] * 9}, slower_ms=40))
    [shift] = found.latencies
    assert (shift.column, shift.n) == ("latency_first_audio_ms", 9)
    assert (shift.median_before, shift.median_after, shift.shift) == (104, 144, 40)
    assert shift.interval is not None


def test_latencies_that_must_not_be_compared_are_left_out(run: Any) -> None:
    """With the run and the reason; what else changed is told all the same."""
    before, after = run({"tool_call": [1.0] * 9}), run({"tool_call": [1.0] * 9}, slower_ms=40, real_time=False)
    found = compare(before, after)
    assert found.latencies == ()
    assert [text for text in found.warnings if "latenc" in text] == [
        f"latencies are not compared: those of B are not comparable: {after.why_latencies_are_not_comparable}"
    ]
    assert comparison_to_json(found)["latencies"] == {}


def test_a_required_judge_that_said_no_is_a_regression(
    make_record: Any, make_grade: Any, both_grades: Any, config: Any
) -> None:
    """Right tools and right arguments in both runs do not make up for it."""
    sides = []
    for verdict in (1, 0):
        cases = [Case(f"s{n}", "run", {}, required_graders=("tool_call", "tool_call_args", "polite")) for n in range(8)]
        records = [make_record(case=case) for case in cases]
        grades = [grade for case in cases for grade in both_grades(case.case_id, 1, 1)]
        grades += [make_grade(case.case_id, "polite", verdict, None) for case in cases]
        sides.append(Side("r", "runs/r", layout_of("run"), config, {}, 8, records, grades))
    found = compare(*sides)
    assert verdicts(found) == {
        "passed": REGRESSED,
        "grade": NO_CHANGE,
        "tool_call_correctness": NO_CHANGE,
        "tool_call_arg_correctness": NO_CHANGE,
        "polite_grade": REGRESSED,
    }
    assert found.metrics[0].lost == tuple(f"s{n}" for n in range(8))


def test_warnings(run: Any, make_grade: Any) -> None:
    """Incomplete runs, other keys that differ, other graders: all told."""
    before = run({"tool_call": [1.0, 1.0], "polite": [1.0, 1.0]}, planned=3)
    after = run({"tool_call": [1.0, 1.0]}, chunk_ms=40, seed=3)
    judged = [make_grade("c000", "polite", 1, judge={"model": "judge-b", "votes": 3}, grader_version="2")]
    found = compare(before, replace(after, grades=[*after.grades, *judged]))
    text = "\n".join(found.warnings)
    assert "A is incomplete: 2 of 3" in text
    assert "the configs also differ in chunk_ms: 20 in A, 40 in B; if that is meant: --expect chunk_ms" in text
    assert "polite was graded by polite 1 in A, by polite 2, judge judge-b x 3 in B" in text
    assert "chunk_ms" not in "\n".join(compare(before, after, expect=("chunk_ms", "seed")).warnings)


def test_as_json(run: Any) -> None:
    """Everything a script needs, as plain JSON."""
    found = comparison_to_json(compare(run({"tool_call": [1.0] * 8}), run({"tool_call": [0.0] * 8})))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["regressed"] == ["passed", "grade", "tool_call_correctness"]
    grade = found["metrics"]["passed"]
    assert (grade["mean_before"], grade["mean_after"], grade["n"], len(grade["lost"])) == (1, 0, 8, 8)
    assert set(grade["interval"]) == {"low", "high"}
    assert set(found) == {
        "a", "b", "margin", "confidence", "paired", "unpaired", "metrics", "regressed", "improved", "latencies",
        "config_changes", "warnings", "turn_taking",
    }  # fmt: skip


@pytest.fixture
def duplex_run(run: Any) -> Any:
    """Build a run of calls in full duplex, one a case, from their notes."""

    def make(notes: list[dict[str, Any]], **changes: Any) -> Side:
        side = run({"tool_call": [1.0] * len(notes)}, **changes)
        records = [
            replace(record, notes={"turn_taking": each}) for record, each in zip(side.records, notes, strict=True)
        ]
        return replace(side, records=records)

    return make


def test_turn_taking_regresses_and_improves(duplex_run: Any, run: Any) -> None:
    """Twelve agents that yielded and do not any more; the reverse has improved; the grades say nothing of it."""
    yields, deaf = [interrupted(0.5)] * 12, [interrupted(3.0)] * 12
    found = compare(duplex_run(yields), duplex_run(deaf))
    assert found.metrics_that(REGRESSED) == ("yield_rate",)
    assert compare(duplex_run(deaf), duplex_run(yields)).metrics_that(IMPROVED) == ("yield_rate",)
    assert conclusion(found) == "B regressed in yield_rate"
    told = json.loads(json.dumps(comparison_to_json(found)))
    assert told["regressed"] == ["yield_rate"]
    assert told["turn_taking"]["yield_rate"]["difference"]["difference"] == -1.0
    assert told["turn_taking"]["yield_latency"]["verdict"] == "not judged"


def test_a_rate_that_grows_may_be_a_loss(duplex_run: Any) -> None:
    """Who cuts in more often has regressed, unless the margin allows for it."""
    quiet, hasty = [heard([0.5])] * 40, [heard([0.5], cut_in=number < 12) for number in range(40)]
    assert compare(duplex_run(quiet), duplex_run(hasty)).metrics_that(REGRESSED) == ("agent_interruption_rate",)
    assert compare(duplex_run(hasty), duplex_run(quiet)).metrics_that(IMPROVED) == ("agent_interruption_rate",)
    assert compare(duplex_run(quiet), duplex_run(hasty), margin=0.3).metrics_that(REGRESSED) == ()


def test_seconds_are_left_out_where_latencies_are_not_comparable(duplex_run: Any) -> None:
    """Rates stay; EVA's score goes by latencies and is left out, too."""
    calls = [heard([0.5])] * 12
    found = compare(duplex_run(calls), duplex_run(calls, real_time=False))
    by_others = {"tau_r_r", "tau_i_a"}
    assert {change.metric for change in found.turn_taking} == {"response_rate", "agent_interruption_rate", *by_others}
    comparable = {change.metric for change in compare(duplex_run(calls), duplex_run(calls)).turn_taking}
    assert {"eva_turn_taking", "eva_pass_rate", "tau_l_r", "fdb_response_latency"} < comparable
    assert "response_latency" in {change.metric for change in compare(duplex_run(calls), duplex_run(calls)).turn_taking}


def test_calls_in_full_duplex_beside_others_are_told(duplex_run: Any, run: Any) -> None:
    """One sentence, and the rest is compared."""
    manual = run({"tool_call": [1.0] * 12})
    found = compare(manual, duplex_run([heard([0.5])] * 12))
    assert "turn-taking is not compared: A has no call in full duplex" in found.warnings
    assert (found.turn_taking, found.paired) == ((), 12)
    assert not [line for line in compare(manual, manual).warnings if "turn-taking" in line]


def test_turn_taking_is_shown_with_its_counts(duplex_run: Any) -> None:
    """As text and as Markdown; of few events there is no difference."""
    calls = [interrupted(0.5)] * 3, [*[interrupted(0.5)] * 2, interrupted(3.0)]
    found = compare(*(duplex_run(side) for side in calls))
    line = next(line for line in comparison_lines(found) if line.startswith("yield_rate"))
    cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
    assert cells == ["yield_rate", "3 of 3", "2 of 3", "-", "-", "-", "3", "not judged"]
    assert "| yield\\_rate | 3 of 3 | 2 of 3 | - | - | - | 3 | not judged |" in comparison_markdown(found)
