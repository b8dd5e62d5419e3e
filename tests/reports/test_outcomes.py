"""Every case-trial ended in one way, in words that pictures and pages share."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.records.faults import Failure, Stage
from evalkit.reports.outcomes import count_endings, endings_of
from evalkit.reports.rows import ResultTable, build_table


@pytest.mark.parametrize(
    ("grades_by_turn", "failure", "wanted"),
    [
        ([(1, 1)], None, "passed"),
        ([(1, 0)], None, "not passed"),
        ([(None, None)], None, "ungraded"),
        ([(1, 1), (None, None)], None, "passed"),
        ([(1, 1), (0, None)], None, "not passed"),
        ([(0, None), (1, 1)], None, "not passed"),
        ([(1, 1)], Failure(Stage.RESPONSE_TIMEOUT, "timeout", "late"), "fault: assistant"),
        ([(None, None)], Failure(Stage.CONNECT, "connection_refused", "no"), "lost: infrastructure"),
    ],
)
def test_how_a_case_trial_ended(
    make_record: Any, make_turn: Any, both_grades: Any, config: Any, grades_by_turn: Any, failure: Any, wanted: str
) -> None:
    """The worst turn decides; a fault says who is to blame; turns without a grade say nothing."""
    turns = tuple(make_turn(index) for index, _ in enumerate(grades_by_turn, start=1))
    record = make_record(mode="run", turns=turns, failure=failure)
    grades = [
        grade for index, pair in enumerate(grades_by_turn, start=1) for grade in both_grades("case-1", *pair, index)
    ]
    table: ResultTable = build_table("run", config, [record], grades, lambda path: path)
    assert endings_of(table) == {"case-1": wanted}


def test_without_a_grade_of_its_own_other_graders_decide(make_record: Any, make_grade: Any, config: Any) -> None:
    """A run that is graded by words alone passes or not; beside a tool's grade a style grader spoils nothing."""
    record = make_record()
    words = [make_grade("case-1", "wer", 0.4), make_grade("case-1", "contains", 1.0)]
    table = build_table("crawl", config, [record], words, lambda path: path)
    assert endings_of(table) == {"case-1": "not passed"}
    graded = [*words, make_grade("case-1", "tool_call", 1.0)]
    assert endings_of(build_table("crawl", config, [record], graded, lambda path: path)) == {"case-1": "passed"}


def test_endings_are_counted_best_first() -> None:
    """Those that did not happen are left out; every kind of loss is a kind of its own."""
    endings = {"a": "lost: data", "b": "not passed", "c": "passed", "d": "not passed", "e": "fault: assistant"}
    assert list(count_endings(endings).items()) == [
        ("passed", 1), ("not passed", 2), ("fault: assistant", 1), ("lost: data", 1),
    ]  # fmt: skip
