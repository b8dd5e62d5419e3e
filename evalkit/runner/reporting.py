"""What is derived from a run directory: tables, summary, pictures, and the table a person sees at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from evalkit.records.grade import Grade
from evalkit.reports.closing import closing_table
from evalkit.reports.gates import missed_gates
from evalkit.reports.history import RunHistory
from evalkit.reports.write import Presentation, write_reports
from evalkit.runs.scorings import config_in_force, price_dates, read_scorings, record_in_force
from evalkit.store.run_directory import RunDirectory


@dataclass(frozen=True)
class RunReport:
    """What a run's reports say: the summary, and the gates it missed in words."""

    summary: Mapping[str, Any]
    missed_gates: tuple[str, ...]


def report_run(run: RunDirectory, console: Console | None = None) -> RunReport:
    """Write the reports of `run` from its records and grades, and show the closing table on `console`."""
    provenance = run.read_provenance()
    scorings = read_scorings(provenance)
    config = config_in_force(run.read_config(), scorings)
    order = {key: position for position, key in enumerate(provenance["case_trials"])}
    # A case that a resumed run no longer has leaves its record behind.
    finished = {key: stored for key, stored in run.read_finished().items() if key in order}
    keys = sorted(finished, key=order.__getitem__)
    counted, discarded = split_grades(run.read_grades(), {key: stored.sha256 for key, stored in finished.items()})
    written = write_reports(
        run.root,
        config,
        [record_in_force(finished[key].record, scorings) for key in keys],
        counted,
        config_sha256=provenance["config_sha256"],
        planned=len(provenance["case_trials"]),
        shown=_presentation(config["report"], provenance),
        history=RunHistory(price_dates(provenance), discarded, run.read_concurrency()),
    )
    if console is not None:
        console.print(closing_table(written.summary))
    return RunReport(written.summary, missed_gates(written.summary))


def split_grades(grades: Sequence[Grade], sha256_of: Mapping[str, str]) -> tuple[list[Grade], tuple[Grade, ...]]:
    """Return the grades that count, oldest first, and those that do not and may have been paid for.

    A case-trial that was run again has grades of a record that no longer stands for it (`sha256_of` is that of each
    record that does); what nobody answered when it was asked again is out of force.
    """
    counted = [grade for grade in grades if grade.in_force and grade.record_sha256 == sha256_of.get(grade.key)]
    kept = set(map(id, counted))
    return counted, tuple(grade for grade in grades if id(grade) not in kept)


def _presentation(report: Mapping[str, Any], provenance: Mapping[str, Any]) -> Presentation:
    """Return how the run is shown; a config older than a key has its default."""
    return Presentation(
        plots=report["plots"],
        html=report.get("html", True),
        audio=report.get("audio", "linked"),
        provenance=provenance,
    )
