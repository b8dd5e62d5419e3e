"""Writes what can be derived from a run's records and grades: tables, summary, ledger, JUnit's XML and the scorecard.

Everything here can be made again at any time, also while the run is still going; a file is there whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.records.grade import Grade
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord
from evalkit.reports.history import NO_HISTORY, RunHistory
from evalkit.reports.junit import junit_xml
from evalkit.reports.ledger import ledger_csv
from evalkit.reports.plots import scorecard_png
from evalkit.reports.rows import Locate, build_table, lookup
from evalkit.reports.summary import RunFacts, summarize
from evalkit.reports.tables import results_csv
from evalkit.store.files import write_atomically


@dataclass(frozen=True)
class Reports:
    """What was written, and the summary for whoever wants to show it."""

    summary: dict[str, Any]
    paths: tuple[Path, ...]


def write_reports(
    run_dir: Path,
    config: JsonObject,
    records: Sequence[CaseRecord],
    grades: Sequence[Grade],
    *,
    config_sha256: str,
    planned: int | None = None,
    plots: bool = True,
    history: RunHistory = NO_HISTORY,
) -> Reports:
    """Write the reports of a run into its directory.

    Args:
        run_dir: Where the run's artifacts lie.
        config: The resolved run config, as plain JSON.
        records: In case order.
        grades: Those that count, as stored, oldest first.
        config_sha256: The identity of `config`, for the summary.
        planned: How many case-trials there should be; None: as many as there are records.
        plots: Whether to draw ``plots/scorecard.png``.
        history: What else the directory tells.

    """
    run_name = str(config.get("run_name") or run_dir.resolve().name)
    mode = str(lookup(config, ("mode", "name")) or "")
    table = build_table(mode, config, records, grades, _locator(run_dir, config))
    facts = RunFacts(run_name, config, config_sha256, planned, history)
    summary = summarize(facts, table, records, grades)
    files: dict[Path, bytes] = {
        run_dir / "results.csv": results_csv(table).encode(),
        run_dir / "summary.json": json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False).encode(),
        run_dir / "ledger.csv": ledger_csv(records, [*grades, *history.discarded], config, history.prices).encode(),
        run_dir / "junit.xml": junit_xml(summary, table, records),
    }
    if plots:
        files[run_dir / "plots" / "scorecard.png"] = scorecard_png(summary, table)
    for path, content in files.items():
        write_atomically(path, content)
    return Reports(summary, tuple(files))


def _locator(run_dir: Path, config: JsonObject) -> Locate:
    """Return what makes a stored path absolute: it lies in the run directory, or beside the data file."""
    data_csv = lookup(config, ("mode", "data_csv"))
    folders = [run_dir.resolve(), *([Path(data_csv).resolve().parent] if isinstance(data_csv, str) else [])]

    def locate(stored: str) -> str:
        found = next((path for folder in folders if (path := folder / stored).exists()), None)
        return str(found) if found else ""

    return locate
