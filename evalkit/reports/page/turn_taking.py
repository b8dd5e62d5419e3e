"""The turn-taking of a run as its page shows it: the metrics, and beside them what others have published."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from evalkit.metrics.turn_taking.measurement import MeasuredIn
from evalkit.metrics.turn_taking.published import PublishedBenchmark, read_published
from evalkit.reports.metric_names import name_of
from evalkit.reports.turn_taking import READ_TOGETHER
from evalkit.reports.waits import WaitDistribution
from evalkit.settings.resources import resource_dir

_OTHERS = {"eva": "EVA", "full_duplex_bench": "Full-Duplex-Bench"}
_SHARES = (0.25, 0.5, 0.75, 0.9)
_LEAST_S = 2.0
# What tau-voice calls it -> ours for the same thing, the two that are read together side by side.
_COLUMNS = {
    "L_R": "response_latency",
    "R_R": "response_rate",
    "L_Y": "yield_latency",
    "R_Y": "yield_rate",
    "S_BC": "backchannel_selectivity",
    "S_VT": "vocal_tic_selectivity",
    "S_ND": "side_speech_selectivity",
    "I_A": "agent_interruption_rate",
}


@dataclass(frozen=True)
class TurnTakingLine:
    """One of evalkit's metrics.

    Attributes:
        name: In words.
        shown: Its value in words; a count where a rate has few events.
        share: Where it lies on a line from 0 to 1; None where it is no share, or unknown.
        low: The lower end of its 95 % interval.
        high: The upper end; both None where there is none.
        events: How many events it rests on.
        uncounted: What else was met, in words; empty for nothing.
        window: Which events count, and what is looked at.
        read_together: Whether it says nothing without the other one of these.

    """

    name: str
    shown: str
    share: float | None
    low: float | None
    high: float | None
    events: int
    uncounted: str
    window: str
    read_together: bool

    @property
    def words(self) -> str:
        """The interval in words."""
        return "" if self.low is None or self.high is None else f"{self.low:.2f} to {self.high:.2f}"


@dataclass(frozen=True)
class ReferenceColumn:
    """A metric of tau-voice: its name there, and in words that of evalkit's for the same thing."""

    name: str
    ours: str


@dataclass(frozen=True)
class WaitCurve:
    """How long something took, as a curve in a box of 100 by 40.

    Attributes:
        title: What is shown.
        path: Of the curve, as SVG has it.
        missing_path: From where it ends to the right edge; empty where all that was waited for came.
        told_missing: How often it did not come, in words.
        until_s: What the right edge is, in seconds.
        total: How often it was waited for.
        within: Share in words -> time in words, within which it came so often.

    """

    title: str
    path: str
    missing_path: str
    told_missing: str
    until_s: float
    total: int
    within: Mapping[str, str]


@dataclass(frozen=True)
class OtherBenchmark:
    """What another benchmark's definitions say of the run, and what was published by them.

    Attributes:
        name: The benchmark's.
        lines: Its metrics; none where it stands in the comparison with published systems.
        not_measured: What of it has no value, and why.
        columns: Published metrics.
        published: The systems, each with its cells.
        source: Where those were read.

    """

    name: str
    lines: Sequence[TurnTakingLine]
    not_measured: Sequence[str]
    columns: Sequence[str]
    published: Mapping[str, Sequence[str]]
    source: str


@dataclass(frozen=True)
class TurnTakingFindings:
    """What the section shows.

    Attributes:
        calls: How many calls.
        unread: Case-trial -> why its call is in no value.
        lines: evalkit's metrics.
        columns: What stands in each column of the comparison with published systems.
        own: The run by evalkit's definitions, a cell a column.
        as_published: The run by tau-voice's definitions.
        definitions: Its metrics one by one, in the order of the columns.
        published: The systems, each with its cells.
        source: Where those were read.
        curves: How answers and yields are distributed.
        others: What other benchmarks say.

    """

    calls: int
    unread: Mapping[str, str]
    lines: Sequence[TurnTakingLine]
    columns: Sequence[ReferenceColumn]
    own: Sequence[str]
    as_published: Sequence[str]
    definitions: Sequence[TurnTakingLine]
    published: Mapping[str, Sequence[str]]
    source: str
    curves: Sequence[WaitCurve]
    others: Sequence[OtherBenchmark]


def describe_turn_taking(
    summary: Mapping[str, Any], waits: Sequence[WaitDistribution] = ()
) -> TurnTakingFindings | None:
    """Return the turn-taking of a summary; None where there is none, as without a call in full duplex."""
    found = summary.get("turn_taking")
    if not found:
        return None
    metrics, tau = found["metrics"], found["tau_voice"]
    published = _read_published()
    reference = published["tau_voice"]
    return TurnTakingFindings(
        calls=found["calls"],
        unread=found["unread"],
        lines=[_line(name, metric) for name, metric in metrics.items()],
        columns=[ReferenceColumn(name, name_of(ours)) for name, ours in _COLUMNS.items()],
        own=[metrics[ours]["shown"] for ours in _COLUMNS.values()],
        as_published=[tau[name]["shown"] for name in _COLUMNS],
        definitions=[replace(_line(name, tau[name]), name=name) for name in _COLUMNS],
        published={
            each.system: [_cell(name, each.values.get(name)) for name in _COLUMNS] for each in reference.systems
        },
        source=reference.source,
        curves=[_curve(each) for each in waits],
        others=[_describe_other(name, found, published[key]) for key, name in _OTHERS.items() if key in found],
    )


@cache
def _read_published() -> Mapping[str, PublishedBenchmark]:
    text = (resource_dir("data") / "turn_taking.json").read_text(encoding="utf-8")
    return read_published(json.loads(text))


def _describe_other(name: str, found: Mapping[str, Any], reference: PublishedBenchmark) -> OtherBenchmark:
    key = reference.systems[0].benchmark
    metrics = list(dict.fromkeys(metric for system in reference.systems for metric in system.values))
    cells = {
        system.system: ["-" if (value := system.values.get(metric)) is None else f"{value:.3f}" for metric in metrics]
        for system in reference.systems
    }
    return OtherBenchmark(
        name=name,
        lines=[_line(metric, node) for metric, node in found[key].items()],
        not_measured=[f"{part}: {why}" for part, why in found.get("not_measured", {}).get(key, {}).items()],
        columns=[metric.replace("_", " ") for metric in metrics],
        published=cells,
        source=reference.source,
    )


def _curve(waits: WaitDistribution) -> WaitCurve:
    """Return the curve on a line from 0, on which an answer that began before the caller's end stands at 0."""
    steps = waits.steps()
    last_s, reached = steps[-1] if steps else (0.0, 0.0)
    until_s = max(_LEAST_S, math.ceil(last_s * 1.05 * 2) / 2)

    def point(at_s: float, share: float) -> str:
        return f"{100 * max(0.0, at_s) / until_s:.2f} {40 * (1 - share):.2f}"

    drawn = [f"M{point(*steps[0])}"] if steps else []
    for at_s, share in steps[1:]:
        across, down = point(at_s, share).split()
        drawn.append(f"H{across}V{down}")
    within = {}
    for share in _SHARES:
        within_s = waits.within_s(share)
        within[f"{share:.0%}"] = "never" if within_s is None else f"{within_s:.2f} s"
    missing_path = f"M{point(last_s, reached)}H100" if waits.missing else ""
    return WaitCurve(waits.title, "".join(drawn), missing_path, waits.told_missing, until_s, waits.total, within)


def _line(name: str, metric: Mapping[str, Any]) -> TurnTakingLine:
    low, high = metric.get("ci95") or (None, None)
    counts = {reason.replace("_", " "): count for reason, count in metric["set_aside"].items()}
    uncounted = [f"{count} {reason}" for reason, count in counts.items()]
    if metric["censored"]:
        uncounted.insert(0, f"{metric['censored']} counted as the longest wait")
    return TurnTakingLine(
        name=name_of(name),
        shown=metric["shown"],
        share=metric["value"] if metric["unit"] in (MeasuredIn.SHARE, MeasuredIn.SCORE) else None,
        low=low,
        high=high,
        events=metric["events"],
        uncounted=", ".join(uncounted),
        window=metric["window"],
        read_together=name in READ_TOGETHER,
    )


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f} s" if name.startswith("L_") else f"{value:.2f}"
