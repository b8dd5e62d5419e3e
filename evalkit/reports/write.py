"""Writes what can be derived from a run's records and grades: tables, summary, ledger, JUnit's XML, pictures, page.

Everything here can be made again at any time, also while the run is still going; a file is there whole or not at all.
What answers first is written first: :func:`write_tables` takes a moment, :func:`draw_reports` has to load what draws.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.records.grade import Grade
from evalkit.records.json import JsonObject
from evalkit.records.layout import ResultLayout
from evalkit.records.record import CaseRecord
from evalkit.reports.history import NO_HISTORY, RunHistory
from evalkit.reports.junit import junit_xml
from evalkit.reports.ledger import ledger_csv
from evalkit.reports.page.run_page import PageSource, run_page
from evalkit.reports.plots.run_pictures import PICTURES, Draw, draw_at_last
from evalkit.reports.rows import Locate, ResultTable, build_table, lookup
from evalkit.reports.summary import RunFacts, summarize
from evalkit.reports.tables import results_csv
from evalkit.store.files import stream_atomically, write_atomically

TABLES = ("results.csv", "summary.json", "ledger.csv", "junit.xml")
"""What :func:`write_tables` writes."""


@dataclass(frozen=True)
class RunContent:
    """What the reports of a run are derived from.

    Attributes:
        run_dir: Where the run's artifacts lie, and its reports.
        layout: What the results of its mode look like.
        config: The resolved run config, as plain JSON.
        records: In case order.
        grades: Those that count, as stored, oldest first.
        config_sha256: The identity of `config`, for the summary.
        planned: How many case-trials there should be; None: as many as there are records.
        history: What else the directory tells.

    """

    run_dir: Path
    layout: ResultLayout
    config: JsonObject
    records: Sequence[CaseRecord]
    grades: Sequence[Grade]
    config_sha256: str
    planned: int | None = None
    history: RunHistory = NO_HISTORY


@dataclass(frozen=True)
class Derived:
    """What follows from a run's content: the rows of ``results.csv``, and ``summary.json``."""

    table: ResultTable
    summary: dict[str, Any]


@dataclass(frozen=True)
class Presentation:
    """What is drawn beside the tables.

    Attributes:
        plots: Whether to draw ``plots/*.png``.
        html: Whether to write ``report.html``.
        audio: What becomes of recordings there: ``linked``, ``embedded`` or ``none``.
        provenance: The content of ``provenance.json``, for the page.
        is_live: Whether a process is running it now.

    """

    plots: bool = True
    html: bool = True
    audio: str = "linked"
    provenance: Mapping[str, Any] = field(default_factory=dict)
    is_live: bool = False


def derive(content: RunContent) -> Derived:
    """Return what follows from `content`; nothing is written."""
    config, records, grades = content.config, content.records, content.grades
    run_name = str(config.get("run_name") or content.run_dir.resolve().name)
    table = build_table(content.layout, config, records, grades, _locator(content.run_dir, config))
    facts = RunFacts(run_name, config, content.config_sha256, content.planned, content.history)
    return Derived(table, summarize(facts, table, records, grades))


def write_tables(content: RunContent) -> Derived:
    """Write results.csv, summary.json, ledger.csv and junit.xml; return what they say."""
    derived = derive(content)
    summary, history = derived.summary, content.history
    asked = [*content.grades, *history.discarded]
    texts: tuple[bytes | str, ...] = (
        results_csv(derived.table),
        json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False),
        ledger_csv(content.records, asked, content.config, history.prices),
        junit_xml(summary, derived.table, content.records),
    )
    for name, text in zip(TABLES, texts, strict=True):
        write_atomically(content.run_dir / name, text)
    return derived


def draw_reports(content: RunContent, derived: Derived, shown: Presentation, draw: Draw = draw_at_last) -> None:
    """Draw the pictures by `draw` and write the page, as far as `shown` asks for them: one beside the other."""
    run_dir = content.run_dir
    wait_for_pictures = draw(derived.summary, derived.table, content.records) if shown.plots else None
    if shown.html:
        source = PageSource(
            run_dir, content.config, derived.summary, derived.table, shown.provenance, shown.audio, shown.is_live
        )
        pieces = run_page(source, content.records, content.grades)
        stream_atomically(run_dir / "report.html", (piece.encode("utf-8", "replace") for piece in pieces))
    if wait_for_pictures is not None:
        drawn = wait_for_pictures()
        for name, picture in drawn.items():
            write_atomically(run_dir / "plots" / name, picture)
        for name in set(PICTURES) - set(drawn):
            (run_dir / "plots" / name).unlink(missing_ok=True)


def _locator(run_dir: Path, config: JsonObject) -> Locate:
    """Return what makes a stored path absolute: it lies in the run directory, or beside the data file."""
    data_csv = lookup(config, ("mode", "data_csv"))
    folders = [run_dir.resolve(), *([Path(data_csv).resolve().parent] if isinstance(data_csv, str) else [])]

    def locate(stored: str) -> str:
        found = next((path for folder in folders if (path := folder / stored).exists()), None)
        return str(found) if found else ""

    return locate
