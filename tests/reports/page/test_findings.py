"""What a run found is the same on every page that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layouts import QUIZ
from stored_run import SAMPLE, StoredRun

from evalkit.records.grade import Grade
from evalkit.reports.page.findings import describe_findings, newest_by_case
from evalkit.reports.write import RunContent, derive
from evalkit.runs.stored_run import open_run


def found(tmp_path: Path) -> dict[str, Any]:
    stored = open_run(StoredRun(tmp_path / "run").write().root, "a test")
    content = RunContent(stored.root, QUIZ, stored.config, stored.records, stored.grades, "sha", len(stored.planned))
    derived = derive(content)
    return {**describe_findings(derived.summary, derived.table, stored.records)}


def test_every_case_is_in_one_ending(tmp_path: Path) -> None:
    assert sum(found(tmp_path)["endings"].values()) == len(SAMPLE)


def test_what_failed_says_why(tmp_path: Path) -> None:
    shown = found(tmp_path)
    assert {fault.fault for fault in shown["faults"]} == {"infrastructure", "assistant"}
    assert all(grader.reason.startswith("because ") for grader in shown["failing"])


def test_only_the_newest_grade_of_a_question_counts() -> None:
    def grade(value: float, turn_index: int | None) -> Grade:
        return Grade(
            key="a", turn_index=turn_index, grader_id="g", grader_type="g", grader_version="1", grade=value,
            rationale="", record_sha256="r", graded_at="",
        )  # fmt: skip

    grades = newest_by_case([grade(0.0, None), grade(0.5, 2), grade(0.25, 1), grade(1.0, None)])
    assert [(each.turn_index, each.grade) for each in grades["a"]] == [(1, 0.25), (2, 0.5), (None, 1.0)]
