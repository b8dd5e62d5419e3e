"""What is derived from a run directory: tables, summary, pictures, and the table a person sees at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from evalkit.reports.closing import closing_table
from evalkit.reports.write import write_reports
from evalkit.store.run_directory import RunDirectory


@dataclass(frozen=True)
class RunReport:
    """What a run's reports say: the summary, and the gates it missed in words."""

    summary: Mapping[str, Any]
    missed_gates: tuple[str, ...]


def report_run(run: RunDirectory, console: Console | None = None) -> RunReport:
    """Write the reports of `run` from its records and grades, and show the closing table on `console`."""
    config = run.read_config()
    provenance = run.read_provenance()
    order = {key: position for position, key in enumerate(provenance["case_trials"])}
    finished = run.read_finished()
    records = [finished[key].record for key in sorted(finished, key=lambda key: order.get(key, len(order)))]
    sha256_of = {key: stored.sha256 for key, stored in finished.items()}
    written = write_reports(
        run.root,
        config,
        records,
        # A case-trial that was run again has grades of a record that no longer stands for it.
        [grade for grade in run.read_grades() if grade.record_sha256 == sha256_of.get(grade.key)],
        config_sha256=provenance["config_sha256"],
        planned=len(provenance["case_trials"]),
        plots=config["report"]["plots"],
        concurrency=run.read_concurrency(),
    )
    if console is not None:
        console.print(closing_table(written.summary))
    return RunReport(written.summary, find_missed_gates(config["gate"], written.summary))


def find_missed_gates(gate: Mapping[str, Any], summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a message for every threshold of `gate` that `summary` does not reach; an absent grade reaches none."""
    minimum, grade = gate["min_grade"], summary.get("grade_mean")
    if minimum is None or (grade is not None and grade >= minimum):
        return ()
    found = "no case was graded" if grade is None else f"grade_mean is {grade:.3f}"
    return (f"gate.min_grade: {found}, below {minimum:g}",)
