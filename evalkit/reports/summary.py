"""``summary.json``: what a run found, flat enough for the cookbook's readers, with n and intervals beside every mean.

=========================== =====================================================================================
key                         meaning
=========================== =====================================================================================
``passed_mean``             the share of case-trials that passed (:mod:`evalkit.records.passing`)
``<metric>_mean``, ``_avg`` mean over what counts; grades of a dialogue's turns over its rows, `grade` over case-trials
``<metric>_n``              how many values that is
``<metric>_ci95``           two numbers; missing where one observation would have to tell the spread
``_p50 _p95 _p99``          percentiles of latencies and tokens
``_p50_ci95``, …            two numbers, of latencies; missing where there are too few values to give them
``outcomes``                outcome -> how many case-trials that count, the most frequent first; where the mode has such
``passed_by``               column -> value -> `mean`, `n` and `ci95` of what passed; where the mode has such columns
``n``                       case-trials that count
``excluded``                case-trials that do not, by fault
``blame``                   fault -> stage -> how many case-trials broke off there by that fault
``score_bounds``            `passed_mean` if every excluded case-trial had failed, and if it had passed
``noise_floor``             where each grade varies, and the smallest difference that this run could have detected
``pass_at_k, pass_hat_k``   k -> chance that one of k trials passes, that all k pass
``cost_usd``                role -> dollars, null where a price is unknown
``cost_usd_total``          their sum, null where one of them is
``price_date``              the day whose prices these are; empty where no price was asked for
``gates``                   a verdict for each ``gate.*`` that is set (:mod:`evalkit.reports.gates`)
``simulator``               how often a simulated caller had to be asked again, and what the cases lost to it weigh
``turn_taking``             how well the agent knew whose turn it was (:mod:`evalkit.reports.turn_taking`); only where
                            calls were held in full duplex
``tool_modes``              how the model was told of tools -> in how many turns; only where the server tells
``arguments``               of the words that carry arguments: how many were said, how many were misheard, their share;
                            how many case-trials lost arguments because they were `misheard`, or `misunderstood`; only
                            where records say what was heard
``line_findings``           what was found in how an application's sound arrived: in how many of how many calls, how
                            often, and whose fault it is; only where calls went over a telephone line
``concurrency``             attempts at once that were allowed, the fewest there were, and each change with its reason
``pacing``                  how late chunks of sound were sent; the p99 is that of the worst turn
``publishable_latencies``   whether latencies may be compared with those of another run; ``_reason`` says why not
``ungraded``                grader -> why it could be applied to no case-trial that counts
``real_time``               whether every call was held in real time, by the settings that its record has; false
                             where only some were (a simulation may say so of itself)
=========================== =====================================================================================

A number that cannot be given is null. Only `grade_mean` is left out instead, because those readers take it for a number
wherever they find it. In a mode whose columns do not grade tool calls, `grade` is whether a case-trial passed.
"""

from __future__ import annotations

import statistics as stdlib_statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evalkit.metrics.cost import cost_by_role_usd, sum_known_usd
from evalkit.metrics.noise import ALPHA, POWER, NoiseFloor, measure_noise
from evalkit.metrics.percentiles import percentile_interval
from evalkit.metrics.statistics import (
    Interval,
    Trials,
    describe,
    estimate_mean,
    pass_at_k,
    pass_hat_k,
    score_bounds,
)
from evalkit.records.grade import Grade
from evalkit.records.json import Json, JsonObject
from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord
from evalkit.reports.callers import summarize_callers
from evalkit.reports.gates import judge_gates
from evalkit.reports.hearing import summarize_hearing
from evalkit.reports.history import NO_HISTORY, RunHistory
from evalkit.reports.rows import ResultTable, Row, lookup
from evalkit.reports.sound_arrival import summarize_line_findings
from evalkit.reports.tool_modes import summarize_tool_modes
from evalkit.reports.trials import ARGUMENTS, CALLS, GRADE, PASSED, graded_metrics, trial_values
from evalkit.reports.turn_taking import summarize_turn_taking

MAX_LATENESS_P99_MS = 20.0

_PERCENTS = (50, 95, 99)
_VOTES = {"pass": 1.0, "fail": 0.0}


@dataclass(frozen=True)
class RunFacts:
    """What a summary needs to know about a run beside its records.

    Attributes:
        run_name: Its name.
        config: The resolved run config.
        config_sha256: The identity of `config`.
        planned: How many case-trials there should be; None: as many as there are.
        history: What else its directory tells.

    """

    run_name: str
    config: JsonObject
    config_sha256: str
    planned: int | None = None
    history: RunHistory = NO_HISTORY


def summarize(
    facts: RunFacts, table: ResultTable, records: Sequence[CaseRecord], grades: Sequence[Grade]
) -> dict[str, Any]:
    """Return the content of ``summary.json``."""
    seed, config = _seed(facts.config), _with_real_time(facts.config, records)
    rows = [row for row in table.rows if row.scored]
    costs = cost_by_role_usd(records, [*grades, *facts.history.discarded])
    summary: dict[str, Any] = {
        "run_name": facts.run_name,
        "mode": table.layout.mode,
        **_counts(table, records),
        **_grade_means(table, rows, seed),
        **_outcomes(table.layout, rows),
        **_passed_by(table, rows, seed),
        **_settings(table.layout, config),
        **_distributions(table.layout, rows, seed),
        "planned": len(records) if facts.planned is None else facts.planned,
        "finished": len(records),
        "n": sum(record.scored for record in records),
        "trials": facts.config.get("trials", 1),
        **_reliability(rows),
        "noise_floor": _noise_floor(table, rows, grades),
        "excluded": dict(Counter(str(record.fault) for record in records if not record.scored)),
        "blame": _blame(records),
        "score_bounds": _pair(score_bounds([value for _, value in _by_case(rows, PASSED)], _excluded_count(records))),
        "cost_usd": costs,
        "cost_usd_total": sum_known_usd(costs.values()) if costs else 0.0,
        "price_date": facts.history.prices.latest,
        **summarize_callers(table.layout, records, trial_values(rows, GRADE)),
        **summarize_turn_taking(records, seed),
        **summarize_tool_modes(records),
        **summarize_hearing(rows),
        **summarize_line_findings(records),
        **describe_pacing(config, records),
        "ungraded": _idle_graders(records, grades),
        "concurrency": _concurrency(facts),
        "config_sha256": facts.config_sha256,
    }
    gate = facts.config.get("gate")
    return {**summary, "gates": judge_gates(gate if isinstance(gate, Mapping) else {}, summary, table, records)}


def _counts(table: ResultTable, records: Sequence[CaseRecord]) -> dict[str, int]:
    failed = sum(record.failure is not None for record in records)
    if table.layout.has_row_per_turn:
        return {"total_rows": len(table.rows), "failed_simulations": failed}
    return {"total_examples": len(table.rows), "failed_examples": failed}


def _grade_means(table: ResultTable, rows: Sequence[Row], seed: int) -> dict[str, Json]:
    """Return mean, n and interval of `grade` and `passed` (over case-trials) and of every other grade (over rows)."""
    found: dict[str, Json] = {}
    for metric in (GRADE, PASSED):
        values = _by_case(rows, metric)
        found |= _mean(metric, [value for _, value in values], [case_id for case_id, _ in values], seed)
    if found["grade_mean"] is None:
        del found["grade_mean"]
    calls = (CALLS, ARGUMENTS) if table.layout.grades_calls else ()
    for column in (*calls, *(f"{name}_grade" for name in table.grader_ids)):
        found |= _mean(column, *_values(rows, column), seed)
    return found


def _mean(metric: str, values: Sequence[float], clusters: Sequence[str], seed: int) -> dict[str, Json]:
    estimate = estimate_mean(values, clusters, seed)
    found: dict[str, Json] = {f"{metric}_mean": estimate.mean, f"{metric}_n": estimate.n}
    if estimate.interval:
        found[f"{metric}_ci95"] = _pair(estimate.interval)
    return found


def _outcomes(layout: ResultLayout, rows: Sequence[Row]) -> dict[str, Json]:
    if not layout.outcome_column:
        return {}
    last = {row.key: row for row in rows}
    counted = Counter(str(row.cells.get(layout.outcome_column) or "") for row in last.values())
    return {"outcomes": {outcome: count for outcome, count in counted.most_common() if outcome}}


def _passed_by(table: ResultTable, rows: Sequence[Row], seed: int) -> dict[str, Json]:
    """Return the share of case-trials that passed, by the value that each has in the layout's columns for it."""
    found: dict[str, Json] = {}
    for breakdown in table.layout.breakdowns:
        by_value: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_value[str(row.cells.get(breakdown.column, ""))].append(row)
        shares: dict[str, Json] = {}
        for value in breakdown.sorted(by_value):
            passed = _by_case(by_value[value], PASSED)
            share = _mean(PASSED, [one for _, one in passed], [case_id for case_id, _ in passed], seed)
            shares[value] = {name.removeprefix(f"{PASSED}_"): number for name, number in share.items()}
        found[breakdown.column] = shares
    return {"passed_by": found} if found else {}


def _distributions(layout: ResultLayout, rows: Sequence[Row], seed: int) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for column in (*layout.latency_columns, *layout.token_columns):
        values, clusters = _values(rows, column)
        described = describe(values)
        found |= {
            f"{column}_avg": described.mean,
            f"{column}_p50": described.p50,
            f"{column}_p95": described.p95,
            f"{column}_p99": described.p99,
            f"{column}_n": described.n,
        }
        if interval := estimate_mean(values, clusters, seed).interval:
            found[f"{column}_ci95"] = _pair(interval)
        for percent in _PERCENTS if column in layout.latency_columns else ():
            if interval := percentile_interval(values, clusters, percent):
                found[f"{column}_p{percent}_ci95"] = _pair(interval)
    return found


def _settings(layout: ResultLayout, config: JsonObject) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for setting in layout.settings:
        value = lookup(config, setting.path.split(".")) if setting.path else None
        found[setting.key] = setting.missing if value is None else value
    return found


def _blame(records: Sequence[CaseRecord]) -> dict[str, Json]:
    """Return how many case-trials broke off, by whose fault and at which stage; the commonest stage first."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        if record.fault and record.failure:
            found[str(record.fault)][str(record.failure.stage)] += 1
    return {fault: dict(stages.most_common()) for fault, stages in sorted(found.items())}


def _reliability(rows: Sequence[Row]) -> dict[str, Json]:
    by_case: dict[str, list[float]] = defaultdict(list)
    for case_id, value in _by_case(rows, PASSED):
        by_case[case_id].append(value)
    cases = [Trials(len(grades), sum(grade == 1 for grade in grades)) for grades in by_case.values()]
    ks = range(1, max((case.tried for case in cases), default=0) + 1)
    return {
        "pass_at_k": {str(k): pass_at_k(cases, k).mean for k in ks},
        "pass_hat_k": {str(k): pass_hat_k(cases, k).mean for k in ks},
        "pass_k_cases": {str(k): pass_at_k(cases, k).n for k in ks},
    }


def _with_real_time(config: JsonObject, records: Sequence[CaseRecord]) -> JsonObject:
    """Return `config` with the `real_time` that held: a simulation's own wins where the run's was left open."""
    held = [record.settings["real_time"] for record in records if "real_time" in record.settings]
    return {**config, "real_time": all(held)} if held and "real_time" in config else config


def describe_pacing(config: JsonObject, records: Sequence[CaseRecord]) -> dict[str, Json]:
    """Return how late chunks of sound were sent, and whether that and the run's kind make latencies comparable."""
    turns = [turn.measures for record in records if record.scored for turn in record.turns]
    paced = [measures for measures in turns if "lateness_p99_ms" in measures]
    lateness: dict[str, float] | None = None
    if paced:
        lateness = {
            "lateness_p50_ms": stdlib_statistics.median(measures["lateness_p50_ms"] for measures in paced),
            "lateness_p99_ms": max(measures["lateness_p99_ms"] for measures in paced),
            "lateness_max_ms": max(measures["lateness_max_ms"] for measures in paced),
        }
    reason = _why_not_comparable(config, lateness)
    return {"pacing": lateness, "publishable_latencies": not reason, "publishable_latencies_reason": reason}


def _concurrency(facts: RunFacts) -> dict[str, Json]:
    most = facts.config.get("concurrency", 1)
    limits = [limit for change in facts.history.concurrency if isinstance(limit := change["limit"], int)]
    return {"most": most, "fewest": min(limits, default=most), "changes": list(facts.history.concurrency)}


def why_settings_are_not_comparable(config: Mapping[str, Any]) -> str:
    """Return why no latency of a run with this `config` is comparable with another run's; empty where it may be."""
    if "real_time" not in config:
        return ""
    if not config["real_time"]:
        return "real_time is false: sound was sent faster than anybody speaks, so these are not latencies of a call"
    calls_provider = lookup(config, ("target", "kind")) in (None, "realtime")
    if calls_provider and lookup(config, ("assistant", "provider", "name")) == "local":
        return "the embedded provider remembers what it has heard, so these are not latencies of a product"
    return ""


def _why_not_comparable(config: JsonObject, lateness: Mapping[str, float] | None) -> str:
    reason = why_settings_are_not_comparable(config)
    if reason or "real_time" not in config:
        return reason
    if lateness is None:
        return "no chunk of sound was timed"
    p99_ms = lateness["lateness_p99_ms"]
    if p99_ms > MAX_LATENESS_P99_MS:
        return f"chunks were sent late: p99 {p99_ms:.1f} ms, more than {MAX_LATENESS_P99_MS:g} ms"
    return ""


def _noise_floor(table: ResultTable, rows: Sequence[Row], grades: Sequence[Grade]) -> Json:
    """Return the noise floor of every graded metric that has a value; ``docs/statistics.md`` explains each number."""
    case_ids = {row.key: row.case_id for row in rows}
    polls = _polls(grades)
    metrics: dict[str, Json] = {}
    for metric in graded_metrics(table):
        values = trial_values(rows, metric)
        floor = measure_noise(
            list(values.values()), [case_ids[key] for key in values], polls.get(metric.removesuffix("_grade"), ())
        )
        if floor:
            metrics[metric] = _noise(floor)
    return {"alpha": ALPHA, "power": POWER, "metrics": metrics}


def _noise(floor: NoiseFloor) -> Json:
    parts = asdict(floor)
    unpaired, paired = parts.pop("unpaired"), parts.pop("paired")
    return {**parts, "smallest_detectable_difference": {"paired": paired, "unpaired": unpaired}}


def _idle_graders(records: Sequence[CaseRecord], grades: Sequence[Grade]) -> dict[str, Json]:
    """Return grader id -> its commonest reason, of the graders that could be applied to no case that counts."""
    scored = {record.key for record in records if record.scored}
    newest = {grade.question: grade for grade in grades if grade.key in scored}
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    graded: set[str] = set()
    for grade in newest.values():
        if grade.grade is not None:
            graded.add(grade.grader_id)
        else:
            reasons[grade.grader_id][grade.rationale] += 1
    return {grader: told.most_common(1)[0][0] for grader, told in reasons.items() if grader not in graded}


def _polls(grades: Sequence[Grade]) -> dict[str, list[list[float]]]:
    """Return grader id -> the votes of each polled grade, as 0 and 1; the newest poll of each question counts."""
    newest = {(grade.key, grade.turn_index, grade.grader_id): grade for grade in grades}
    polls: dict[str, list[list[float]]] = defaultdict(list)
    for grade in newest.values():
        verdicts = grade.judge.get("verdicts")
        said = verdicts if isinstance(verdicts, list | tuple) else ()
        polls[grade.grader_id].append([_VOTES[vote] for vote in said if isinstance(vote, str) and vote in _VOTES])
    return polls


def _by_case(rows: Sequence[Row], metric: str) -> list[tuple[str, float]]:
    """Return (case, value of `metric`) of each case-trial; those without one are left out."""
    case_ids = {row.key: row.case_id for row in rows}
    return [(case_ids[key], value) for key, value in trial_values(rows, metric).items()]


def _values(rows: Sequence[Row], column: str) -> tuple[list[float], list[str]]:
    """Return the numbers of a column, and the case each belongs to."""
    found = [(float(value), row.case_id) for row in rows if isinstance(value := row.cells.get(column), int | float)]
    return [value for value, _ in found], [case_id for _, case_id in found]


def _excluded_count(records: Sequence[CaseRecord]) -> int:
    return sum(not record.scored for record in records)


def _seed(config: JsonObject) -> int:
    seed = config.get("seed", 0)
    return seed if isinstance(seed, int) and seed >= 0 else 0


def _pair(interval: Interval | None) -> list[float] | None:
    return list(asdict(interval).values()) if interval else None
