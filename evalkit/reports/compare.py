"""What changed from run A to run B: the numbers of ``evalkit compare``, as pure functions of two runs.

Whether a case-trial `passed` is tested by itself, at the full level; the other metrics form a family whose p-values are
adjusted by Holm's method, and one that says of every case-trial what `passed` says is no test of its own. A metric has
*regressed* when its difference is significant (p below 1 - confidence), points down, and lies
below the margin: with ``--margin 0.05`` a loss of up to 5 points is accepted, and the interval's upper end must lie
below -0.05. It has *improved* the other way round.

A case-trial that was full (1) in A and not in B was lost, the reverse was won; both lists are by name, significant or
not. Latencies are compared where those of both runs may be. Turn-taking is compared call by call
(:mod:`evalkit.reports.turn_taking_changes`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from evalkit.metrics.paired import Pair, PairedDifference, compare_pairs, holm, median_shift
from evalkit.metrics.statistics import Interval
from evalkit.metrics.turn_taking.timeline import CallTimeline
from evalkit.records.grade import Grade
from evalkit.reports.config_changes import ConfigChange, find_config_changes
from evalkit.reports.pairs import PairedRuns, Side, Unpaired, pair_runs
from evalkit.reports.tool_modes import tool_mode_warnings
from evalkit.reports.trials import PASSED
from evalkit.reports.turn_taking import read_calls
from evalkit.reports.turn_taking_changes import TurnTakingChange, compare_turn_taking

PRIMARY = PASSED
REGRESSED, IMPROVED, NO_CHANGE = "regressed", "improved", "no significant change"


@dataclass(frozen=True)
class CompareOptions:
    """How two runs are compared.

    Attributes:
        margin: The loss that is accepted, 0..1.
        confidence: Of each decision, for example 0.95.
        expect: Config keys that are meant to differ.

    """

    margin: float = 0.0
    confidence: float = 0.95
    expect: tuple[str, ...] = ()


@dataclass(frozen=True)
class MetricChange:
    """One metric in both runs.

    Attributes:
        metric: Its name.
        difference: What changed, and how surely.
        p_adjusted: The p-value that decides: Holm's, or for `passed` its own.
        verdict: `REGRESSED`, `IMPROVED` or `NO_CHANGE`.
        lost: Case-trials that passed in A and not in B.
        won: Case-trials that passed in B and not in A.
        ungraded: Case-trials of the pairs that have no value in one of the runs.

    """

    metric: str
    difference: PairedDifference
    p_adjusted: float
    verdict: str
    lost: tuple[str, ...]
    won: tuple[str, ...]
    ungraded: int


@dataclass(frozen=True)
class LatencyShift:
    """How a latency moved: medians of both runs, and the median of the paired changes with its 95 % interval."""

    column: str
    n: int
    median_before: float
    median_after: float
    shift: float
    interval: Interval | None


@dataclass(frozen=True)
class Comparison:
    """Run A beside run B."""

    before: Side
    after: Side
    options: CompareOptions
    paired: int
    unpaired: tuple[Unpaired, ...]
    metrics: tuple[MetricChange, ...]
    latencies: tuple[LatencyShift, ...]
    config_changes: tuple[ConfigChange, ...]
    warnings: tuple[str, ...]
    turn_taking: tuple[TurnTakingChange, ...] = ()

    def metrics_that(self, verdict: str) -> tuple[str, ...]:
        """Return the metrics with a verdict, those of turn-taking last."""
        judged = [(change.metric, change.verdict) for change in self.metrics]
        judged += [(change.metric, change.verdict) for change in self.turn_taking]
        return tuple(metric for metric, found in judged if found == verdict)


def compare_runs(before: Side, after: Side, options: CompareOptions) -> Comparison:
    """Return what changed from `before` to `after`."""
    runs = pair_runs(before, after)
    changes = find_config_changes(
        before.config, after.config, hashes=(before.datasets, after.datasets), expect=options.expect
    )
    stored_seed = before.config.get("seed", 0)
    seed = stored_seed if isinstance(stored_seed, int) else 0
    shifts = [shift for column in before.layout.latency_columns if (shift := _latency_shift(runs, column))]
    incomparable = _why_latencies_are_not_compared(before, after)
    calls = [_calls_of(side, runs.keys) for side in (before, after)]
    return Comparison(
        before=before,
        after=after,
        options=options,
        paired=len(runs.keys),
        unpaired=runs.unpaired,
        metrics=compare_metrics(runs, options, seed),
        latencies=() if incomparable else tuple(shifts),
        config_changes=tuple(changes),
        warnings=(
            *_size_warnings(len(runs.keys), options),
            *_warnings(before, after, changes),
            *(incomparable if shifts else ()),
            *_turn_taking_warnings(*calls),
            *tool_mode_warnings(before.records, after.records),
            *_grading_warnings(before.grades, after.grades),
        ),
        turn_taking=_turn_taking(calls, options, seed, with_seconds=not incomparable),
    )


def compare_metrics(runs: PairedRuns, options: CompareOptions, seed: int) -> tuple[MetricChange, ...]:
    """Return what changed in every metric that both runs have values of."""
    found = [change for metric in runs.metrics if (change := _metric_change(runs, metric, seed, options.confidence))]
    primary = runs.pairs(PRIMARY)
    adjusted = holm({c.metric: c.p_adjusted for c in found if runs.pairs(c.metric) != primary})
    decided = (replace(change, p_adjusted=adjusted.get(change.metric, change.p_adjusted)) for change in found)
    return tuple(replace(change, verdict=_verdict(change.difference, change.p_adjusted, options)) for change in decided)


def comparison_to_json(comparison: Comparison) -> dict[str, Any]:
    """Return `comparison` as plain JSON values."""
    return {
        "a": _side(comparison.before),
        "b": _side(comparison.after),
        "margin": comparison.options.margin,
        "confidence": comparison.options.confidence,
        "paired": comparison.paired,
        "unpaired": [asdict(item) for item in comparison.unpaired],
        "metrics": {change.metric: _metric_to_json(change) for change in comparison.metrics},
        "regressed": list(comparison.metrics_that(REGRESSED)),
        "improved": list(comparison.metrics_that(IMPROVED)),
        "latencies": {shift.column: _without(asdict(shift), "column") for shift in comparison.latencies},
        "turn_taking": {change.metric: _without(asdict(change), "metric") for change in comparison.turn_taking},
        "config_changes": [asdict(change) for change in comparison.config_changes],
        "warnings": list(comparison.warnings),
    }


def _metric_change(runs: PairedRuns, metric: str, seed: int, confidence: float) -> MetricChange | None:
    pairs = runs.pairs(metric)
    if not pairs:
        return None
    before, after = runs.values(metric)
    difference = compare_pairs(list(pairs.values()), seed, confidence)
    return MetricChange(
        metric=metric,
        difference=difference,
        p_adjusted=difference.p_value,
        verdict=NO_CHANGE,
        lost=tuple(key for key, pair in pairs.items() if pair.before == 1 and pair.after < 1),
        won=tuple(key for key, pair in pairs.items() if pair.after == 1 and pair.before < 1),
        ungraded=len(set(before) ^ set(after)),
    )


def _verdict(
    found: PairedDifference, p_adjusted: float, options: CompareOptions, *, less_is_better: bool = False
) -> str:
    difference, interval, margin = found.difference, found.interval, options.margin
    if less_is_better:
        difference, interval = -difference, interval and Interval(-interval.high, -interval.low)
    if p_adjusted >= 1 - options.confidence:
        return NO_CHANGE
    if difference < 0 and (margin == 0 or (interval is not None and interval.high < -margin)):
        return REGRESSED
    if difference > 0 and (margin == 0 or (interval is not None and interval.low > margin)):
        return IMPROVED
    return NO_CHANGE


def _calls_of(side: Side, keys: Sequence[str]) -> dict[str, CallTimeline]:
    timelines = read_calls(side.records).timelines
    return {key: timelines[key] for key in keys if key in timelines}


def _turn_taking(
    calls: Sequence[Mapping[str, CallTimeline]], options: CompareOptions, seed: int, *, with_seconds: bool
) -> tuple[TurnTakingChange, ...]:
    changes = compare_turn_taking(calls[0], calls[1], seed, options.confidence)
    return tuple(_with_verdict(change, options) for change in changes if with_seconds or not change.depends_on_latency)


def _with_verdict(change: TurnTakingChange, options: CompareOptions) -> TurnTakingChange:
    if not change.can_be_judged:
        return change
    verdict = _verdict(change.difference, change.p_adjusted, options, less_is_better=change.less_is_better)
    return replace(change, verdict=verdict)


def _latency_shift(runs: PairedRuns, column: str) -> LatencyShift | None:
    pairs: Sequence[Pair] = list(runs.pairs(column).values())
    if not pairs:
        return None
    shift, interval = median_shift(pairs)
    ordered = sorted(pair.before for pair in pairs), sorted(pair.after for pair in pairs)
    medians = [(values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2 for values in ordered]
    return LatencyShift(column, len(pairs), medians[0], medians[1], shift, interval)


def _size_warnings(paired: int, options: CompareOptions) -> list[str]:
    """Return a warning where so few case-trials are paired that not even all of them changing would be significant.

    The exact test's smallest p-value for n pairs is 2 x 0.5^n.
    """
    needed = math.floor(1 - math.log2(1 - options.confidence)) + 1
    if paired >= needed:
        return []
    sure = f"{options.confidence:.0%}"
    return [f"{paired} pairs cannot show a difference at {sure}: at least {needed} must change; compare more cases"]


def _warnings(before: Side, after: Side, changes: Sequence[ConfigChange]) -> list[str]:
    unexpected = [change for change in changes if not change.expected]
    warnings = [
        f"the configs also differ in {change.key}: {change.before!r} in A, {change.after!r} in B; "
        f"if that is meant: --expect {change.key}"
        for change in unexpected
    ]
    for name, side in (("A", before), ("B", after)):
        if len(side.records) < side.planned:
            warnings.append(f"{name} is incomplete: {len(side.records)} of {side.planned} case-trials are finished")
    return warnings


def _why_latencies_are_not_compared(before: Side, after: Side) -> list[str]:
    return [
        f"latencies are not compared: those of {name} are not comparable: {reason}"
        for name, side in (("A", before), ("B", after))
        if (reason := side.why_latencies_are_not_comparable)
    ]


def _turn_taking_warnings(before: Mapping[str, CallTimeline], after: Mapping[str, CallTimeline]) -> list[str]:
    if bool(before) == bool(after):
        return []
    return [f"turn-taking is not compared: {'A' if after else 'B'} has no call in full duplex"]


def _grading_warnings(before: Sequence[Grade], after: Sequence[Grade]) -> list[str]:
    """Return what is different about who graded: another version of a grader, or another judge."""
    first, second = _graders(before), _graders(after)
    return [
        f"{grader_id} was graded by {', '.join(sorted(first[grader_id]))} in A, "
        f"by {', '.join(sorted(second[grader_id]))} in B; evalkit score brings them together"
        for grader_id in first
        if grader_id in second and first[grader_id] != second[grader_id]
    ]


def _graders(grades: Sequence[Grade]) -> dict[str, set[str]]:
    newest: Mapping[Any, Grade] = {grade.question: grade for grade in grades}
    found: dict[str, set[str]] = {}
    for grade in newest.values():
        judge = f", judge {grade.judge['model']} x {grade.judge.get('votes')}" if grade.judge.get("model") else ""
        if grade.grade is not None:
            found.setdefault(grade.grader_id, set()).add(f"{grade.grader_type} {grade.grader_version}{judge}")
    return found


def _side(side: Side) -> dict[str, Any]:
    return {"run_name": side.name, "directory": side.directory, "mode": side.layout.mode}


def _metric_to_json(change: MetricChange) -> dict[str, Any]:
    found = {**asdict(change.difference), **_without(asdict(change), "metric", "difference")}
    return {**found, "lost": list(change.lost), "won": list(change.won)}


def _without(node: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in node.items() if key not in names}
