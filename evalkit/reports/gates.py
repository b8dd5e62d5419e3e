"""Gates: what a finished run must reach, each with what was found, what is allowed, and a verdict.

============================= ================================= ===================================================
key                           found                             passes when
============================= ================================= ===================================================
``gate.min_grade``            `passed_mean`, or with            found is at least it
                              ``gate.bound=lower`` the lower
                              end of its 95 % interval
``gate.max_latency_ms``       ``gate.latency_percentile`` of    found is at most it
                              ``gate.latency_column``
``gate.max_cost_usd``         `cost_usd_total`                  found is at most it
``gate.max_excluded_share``   case-trials that do not count,    found is at most it
                              or were not finished, of planned
``gate.never_fail``           its cases that did not pass       there is none
``gate.turn_taking.min_…``,   `value` of that metric in the     found is at least it, or at most it
``gate.turn_taking.max_…``    summary's `turn_taking`
============================= ================================= ===================================================

A gate whose number is unknown is missed: nothing passes because nobody knows. A key that an older config does not have
sets no gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord
from evalkit.reports.outcomes import describe_undecided, find_shortfalls
from evalkit.reports.rows import ResultTable
from evalkit.reports.turn_taking import list_metrics


@dataclass(frozen=True)
class GateVerdict:
    """What one gate says.

    Attributes:
        gate: The key that set it.
        found: The number, or the cases, that were found; None where there is none.
        allowed: What the key says.
        passed: Whether it is reached.
        reason: Why not, in words; empty when it passed.

    """

    gate: str
    found: float | list[str] | None
    allowed: float | list[str]
    passed: bool
    reason: str


def judge_gates(
    gate: Mapping[str, Any], summary: Mapping[str, Any], table: ResultTable, records: Sequence[CaseRecord]
) -> list[dict[str, Any]]:
    """Return the summary's ``gates``: a verdict for every threshold of `gate` that is set."""
    verdicts = (
        _min_grade(gate, summary),
        _max_latency(gate, summary, table.layout),
        _max_cost(gate, summary),
        _max_excluded(gate, summary),
        _never_fail(gate, table, records),
        *_turn_taking(gate.get("turn_taking") or {}, summary.get("turn_taking")),
    )
    return [asdict(verdict) for verdict in verdicts if verdict]


def missed_gates(summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a message for every gate of a summary that was missed."""
    return tuple(str(verdict["reason"]) for verdict in summary.get("gates", ()) if not verdict["passed"])


def _min_grade(gate: Mapping[str, Any], summary: Mapping[str, Any]) -> GateVerdict | None:
    allowed = gate.get("min_grade")
    if allowed is None:
        return None
    if gate.get("bound") == "lower":
        name, found = "the lower bound of passed", next(iter(summary.get("passed_ci95") or ()), None)
        absent = "there is no interval of passed"
    else:
        name, found, absent = "passed_mean", summary.get("passed_mean"), "no case was graded"
    reason = absent if found is None else f"{name} is {found:.3f}, below {allowed:g}"
    return _verdict("gate.min_grade", found, allowed, passed=found is not None and found >= allowed, reason=reason)


def _max_latency(gate: Mapping[str, Any], summary: Mapping[str, Any], layout: ResultLayout) -> GateVerdict | None:
    allowed = gate.get("max_latency_ms")
    if allowed is None:
        return None
    column = gate["latency_column"]
    name = f"{column}_p{gate['latency_percentile']}"
    found = summary.get(name) if column in layout.latency_columns else None
    if column not in layout.latency_columns:
        known = ", ".join(layout.latency_columns) or "none"
        reason = f"{column} is not a latency of mode={layout.mode}; it has {known}"
    elif found is None:
        reason = f"{name} is unknown: no turn has a {column}"
    else:
        reason = f"{name} is {found:,.0f} ms, above {allowed:,g} ms"
    return _verdict("gate.max_latency_ms", found, allowed, passed=found is not None and found <= allowed, reason=reason)


def _max_cost(gate: Mapping[str, Any], summary: Mapping[str, Any]) -> GateVerdict | None:
    allowed, found = gate.get("max_cost_usd"), summary.get("cost_usd_total")
    if allowed is None:
        return None
    unknown = ", ".join(role for role, usd in summary["cost_usd"].items() if usd is None)
    reason = (
        f"the cost is unknown: no price for {unknown}"
        if found is None
        else f"cost is ${found:,.4f}, above ${allowed:g}"
    )
    return _verdict("gate.max_cost_usd", found, allowed, passed=found is not None and found <= allowed, reason=reason)


def _max_excluded(gate: Mapping[str, Any], summary: Mapping[str, Any]) -> GateVerdict | None:
    allowed = gate.get("max_excluded_share")
    if allowed is None:
        return None
    planned, lost = summary["planned"], dict(summary["excluded"])
    if summary["finished"] < planned:
        lost["not finished"] = planned - summary["finished"]
    count = sum(lost.values())
    found = count / planned if planned else None
    if found is None:
        reason = "no case-trial was planned"
    else:
        listed = ", ".join(f"{number} {fault}" for fault, number in lost.items())
        reason = f"{count} of {planned} case-trials do not count ({listed}), more than {allowed:.1%}"
    passed = found is not None and found <= allowed
    return _verdict("gate.max_excluded_share", found, allowed, passed=passed, reason=reason)


def _never_fail(gate: Mapping[str, Any], table: ResultTable, records: Sequence[CaseRecord]) -> GateVerdict | None:
    wanted: list[str] = list(gate.get("never_fail", ()))
    if not wanted:
        return None
    problems = {case_id: why for case_id in wanted if (why := _why_failed(case_id, table, records))}
    reason = "; ".join(f"{case_id} {why}" for case_id, why in problems.items())
    return _verdict("gate.never_fail", list(problems), wanted, passed=not problems, reason=reason)


def _turn_taking(gates: Mapping[str, float | None], found: Mapping[str, Any] | None) -> Iterator[GateVerdict]:
    for key, allowed in gates.items():
        if allowed is None:
            continue
        bound, _, name = key.removesuffix("_s").partition("_")
        metric = list_metrics(found)[name] if found else None
        value = metric["value"] if metric else None
        unit = " s" if key.endswith("_s") else ""
        if metric is None:
            reason = f"{name} is unknown: no call that counts was held in full duplex"
        elif not metric["events"]:
            reason = f"{name} is unknown: there was no event for it"
        elif value is None:
            reason = f"{name} is unknown: {metric['shown']} is too few events for a rate"
        elif bound == "max" and metric.get("censored") == metric["events"]:
            reason, value = f"{name} is unknown: all that is known is that it is {metric['shown']}", None
        else:
            reason = f"{name} is {value:.3f}{unit}, {'below' if bound == 'min' else 'above'} {allowed:g}{unit}"
        passed = value is not None and (value >= allowed if bound == "min" else value <= allowed)
        yield _verdict(f"gate.turn_taking.{key}", value, allowed, passed=passed, reason=reason)


def _why_failed(case_id: str, table: ResultTable, records: Sequence[CaseRecord]) -> str:
    """Return why a case did not pass in each of its trials; empty when it did."""
    trials = [record for record in records if record.case.case_id == case_id]
    if not trials:
        return "was not run"
    lost = sorted({str(record.fault) for record in trials if not record.scored})
    if lost:
        return f"was lost ({', '.join(lost)})"
    failed = {record.key: _why_not_passed(record, table) for record in trials if not table.passed[record.key]}
    return "; ".join(f"{why}{'' if key == case_id else f' (as {key})'}" for key, why in failed.items())


def _why_not_passed(record: CaseRecord, table: ResultTable) -> str:
    rows = [row for row in table.rows if row.key == record.key]
    if table.passed[record.key] is None:
        return f"was {describe_undecided(table, record, rows)}"
    failed = dict.fromkeys(shortfall.grader_id for shortfall in find_shortfalls(table, record, rows))
    if failed:
        return f"failed in {', '.join(failed)}"
    return f"broke off ({record.failure.stage}: {record.failure.message})" if record.failure else "did not pass"


def _verdict(
    gate: str, found: float | list[str] | None, allowed: float | list[str], *, passed: bool, reason: str
) -> GateVerdict:
    return GateVerdict(gate, found, allowed, passed, "" if passed else f"{gate}: {reason}")
