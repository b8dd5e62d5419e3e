"""One case-trial of a stored run, read alone: a run of ten thousand cases opens one of them as fast as a run of ten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from evalkit.errors import DataError
from evalkit.modes.registry import layout_of
from evalkit.records.grade import Grade, grade_from_json
from evalkit.records.layout import ResultLayout, SectionSource
from evalkit.records.record import CaseRecord, from_json
from evalkit.reports.outcomes import endings_of
from evalkit.reports.page.cases import CaseSource, read_artifact
from evalkit.reports.page.findings import newest_by_case
from evalkit.reports.rows import ResultTable, build_table
from evalkit.runs.scorings import record_in_force
from evalkit.runs.stored_run import StoredRun
from evalkit.store.journal import read_lines


@dataclass(frozen=True)
class FinishedCase:
    """A case-trial that is finished; make it with :func:`read_case`.

    Attributes:
        run: The run it belongs to.
        record: Its record, with the expectations that are in force.
        record_sha256: The hash of the record's file.
        grades: Its grades, the newest of each grader and turn, those of turns first.

    """

    run: StoredRun
    record: CaseRecord
    record_sha256: str
    grades: tuple[Grade, ...]

    @property
    def root(self) -> Path:
        """The run's folder."""
        return self.run.root

    @property
    def layout(self) -> ResultLayout:
        """What the results of its mode look like."""
        return layout_of(self.run.config)

    @cached_property
    def table(self) -> ResultTable:
        """Its rows, as ``results.csv`` has them."""
        return build_table(self.layout, self.run.config, [self.record], self.grades, str)

    @cached_property
    def ending(self) -> str:
        """How it ended, in the words of reports."""
        return endings_of(self.table)[self.record.key]

    @cached_property
    def source(self) -> CaseSource:
        """What a page shows of it, in the words of ``report.html``."""
        return CaseSource(
            run_dir=self.root,
            record=self.record,
            rows=self.table.rows,
            grades=self.grades,
            grader_ids=self.table.grader_ids,
            ending=self.ending,
            answer_latency=self.layout.answer_latency,
            audio="linked",
            event_lines=0,
        )

    @property
    def section_source(self) -> SectionSource:
        """What the mode's own sections are made of: this case-trial alone."""
        key = self.record.key
        return SectionSource([self.record], {key: self.grades}, self.table.passed, partial(read_artifact, self.root))


def read_case(run: StoredRun, key: str) -> FinishedCase | None:
    """Return the case-trial `key` of `run`; None where it is not finished.

    Raises DataError where the record is not the one that was stored, or `key` cannot be the name of a case-trial.
    """
    path = run.directory.record_path(key)
    stored_sha256 = _finished_sha256(run, key)
    if stored_sha256 is None:
        return None
    content = path.read_bytes() if path.is_file() else b""
    if sha256(content).hexdigest() != stored_sha256:
        problem = "is not what the journal says was stored" if content else "is missing, though its case is finished"
        raise DataError(f"records/{path.name} {problem}; the case-trial does not count: put the file back, or resume")
    record = record_in_force(from_json(json.loads(content)), run.scorings)
    return FinishedCase(run, record, stored_sha256, tuple(_grades_in_force(run, key, stored_sha256)))


def _finished_sha256(run: StoredRun, key: str) -> str | None:
    """Return the hash of the record that stands for the case-trial now."""
    found = None
    for line in read_lines(run.directory.journal_path):
        if line.get("event") == "finished" and line.get("key") == key:
            found = str(line["record_sha256"])
    return found


def _grades_in_force(run: StoredRun, key: str, record_sha256: str) -> Sequence[Grade]:
    lines: list[dict[str, Any]] = [line for line in read_lines(run.directory.grades_path) if line.get("key") == key]
    grades = [grade_from_json(line) for line in lines]
    counting = [grade for grade in grades if grade.in_force and grade.record_sha256 == record_sha256]
    return newest_by_case(counting).get(key, [])
