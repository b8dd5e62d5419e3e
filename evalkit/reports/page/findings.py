"""What ``templates/findings.html.j2`` shows: what a run found, whichever page it stands on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evalkit.records.grade import Grade
from evalkit.records.layout import SectionSource
from evalkit.records.record import CaseRecord
from evalkit.reports.breakdown import count_failing_graders, count_faults, grades_by_turn
from evalkit.reports.metric_names import name_of
from evalkit.reports.outcomes import count_endings, endings_of
from evalkit.reports.page import overview
from evalkit.reports.page.cases import read_artifact
from evalkit.reports.page.render import RenderedSection, render_section
from evalkit.reports.page.turn_taking import describe_turn_taking
from evalkit.reports.rows import ResultTable
from evalkit.reports.sound_arrival import tell_line_findings
from evalkit.reports.turn_taking import read_calls
from evalkit.reports.waits import read_waits


def describe_findings(
    summary: Mapping[str, Any], table: ResultTable, records: Sequence[CaseRecord]
) -> Mapping[str, Any]:
    """Return the template's content: means, latencies, tokens, endings and causes, turns, turn-taking, `summary`."""
    layout = table.layout
    return {
        "summary": summary,
        "smallest": overview.describe_smallest_difference(summary),
        "means": overview.list_means(summary),
        "latencies": overview.list_percentiles(summary, layout.latency_columns),
        "tokens": overview.list_percentiles(summary, layout.token_columns),
        "endings": count_endings(endings_of(table)),
        "faults": count_faults(records),
        "failing": count_failing_graders(table),
        "by_turn": grades_by_turn(table) if layout.has_row_per_turn else [],
        "wait": name_of(layout.answer_latency),
        "line_findings": tell_line_findings(summary),
        "turn_taking": describe_turn_taking(summary, read_waits(list(read_calls(records).timelines.values()))),
    }


def render_own_sections(
    run_dir: Path, table: ResultTable, records: Sequence[CaseRecord], grades: Sequence[Grade]
) -> list[RenderedSection]:
    """Return the sections that only the run's mode has. `grades` as stored, oldest first."""
    shown = SectionSource(records, newest_by_case(grades), table.passed, partial(read_artifact, run_dir))
    return [render_section(section, shown) for section in table.layout.page_sections]


def newest_by_case(grades: Sequence[Grade]) -> dict[str, list[Grade]]:
    """Return case-trial -> its grades, the newest of each question, those of turns first."""
    newest = {grade.question: grade for grade in grades}
    found: dict[str, list[Grade]] = defaultdict(list)
    for grade in newest.values():
        found[grade.key].append(grade)
    return {key: sorted(given, key=_by_turn) for key, given in found.items()}


def _by_turn(grade: Grade) -> tuple[bool, int]:
    return grade.turn_index is None, grade.turn_index or 0
