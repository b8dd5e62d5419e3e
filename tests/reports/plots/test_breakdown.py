"""What passed is told apart by the columns that the mode names, of one run and of many jobs."""

from __future__ import annotations

from typing import Any

from evalkit.records.case import Case
from evalkit.reports.plots.breakdown import breakdown_png, jobs_breakdown_png


def _coding_case(case_id: str, language: str, difficulty: str) -> Case:
    inputs = {"language": language, "difficulty": difficulty, "kind": "bugfix"}
    return Case(case_id, "coding", inputs, required_graders=("tests",))


def _summary(results: Any, make_record: Any, make_grade: Any, passed: dict[str, float]) -> Any:
    cases = [("a", "go", "hard"), ("b", "go", "easy"), ("c", "rust", "odd")]
    records = [make_record(case[0], mode="coding", case=_coding_case(*case)) for case in cases]
    grades = [make_grade(case_id, "tests", grade) for case_id, grade in passed.items()]
    summary, _ = results(records, grades, mode="coding")
    return summary


def test_the_summary_has_every_share_with_its_n(results: Any, make_record: Any, make_grade: Any) -> None:
    """In the mode's order, what it does not name behind it; beside each an interval where there can be one."""
    passed_by = _summary(results, make_record, make_grade, {"a": 1.0, "b": 0.0, "c": 1.0})["passed_by"]
    assert list(passed_by) == ["language", "difficulty", "kind"]
    assert {value: (share["mean"], share["n"]) for value, share in passed_by["language"].items()} == {
        "go": (0.5, 2),
        "rust": (1.0, 1),
    }
    assert list(passed_by["difficulty"]) == ["easy", "hard", "odd"]
    low, high = passed_by["kind"]["bugfix"]["ci95"]
    assert 0 < low < 2 / 3 < high < 1


def test_a_run_is_drawn_where_its_mode_says_by_what(
    results: Any, pixels: Any, make_record: Any, make_grade: Any
) -> None:
    """Something that passed is at another place than what did not; a crawl has no such columns."""
    drawn = [
        breakdown_png(_summary(results, make_record, make_grade, {"a": grade, "b": grade, "c": grade}))
        for grade in (0.0, 1.0)
    ]
    assert all(drawn)
    first, second = map(pixels, drawn)
    assert first.shape == second.shape
    assert (first != second).any()
    assert breakdown_png(results([make_record()])[0]) is None


def test_jobs_stand_one_under_the_other(results: Any, pixels: Any, make_record: Any, make_grade: Any) -> None:
    """A job that left nothing is not shown; names are taken literally."""
    shares = _summary(results, make_record, make_grade, {"a": 1.0, "b": 0.0, "c": 1.0})["passed_by"]
    few = jobs_breakdown_png("nightly", [("0: $model=a$", shares), ("1: lost", {})])
    many = jobs_breakdown_png("nightly", [(f"{n}: assistant.model={'x' * 90}", shares) for n in range(60)])
    assert few is not None
    assert many is not None
    assert pixels(few).shape[0] < pixels(many).shape[0] < 3000
    assert jobs_breakdown_png("nightly", [("0: lost", {})]) is None
