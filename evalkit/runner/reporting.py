"""Writes everything derived from a stored run: tables, summary, pictures, and the closing table on the terminal.

The one place that brings together a stored run, the layout of its mode, and what writes reports.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from evalkit.errors import ConfigError
from evalkit.modes.registry import layout_of
from evalkit.records.passing import passed_by_key
from evalkit.reports.closing import closing_table
from evalkit.reports.gates import missed_gates
from evalkit.reports.plots.run_pictures import Draw, draw_run
from evalkit.reports.sweep import SweepJob
from evalkit.reports.sweep_differences import CasePass
from evalkit.reports.write import Presentation, RunContent, derive, draw_reports, write_tables
from evalkit.runs.stored_run import StoredRun, open_run
from evalkit.store.run_directory import RunDirectory

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunReport:
    """The result of reporting on a run: its summary, and a message for each missed gate."""

    summary: Mapping[str, Any]
    missed_gates: tuple[str, ...]


def report_run(run: RunDirectory, console: Console | None = None, draw: Draw = draw_run) -> RunReport:
    """Write the reports of `run` from its records and grades; the closing table is on `console` before any picture.

    Pictures are drawn by `draw`.

    Raises ConfigError, and leaves the reports as they are, where the run cannot be read or its grades are gone.
    """
    stored = open_run(run.root, "report")
    stored.require_grades()
    content = content_of(stored)
    derived = write_tables(content)
    if console is not None:
        console.print(closing_table(derived.summary, content.layout))
    draw_reports(content, derived, _presentation(stored), draw)
    return RunReport(derived.summary, missed_gates(derived.summary))


def content_of(stored: StoredRun) -> RunContent:
    """Return what the reports of a stored run are derived from."""
    return RunContent(
        run_dir=stored.root,
        layout=layout_of(stored.config),
        config=stored.config,
        records=stored.records,
        grades=stored.grades,
        config_sha256=str(stored.provenance["config_sha256"]),
        planned=len(stored.planned),
        history=stored.history,
    )


def read_sweep_jobs(entries: Sequence[Mapping[str, Any]]) -> list[SweepJob]:
    """Return the jobs that `entries` (lines of ``index.jsonl``) name, with what each has left."""
    return [_read_sweep_job(entry) for entry in entries]


def _read_sweep_job(entry: Mapping[str, Any]) -> SweepJob:
    folder = Path(entry["directory"]) if entry["directory"] else None
    if folder is None or not (folder / "provenance.json").is_file():
        return SweepJob(entry)
    try:
        stored = open_run(folder, "a sweep")
        layout = layout_of(stored.config)
    except ConfigError as error:
        _log.warning("job %s is left out: %s", entry["job"], error)
        return SweepJob(entry)
    passed = passed_by_key(stored.records, stored.grades)
    passes = {
        (record.case.sha256, record.trial): CasePass(record.case.case_id, passes)
        for record in stored.records
        if (passes := passed[record.key]) is not None
    }
    return SweepJob(entry, _read_summary(stored), layout, passes)


def _read_summary(stored: StoredRun) -> Mapping[str, Any]:
    """Return a run's summary: as it was written, unless that was never done, or before it said who passed."""
    path = stored.root / "summary.json"
    summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return summary if "passed_mean" in summary else derive(content_of(stored)).summary


def _presentation(stored: StoredRun) -> Presentation:
    """Return how the run is shown; a config older than a key has its default."""
    report = stored.config.get("report", {})
    return Presentation(
        plots=report.get("plots", True),
        html=report.get("html", True),
        audio=report.get("audio", "linked"),
        provenance=stored.provenance,
        is_live=stored.is_live,
    )
