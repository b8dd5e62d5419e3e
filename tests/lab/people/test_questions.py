"""The questions of a run that people can review, and the reviews of them that count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from judged_run import POLITE, write_judged_run

from evalkit.lab.people.questions import read_reviewed_run, verdict_of
from evalkit.lab.people.reviews import Label, Review, add_review


def test_the_newest_grade_of_each_question_counts(tmp_path: Path) -> None:
    """In the run's order."""
    run = write_judged_run(tmp_path, {"b": True, "a": False}, verdicts={"a": 1.0, "b": 0.0})
    found = read_reviewed_run(tmp_path)
    assert list(found.sha256_of) == ["b", "a"]
    polite = {key: grade.grade for (key, grader, _), grade in found.grades.items() if grader == POLITE}
    assert polite == {"b": 0.0, "a": 1.0}
    assert [key for key, _, _ in found.grades] == ["b"] * 3 + ["a"] * 3
    add_review(run.root, Review("a", Label.FAIL, "ann", "2026", found.sha256_of["a"], POLITE, 1))
    add_review(run.root, Review("b", Label.FAIL, "ann", "2026", "of another record", POLITE, 1))
    assert [review.key for review in read_reviewed_run(tmp_path).reviews] == ["a"]


def test_a_case_that_a_resumed_run_dropped_is_no_question(tmp_path: Path) -> None:
    """It counts nowhere else either."""
    run = write_judged_run(tmp_path, {"a": True, "b": True})
    provenance = run.read_provenance()
    run.provenance_path.write_text(json.dumps({**provenance, "case_trials": ["b"]}))
    found = read_reviewed_run(tmp_path)
    assert list(found.sha256_of) == ["b"]
    assert {key for key, _, _ in found.grades} == {"b"}


@pytest.mark.parametrize(("grade", "verdict"), [(1, Label.PASS), (0.5, Label.FAIL), (0, Label.FAIL), (None, None)])
def test_only_a_full_grade_is_a_pass(grade: float | None, verdict: Label | None) -> None:
    """As everywhere."""
    assert verdict_of(grade) == verdict
