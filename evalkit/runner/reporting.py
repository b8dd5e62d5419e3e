"""Writes everything derived from a stored run: tables, summary, pictures, and the closing table on the terminal.

The one place that brings together a stored run, the layout of its mode, and what writes reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from evalkit.modes.registry import layout_of
from evalkit.reports.closing import closing_table
from evalkit.reports.gates import missed_gates
from evalkit.reports.plots.run_pictures import Draw, draw_at_last
from evalkit.reports.write import Presentation, RunContent, draw_reports, write_tables
from evalkit.runs.stored_run import StoredRun, open_run
from evalkit.store.run_directory import RunDirectory


@dataclass(frozen=True)
class RunReport:
    """The result of reporting on a run: its summary, and a message for each missed gate."""

    summary: Mapping[str, Any]
    missed_gates: tuple[str, ...]


def report_run(run: RunDirectory, console: Console | None = None, draw: Draw = draw_at_last) -> RunReport:
    """Write the reports of `run` from its records and grades; the closing table is on `console` before any picture.

    Pictures are drawn by `draw`.

    Raises ConfigError, and leaves the reports as they are, where the run cannot be read or its grades are gone.
    """
    stored = open_run(run.root, "report")
    stored.require_grades()
    content = content_of(stored)
    derived = write_tables(content)
    if console is not None:
        console.print(closing_table(derived.summary, content.layout, content.records))
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
