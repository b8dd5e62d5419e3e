"""Gates: reached is passed, unknown is missed, and every reason has the number and the threshold."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from layouts import layout_of

from evalkit.metrics.turn_taking.by_others import measure_by_others
from evalkit.metrics.turn_taking.measurement import MeasuredIn
from evalkit.metrics.turn_taking.panel import measure_calls
from evalkit.modes.voice.settings import TurnTakingGateSettings
from evalkit.records.case import Case
from evalkit.records.faults import Failure, Stage
from evalkit.reports.gates import judge_gates, missed_gates
from evalkit.reports.rows import ResultTable, build_table

OPEN: dict[str, Any] = {
    "min_grade": None,
    "bound": "point",
    "max_latency_ms": None,
    "latency_column": "latency_first_audio_ms",
    "latency_percentile": 95,
    "max_cost_usd": None,
    "max_excluded_share": None,
    "never_fail": [],
}
SUMMARY: dict[str, Any] = {
    "passed_mean": 0.8,
    "passed_ci95": [0.7, 0.9],
    "latency_first_audio_ms_p95": 900.0,
    "latency_first_audio_ms_p50": None,
    "cost_usd": {"assistant": 0.5, "judge": 0.25},
    "cost_usd_total": 0.75,
    "planned": 20,
    "finished": 20,
    "excluded": {"infrastructure": 1},
}
EMPTY = ResultTable(layout_of("crawl"), (), (), (), {})


def judge(
    gate: dict[str, Any], summary: dict[str, Any] | None = None, table: ResultTable = EMPTY, records: Any = ()
) -> list[dict[str, Any]]:
    return judge_gates({**OPEN, **gate}, SUMMARY if summary is None else summary, table, records)


@pytest.mark.parametrize(
    ("gate", "changes", "passed", "words"),
    [
        ({"min_grade": 0.8}, {}, True, ""),
        ({"min_grade": 0.81}, {}, False, "gate.min_grade: passed_mean is 0.800, below 0.81"),
        ({"min_grade": 0.0}, {"passed_mean": None}, False, "gate.min_grade: no case was graded"),
        ({"min_grade": 0.7, "bound": "lower"}, {}, True, ""),
        ({"min_grade": 0.75, "bound": "lower"}, {}, False, "the lower bound of passed is 0.700, below 0.75"),
        ({"min_grade": 0.1, "bound": "lower"}, {"passed_ci95": None}, False, "there is no interval of passed"),
        ({"max_latency_ms": 900}, {}, True, ""),
        ({"max_latency_ms": 899}, {}, False, "gate.max_latency_ms: latency_first_audio_ms_p95 is 900 ms, above 899 ms"),
        ({"max_latency_ms": 9e9, "latency_percentile": 50}, {}, False, "latency_first_audio_ms_p50 is unknown"),
        ({"max_latency_ms": 9e9, "latency_column": "latency_voice_to_voice_ms"}, {}, False, "is unknown"),
        ({"max_cost_usd": 0.75}, {}, True, ""),
        ({"max_cost_usd": 0.5}, {}, False, "gate.max_cost_usd: cost is $0.7500, above $0.5"),
        (
            {"max_cost_usd": 99},
            {"cost_usd": {"assistant": None, "judge": 0.1}, "cost_usd_total": None},
            False,
            "gate.max_cost_usd: the cost is unknown: no price for assistant",
        ),
        ({"max_excluded_share": 0.05}, {}, True, ""),
        (
            {"max_excluded_share": 0.04},
            {},
            False,
            "1 of 20 case-trials do not count (1 infrastructure), more than 4.0%",
        ),
        ({"max_excluded_share": 0.1}, {"finished": 18}, False, "3 of 20 case-trials do not count"),
        ({"max_excluded_share": 1}, {"planned": 0, "finished": 0}, False, "no case-trial was planned"),
    ],
)
def test_each_gate(gate: dict[str, Any], changes: dict[str, Any], passed: bool, words: str) -> None:
    """One verdict, what was found beside what is allowed, and the reason where it was missed."""
    [verdict] = judge(gate, {**SUMMARY, **changes})
    assert verdict["passed"] is passed
    assert words in verdict["reason"]
    assert bool(verdict["reason"]) is not passed
    assert missed_gates({"gates": [verdict]}) == (() if passed else (verdict["reason"],))


def test_no_gate_no_verdict() -> None:
    """A key that is null sets none, and an older config that lacks them all sets none either."""
    assert judge({}) == []
    assert judge_gates({"min_grade": None}, SUMMARY, EMPTY, []) == []
    assert judge_gates({}, SUMMARY, EMPTY, []) == []
    assert missed_gates({}) == ()


def test_all_missed_gates_are_told() -> None:
    """Not only the first."""
    verdicts = judge({"min_grade": 0.9, "max_latency_ms": 100, "max_cost_usd": 1})
    assert [(verdict["gate"], verdict["passed"]) for verdict in verdicts] == [
        ("gate.min_grade", False),
        ("gate.max_latency_ms", False),
        ("gate.max_cost_usd", True),
    ]


def test_cases_that_must_never_fail(
    make_record: Any, both_grades: Any, make_grade: Any, lost: Any, config: Any
) -> None:
    """Every trial must pass; lost, ungraded, undecided and never run are not passed, each in words of its own."""
    judged = Case("judged", "crawl", {}, required_graders=("tool_call", "polite"))
    undecided = replace(judged, case_id="undecided")
    silent = Failure(Stage.RESPONSE_STATUS, "incomplete", "cut short")
    records = [make_record("good"), make_record("good", 2), make_record("bad"), make_record("bad", 2)]
    records += [make_record("open"), make_record(case=judged), make_record(case=undecided), lost]
    records += [make_record("broken", failure=silent)]
    grades = [*both_grades("good", 1, 1), *both_grades("good.t2", 1, None), *both_grades("bad", 1, 1)]
    grades += [*both_grades("bad.t2", 1, 0), make_grade("judged", "polite", 0), make_grade("judged", "wer", 0.9)]
    grades += [make_grade("good", "style", 0), make_grade("undecided", "tool_call", 1)]
    grades += [make_grade("undecided", "polite", None, unanswered=True)]
    table = build_table(layout_of("crawl"), config, records, grades, str)
    names = ["good", "bad", "open", "judged", "undecided", "case-lost", "broken", "gone"]
    [verdict] = judge({"never_fail": names}, table=table, records=records)
    assert verdict["found"] == names[1:]
    assert verdict["allowed"] == names
    assert verdict["reason"] == (
        "gate.never_fail: bad failed in tool_call_args (as bad.t2); open was not graded; judged failed in polite; "
        "undecided was not decided: no verdict of polite; case-lost was lost (infrastructure); "
        "broken broke off (response_status: cut short); gone was not run"
    )
    [verdict] = judge({"never_fail": ["good"]}, table=table, records=records)
    assert (verdict["passed"], verdict["found"]) == (True, [])


def test_a_latency_that_the_mode_has_not_got_is_missed() -> None:
    """With those that it has: a quiz is not gated by sound."""
    quiz = ResultTable(layout_of("quiz"), (), (), (), {})
    [verdict] = judge({"max_latency_ms": 9e9}, table=quiz)
    assert verdict["reason"] == (
        "gate.max_latency_ms: latency_first_audio_ms is not a latency of mode=quiz; "
        "it has latency_first_text_ms, latency_response_done_ms"
    )
    found = {**SUMMARY, "latency_first_text_ms_p95": 5.0}
    [verdict] = judge({"max_latency_ms": 9, "latency_column": "latency_first_text_ms"}, found, quiz)
    assert verdict["passed"]


HEARD: dict[str, Any] = {
    "response_latency": {"value": 1.2, "shown": "1.20 s", "events": 20},
    "yield_rate": {"value": 0.9, "shown": "0.90", "events": 10},
    "agent_interruption_rate": {"value": 0.25, "shown": "0.25", "events": 20},
    "backchannel_selectivity": {"value": None, "shown": "3 of 7", "events": 7},
    "resume_rate": {"value": None, "shown": "-", "events": 0},
}


@pytest.mark.parametrize(
    ("key", "allowed", "found", "reason"),
    [
        ("max_response_latency_s", 1.2, 1.2, ""),
        ("max_response_latency_s", 1.1, 1.2, "response_latency is 1.200 s, above 1.1 s"),
        ("min_yield_rate", 0.9, 0.9, ""),
        ("min_yield_rate", 0.95, 0.9, "yield_rate is 0.900, below 0.95"),
        ("max_agent_interruption_rate", 0.25, 0.25, ""),
        ("max_agent_interruption_rate", 0, 0.25, "agent_interruption_rate is 0.250, above 0"),
        (
            "min_backchannel_selectivity",
            0,
            None,
            "backchannel_selectivity is unknown: 3 of 7 is too few events for a rate",
        ),
        ("min_resume_rate", 0, None, "resume_rate is unknown: there was no event for it"),
    ],
)
def test_gates_on_turn_taking(key: str, allowed: float, found: float | None, reason: str) -> None:
    """Each metric by its own key; a count is no rate, and what nobody knows is missed."""
    summary = {**SUMMARY, "turn_taking": {"metrics": HEARD}}
    [verdict] = judge({"turn_taking": {key: allowed, "max_talk_over_s": None}}, summary)
    assert verdict == {
        "gate": f"gate.turn_taking.{key}",
        "found": found,
        "allowed": allowed,
        "passed": not reason,
        "reason": f"gate.turn_taking.{key}: {reason}" if reason else "",
    }


def test_a_gate_on_turn_taking_without_a_call_in_full_duplex_is_missed() -> None:
    """As where all calls were lost."""
    [verdict] = judge({"turn_taking": {"min_yield_rate": 0.5}})
    reason = "gate.turn_taking.min_yield_rate: yield_rate is unknown: no call that counts was held in full duplex"
    assert (verdict["passed"], verdict["reason"]) == (False, reason)


@pytest.mark.parametrize(
    ("key", "passed"), [("min_tau_r_y", True), ("max_tau_l_r_s", False), ("min_eva_turn_taking", True)]
)
def test_gates_on_what_others_define(key: str, passed: bool) -> None:
    """They find their metrics, under which heading of the summary they may stand."""
    tau = {"R_Y": {"value": 0.9, "shown": "0.90", "events": 10}, "L_R": {"value": 2.0, "shown": "2.00 s", "events": 3}}
    eva = {"eva_turn_taking": {"value": 0.7, "shown": "0.70", "events": 3}}
    summary = {**SUMMARY, "turn_taking": {"metrics": HEARD, "tau_voice": tau, "eva": eva}}
    [verdict] = judge({"turn_taking": {key: 0.6}}, summary)
    assert verdict["passed"] is passed


def test_a_lower_bound_reaches_no_upper_limit() -> None:
    """Nobody ever yielded: 2 s is all that was waited, so that 2.5 s is not reached."""
    node = {"value": 2.0, "shown": "at least 2.00 s", "events": 3, "censored": 3}
    summary = {**SUMMARY, "turn_taking": {"metrics": {"yield_latency": node}}}
    [verdict] = judge({"turn_taking": {"max_yield_latency_s": 2.5}}, summary)
    assert (verdict["passed"], verdict["found"]) == (False, None)
    assert verdict["reason"].endswith("yield_latency is unknown: all that is known is that it is at least 2.00 s")


def test_every_metric_of_turn_taking_has_a_gate() -> None:
    """And every gate a metric, in the unit that its name says."""
    others = [one for found in measure_by_others(()).values() for one in found.values()]
    metrics = {metric.name: metric.measured_in for metric in (*measure_calls(()), *others)}
    gates = [field.name for field in fields(TurnTakingGateSettings)]
    assert {gate.removesuffix("_s").partition("_")[2] for gate in gates} == set(metrics)
    in_seconds = {name for name, measured_in in metrics.items() if measured_in is MeasuredIn.SECONDS}
    assert {gate.removesuffix("_s").partition("_")[2] for gate in gates if gate.endswith("_s")} == in_seconds
