"""Writes what can be derived from a run's records and grades: tables, summary, ledger, JUnit's XML, pictures, page.

Everything here can be made again at any time, also while the run is still going; a file is there whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.records.grade import Grade
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord
from evalkit.reports.history import NO_HISTORY, RunHistory
from evalkit.reports.junit import junit_xml
from evalkit.reports.ledger import ledger_csv
from evalkit.reports.page.run_page import PageSource, run_page
from evalkit.reports.plots.run_pictures import PICTURES, draw_run
from evalkit.reports.rows import Locate, build_table, lookup
from evalkit.reports.summary import RunFacts, summarize
from evalkit.reports.tables import results_csv
from evalkit.store.files import stream_atomically, write_atomically


@dataclass(frozen=True)
class Presentation:
    """What is drawn beside the tables.

    Attributes:
        plots: Whether to draw ``plots/*.png``.
        html: Whether to write ``report.html``.
        audio: What becomes of recordings there: ``linked``, ``embedded`` or ``none``.
        provenance: The content of ``provenance.json``, for the page.

    """

    plots: bool = True
    html: bool = True
    audio: str = "linked"
    provenance: Mapping[str, Any] = field(default_factory=dict)


_EVERYTHING = Presentation()


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
    shown: Presentation = _EVERYTHING,
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
        shown: What is drawn beside the tables.
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
    if shown.plots:
        drawn = draw_run(summary, table, records)
        files |= {run_dir / "plots" / name: picture for name, picture in drawn.items()}
        for name in set(PICTURES) - set(drawn):
            (run_dir / "plots" / name).unlink(missing_ok=True)
    for path, content in files.items():
        write_atomically(path, content)
    written = list(files)
    if shown.html:
        written.append(run_dir / "report.html")
        source = PageSource(run_dir, config, summary, table, shown.provenance, shown.audio)
        pieces = run_page(source, records, grades)
        stream_atomically(written[-1], (piece.encode("utf-8", "replace") for piece in pieces))
    return Reports(summary, tuple(written))


def _locator(run_dir: Path, config: JsonObject) -> Locate:
    """Return what makes a stored path absolute: it lies in the run directory, or beside the data file."""
    data_csv = lookup(config, ("mode", "data_csv"))
    folders = [run_dir.resolve(), *([Path(data_csv).resolve().parent] if isinstance(data_csv, str) else [])]

    def locate(stored: str) -> str:
        found = next((path for folder in folders if (path := folder / stored).exists()), None)
        return str(found) if found else ""

    return locate
