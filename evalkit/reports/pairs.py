"""Two runs side by side: which case-trials are the same question, and which cannot be paired, and why.

A case-trial is known by the content of its case and by its trial; the settings it ran with do not count, since they are
what is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalkit.metrics.paired import Pair
from evalkit.records.grade import Grade
from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord
from evalkit.reports.rows import ResultTable, Row, build_table
from evalkit.reports.summary import describe_pacing
from evalkit.reports.trials import graded_metrics, trial_values


@dataclass(frozen=True)
class Side:
    """One of the two runs.

    Attributes:
        name: Its run name.
        directory: Where it lies.
        layout: What the results of its mode look like.
        config: Its config, as it is in force.
        datasets: The files it read: path -> hash.
        planned: How many case-trials it was to have.
        records: Those that it finished, as they are in force.
        grades: Those that count, oldest first.

    """

    name: str
    directory: str
    layout: ResultLayout
    config: Mapping[str, Any]
    datasets: Mapping[str, str]
    planned: int
    records: Sequence[CaseRecord]
    grades: Sequence[Grade] = field(repr=False)

    @property
    def why_latencies_are_not_comparable(self) -> str:
        """Why its latencies must stand beside those of no other run; empty where they may."""
        return str(describe_pacing(self.config, self.records)["publishable_latencies_reason"])

    def table(self) -> ResultTable:
        """Return its rows; paths are of no interest here."""
        return build_table(self.layout, self.config, self.records, self.grades, lambda path: path)


@dataclass(frozen=True)
class Unpaired:
    """A case-trial that takes no part, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class PairedRuns:
    """The case-trials of two runs.

    Attributes:
        keys: Those that are in both, were scored in both, and ask the same, in the first run's order.
        unpaired: The others.
        case_ids: Key -> the case it belongs to.
        before: The first run's rows of `keys`.
        after: The second run's.
        metrics: What both runs have grades of.

    """

    keys: tuple[str, ...]
    unpaired: tuple[Unpaired, ...]
    case_ids: Mapping[str, str]
    before: tuple[Row, ...]
    after: tuple[Row, ...]
    metrics: tuple[str, ...]

    def values(self, metric: str) -> tuple[dict[str, float], dict[str, float]]:
        """Return a metric's values in both runs, by key."""
        return trial_values(self.before, metric), trial_values(self.after, metric)

    def pairs(self, metric: str) -> dict[str, Pair]:
        """Return the pairs of a metric, by key: the case-trials that have a value in both runs."""
        before, after = self.values(metric)
        return {
            key: Pair(self.case_ids[key], before[key], after[key])
            for key in self.keys
            if key in before and key in after
        }


def pair_runs(before: Side, after: Side) -> PairedRuns:
    """Return the case-trials of two runs side by side."""
    first = {record.key: record for record in before.records}
    second = {record.key: record for record in after.records}
    keys: list[str] = []
    unpaired: list[Unpaired] = []
    for key in dict.fromkeys([*first, *second]):
        reason = _why_not(first.get(key), second.get(key))
        if reason:
            unpaired.append(Unpaired(key, reason))
        else:
            keys.append(key)
    tables = before.table(), after.table()
    kept = set(keys)
    rows = [tuple(row for row in table.rows if row.key in kept) for table in tables]
    others = set(graded_metrics(tables[1]))
    return PairedRuns(
        keys=tuple(keys),
        unpaired=tuple(unpaired),
        case_ids={key: first[key].case.case_id for key in keys},
        before=rows[0],
        after=rows[1],
        metrics=tuple(metric for metric in graded_metrics(tables[0]) if metric in others),
    )


def _why_not(first: CaseRecord | None, second: CaseRecord | None) -> str:
    """Return why two records are no pair; empty when they are one."""
    if first is None or second is None:
        return f"missing in {'A' if first is None else 'B'}"
    if first.case.sha256 != second.case.sha256:
        asked = [
            {key: value for key, value in record.case.inputs.items() if not key.endswith("_path")}
            for record in (first, second)
        ]
        same = asked[0] == asked[1]
        return "graded against other expectations in B" if same else "the case asks something else in B"
    lost = [f"{name} (fault {record.fault})" for name, record in (("A", first), ("B", second)) if not record.scored]
    return f"not scored in {' and '.join(lost)}" if lost else ""
