"""A sweep at a glance: one row per job, with what it changed, how it ended, who passed, and means with intervals.

A latency that must not be compared with another run's is left out: beside it stands why.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalkit.records.layout import ResultLayout
from evalkit.reports.sweep_differences import CasePass
from evalkit.reports.trials import ARGUMENTS, CALLS, GRADE, PASSED

if TYPE_CHECKING:
    from rich.table import Table

_CALLS = (f"{CALLS}_mean", f"{ARGUMENTS}_mean")
_SHOWN = (
    "n", "passed_mean", "passed_n", "passed_ci95", "passed_by", "grade_mean", "grade_ci95", "publishable_latencies",
    "publishable_latencies_reason", "cost_usd",
)  # fmt: skip
_MOST_ROWS, _BEST_ROWS = 50, 20
Passes = Mapping[tuple[str, int], CasePass]
"""(hash of the case, trial) -> whether it passed, of every case-trial where that is decided."""


@dataclass(frozen=True)
class SweepJob:
    """A job of a sweep.

    Attributes:
        entry: Its line of ``index.jsonl``.
        summary: Its summary, or what of it a sweep shows; empty when it left none.
        layout: What the results of its mode look like; None when it left nothing.
        read_passes: Reads which of its case-trials passed, which takes its time.

    """

    entry: Mapping[str, Any]
    summary: Mapping[str, Any] = field(default_factory=dict)
    layout: ResultLayout | None = None
    read_passes: Callable[[], Passes] = dict

    @property
    def why_latencies_are_left_out(self) -> str:
        """Why its latencies may not be compared; empty where they may."""
        return str(self.summary.get("publishable_latencies_reason", ""))

    @property
    def ranking(self) -> str:
        """In which list it is ranked: what the settings are that decide what "passed" means; empty: there is one."""
        keys = self.layout.ranked_apart if self.layout else ()
        return ", ".join(f"{key}: {str(self.summary[key]).lower()}" for key in keys if key in self.summary)

    @property
    def cells(self) -> dict[str, Any]:
        """What is known of it, by column of ``sweep.csv``; a number that is not known is not there, or None."""
        found = {**self.summary, **self.entry, "overrides": " ".join(self.entry["overrides"])}
        for metric in (PASSED, GRADE):
            low, high = self.summary.get(f"{metric}_ci95") or (None, None)
            found |= {f"{metric}_ci95_low": low, f"{metric}_ci95_high": high}
        costs = list(self.summary.get("cost_usd", {}).values())
        found["cost_usd"] = None if not costs or None in costs else sum(costs)
        if self.layout and self.why_latencies_are_left_out:
            found |= {f"{column}_{part}": None for column in self.layout.latency_columns for part in ("p50", "p95")}
        return found


def shown_in_sweeps(summary: Mapping[str, Any], layout: ResultLayout) -> dict[str, Any]:
    """Return what of a run's summary a sweep shows: a tenth of it, so that those of very many jobs can be held."""
    latencies = [f"{column}_{part}" for column in layout.latency_columns for part in ("p50", "p95")]
    return {key: summary[key] for key in (*_SHOWN, *_CALLS, *layout.ranked_apart, *latencies) if key in summary}


def sweep_columns(jobs: Sequence[SweepJob]) -> tuple[str, ...]:
    """Return the columns of ``sweep.csv``: of tool calls and latencies those that a job's mode has."""
    layouts = [job.layout for job in jobs if job.layout]
    latencies = dict.fromkeys(layout.answer_latency for layout in layouts if layout.answer_latency)
    return (
        "job", "overrides", "status", "exit_code",
        *dict.fromkeys(key for layout in layouts for key in layout.ranked_apart),
        "n", "passed_mean", "passed_ci95_low", "passed_ci95_high",
        "grade_mean", "grade_ci95_low", "grade_ci95_high",
        *(_CALLS if any(layout.grades_calls for layout in layouts) else ()),
        *(f"{column}_{part}" for column in latencies for part in ("p50", "p95")),
        "publishable_latencies", "publishable_latencies_reason", "cost_usd", "config_sha256", "directory",
    )  # fmt: skip


def sweep_csv(jobs: Sequence[SweepJob]) -> str:
    """Return ``sweep.csv``."""
    out = io.StringIO(newline="")
    columns = sweep_columns(jobs)
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    for job in jobs:
        cells = job.cells
        writer.writerow({column: cells.get(column) for column in columns})
    return out.getvalue()


def sweep_table(jobs: Sequence[SweepJob]) -> Table:
    """Return the table that closes a sweep in the terminal, for a rich console: what the jobs differ in, who passed.

    Of very many jobs it has the best. Latencies stand in ``sweep.csv`` only, where they bear a comparison.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    calls = [column for column in _CALLS if column in sweep_columns(jobs)]
    shown = list(zip(jobs, differing_overrides(jobs), strict=True))
    if len(shown) > _MOST_ROWS:
        shown = sorted(shown, key=lambda one: _lower_bound(one[0]), reverse=True)[:_BEST_ROWS]
    left_out = f"the best by lower bound; {len(jobs) - len(shown)} jobs more in sweep.csv"
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=left_out if len(shown) < len(jobs) else None,
        caption_justify="left",
    )  # fmt: skip
    table.add_column("job", justify="right", no_wrap=True)
    table.add_column("differs in", overflow="fold", min_width=20)
    for header in ("passed", "95 %", *(("tool", "args") if calls else ()), "n", "status"):
        table.add_column(header, justify="left" if header == "status" else "right", no_wrap=True)
    for job, differs in shown:
        cells = job.cells
        low, high = cells["passed_ci95_low"], cells["passed_ci95_high"]
        numbers = (
            _shown(cells.get("passed_mean"), ".2f"),
            "-" if low is None else f"{low:.2f} to {high:.2f}",
            *(_shown(cells.get(column), ".2f") for column in calls),
            _shown(cells.get("n"), "d"),
        )
        table.add_row(str(cells["job"]), Text("\n".join(differs)), *numbers, str(cells["status"]))
    return table


def differing_overrides(jobs: Sequence[SweepJob]) -> list[list[str]]:
    """Return for each job those of its overrides that not all jobs have; all of them for a job that is alone."""
    overrides = [job.entry["overrides"] for job in jobs]
    shared = set.intersection(*map(set, overrides)) if len(jobs) > 1 else set()
    return [[override for override in own if override not in shared] for own in overrides]


def _lower_bound(job: SweepJob) -> float:
    low = job.cells["passed_ci95_low"]
    return -1.0 if low is None else float(low)


def _shown(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
