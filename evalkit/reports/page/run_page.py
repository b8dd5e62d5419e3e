"""``report.html``: one page that answers how good, how sure, how fast, what it cost, what failed and why.

A pure function of what a run directory holds. The table of cases is drawn by the page's script from a small index;
each case's details stand in a block of their own that is read when the case is opened, so that a page of thousands of
cases opens at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalkit.records.grade import Grade
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord
from evalkit.reports.metric_names import name_of
from evalkit.reports.outcomes import endings_of
from evalkit.reports.page import overview
from evalkit.reports.page.cases import CaseSource
from evalkit.reports.page.findings import describe_findings, newest_by_case, render_own_sections
from evalkit.reports.page.render import render
from evalkit.reports.rows import ResultTable, Row

_MOST_EVENT_LINES = 80
_LEAST_EVENT_LINES = 14
_EVENT_LINES_IN_ALL = 16_000
_DONE = "latency_response_done_ms"
_SHOWN_APART = ("packages", "datasets", "case_trials", "scorings")
_NOTHING_KNOWN: Mapping[str, Any] = {
    "started_at": "",
    "ended_at": None,
    "evalkit_version": "",
    "packages": {},
    "datasets": [],
}


@dataclass(frozen=True)
class PageSource:
    """What a run's page is made of beside its records.

    Attributes:
        run_dir: Where the run's artifacts lie, and the page beside them.
        provenance: The content of ``provenance.json``; empty where there is none.
        audio: ``report.audio``: ``linked``, ``embedded`` or ``none``.
        is_live: Whether a process is running it now.

    """

    run_dir: Path
    config: JsonObject
    summary: Mapping[str, Any]
    table: ResultTable
    provenance: Mapping[str, Any] = field(default_factory=dict)
    audio: str = "linked"
    is_live: bool = False


def run_page(source: PageSource, records: Sequence[CaseRecord], grades: Sequence[Grade]) -> Iterator[str]:
    """Yield the page of a run, piece by piece. `grades` as stored, oldest first."""
    summary, table, provenance = source.summary, source.table, {**_NOTHING_KNOWN, **source.provenance}
    layout = table.layout
    cases = _case_sources(source, records, newest_by_case(grades))
    config = {key: value for key, value in source.config.items() if key != "hydra"}
    return render(
        "run.html.j2",
        ("lanes.js", "run.js"),
        **describe_findings(summary, table, records),
        model=summary.get("model") or summary.get("assistant_model_default") or "",
        state=overview.describe_state(summary, provenance.get("ended_at"), is_live=source.is_live),
        missed=[str(gate["reason"]) for gate in summary.get("gates", ()) if not gate["passed"]],
        price_date=summary.get("price_date", ""),
        total_usd=overview.total_usd(summary),
        sections=render_own_sections(source.run_dir, table, records, grades),
        config=overview.flatten(config),
        provenance=provenance,
        facts=overview.flatten({k: v for k, v in source.provenance.items() if k not in _SHOWN_APART}),
        index={
            "graders": list(table.grader_ids),
            "rowPerTurn": layout.has_row_per_turn,
            "wait": name_of(layout.answer_latency),
            "done": _DONE in layout.latency_columns and layout.answer_latency != _DONE,
            "cases": [case.line() for case in cases],
        },
        details=(case.detail() for case in cases),
    )


def _case_sources(
    source: PageSource, records: Sequence[CaseRecord], by_case: Mapping[str, Sequence[Grade]]
) -> list[CaseSource]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in source.table.rows:
        rows[row.key].append(row)
    endings = endings_of(source.table)
    lines = max(_LEAST_EVENT_LINES, min(_MOST_EVENT_LINES, _EVENT_LINES_IN_ALL // max(1, len(records))))
    return [
        CaseSource(
            run_dir=source.run_dir,
            record=record,
            rows=rows[record.key],
            grades=by_case.get(record.key, ()),
            grader_ids=source.table.grader_ids,
            ending=endings.get(record.key, ""),
            answer_latency=source.table.layout.answer_latency,
            audio=source.audio,
            event_lines=lines,
        )
        for record in records
    ]
