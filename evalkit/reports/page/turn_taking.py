"""The turn-taking of a run as its page shows it: the metrics, and beside them what others have published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from evalkit.metrics.turn_taking.measurement import MeasuredIn
from evalkit.metrics.turn_taking.published import PublishedBenchmark, read_published
from evalkit.reports.metric_names import name_of
from evalkit.reports.turn_taking import READ_TOGETHER
from evalkit.settings.resources import resource_dir

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
class TurnTakingFindings:
    """What the section shows.

    Attributes:
        calls: How many calls.
        unread: Case-trial -> why its call is in no value.
        lines: evalkit's metrics.
        columns: What stands in each column of the comparison with published systems.
        own: The run by evalkit's definitions, a cell a column.
        as_published: The run by tau-voice's definitions.
        definitions: The windows of these, by column.
        published: The systems, each with its cells.
        source: Where those were read.

    """

    calls: int
    unread: Mapping[str, str]
    lines: Sequence[TurnTakingLine]
    columns: Sequence[ReferenceColumn]
    own: Sequence[str]
    as_published: Sequence[str]
    definitions: Mapping[str, str]
    published: Mapping[str, Sequence[str]]
    source: str


def describe_turn_taking(summary: Mapping[str, Any]) -> TurnTakingFindings | None:
    """Return the turn-taking of a summary; None where there is none, as without a call in full duplex."""
    found = summary.get("turn_taking")
    if not found:
        return None
    metrics, tau = found["metrics"], found["tau_voice"]
    reference = _read_reference()
    return TurnTakingFindings(
        calls=found["calls"],
        unread=found["unread"],
        lines=[_line(name, metric) for name, metric in metrics.items()],
        columns=[ReferenceColumn(name, name_of(ours)) for name, ours in _COLUMNS.items()],
        own=[metrics[ours]["shown"] for ours in _COLUMNS.values()],
        as_published=[tau[name]["shown"] for name in _COLUMNS],
        definitions={name: tau[name]["window"] for name in _COLUMNS},
        published={
            each.system: [_cell(name, each.values.get(name)) for name in _COLUMNS] for each in reference.systems
        },
        source=reference.source,
    )


@cache
def _read_reference() -> PublishedBenchmark:
    text = (resource_dir("data") / "turn_taking.json").read_text(encoding="utf-8")
    return read_published(json.loads(text))["tau_voice"]


def _line(name: str, metric: Mapping[str, Any]) -> TurnTakingLine:
    low, high = metric.get("ci95") or (None, None)
    counts = {reason.replace("_", " "): count for reason, count in metric["set_aside"].items()}
    uncounted = [f"{count} {reason}" for reason, count in counts.items()]
    if metric["censored"]:
        uncounted.insert(0, f"{metric['censored']} counted as the longest wait")
    return TurnTakingLine(
        name=name_of(name),
        shown=metric["shown"],
        share=metric["value"] if metric["unit"] == MeasuredIn.SHARE else None,
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
