"""Every case-trial ended in one way, in words that pictures and pages share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from layouts import layout_of

from evalkit.records.case import Case
from evalkit.records.faults import Failure, Stage
from evalkit.reports.outcomes import Shortfall, count_endings, describe_undecided, endings_of, find_shortfalls
from evalkit.reports.rows import ResultTable, build_table


@pytest.mark.parametrize(
    ("grades_by_turn", "failure", "wanted"),
    [
        ([(1, 1)], None, "passed"),
        ([(1, 0)], None, "not passed"),
        ([(None, None)], None, "undecided"),
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
    table: ResultTable = build_table(layout_of("run"), config, [record], grades, lambda path: path)
    assert endings_of(table) == {"case-1": wanted}


def test_what_is_not_required_decides_nothing(make_record: Any, make_grade: Any, config: Any) -> None:
    """A run that is graded by words alone is undecided where they are not required; beside a tool's grade likewise."""
    layout, record = layout_of("crawl"), make_record()
    words = [make_grade("case-1", "wer", 0.4), make_grade("case-1", "contains", 1.0)]
    assert endings_of(build_table(layout, config, [record], words, str)) == {"case-1": "undecided"}
    graded = [*words, make_grade("case-1", "tool_call", 1.0)]
    assert endings_of(build_table(layout, config, [record], graded, str)) == {"case-1": "passed"}
    strict = replace(record, case=replace(record.case, required_graders=("wer",)))
    assert endings_of(build_table(layout, config, [strict], words, str)) == {"case-1": "not passed"}


def test_why_a_call_did_not_pass(make_record: Any, make_turn: Any, make_grade: Any, config: Any) -> None:
    """Each required grade below 1 with its turn and its reason; others are not named, and a loss has none."""
    case = Case("sim", "run", {}, required_graders=("brief", "kind"))
    record = make_record(case=case, turns=(make_turn(1), make_turn(2)))
    grades = [make_grade("sim", "brief", 0, 1), make_grade("sim", "kind", 0.5, None), make_grade("sim", "loud", 0, 2)]
    table = build_table(layout_of("run"), config, [record], grades, str)
    assert find_shortfalls(table, record, table.rows) == [
        Shortfall("brief", 1, "because 0"),
        Shortfall("kind", 2, "because 0.5"),
    ]


@pytest.mark.parametrize(
    ("grades", "words"),
    [
        ({}, "not graded"),
        ({"loud": 1}, "not graded"),
        ({"brief": 1, "kind": None}, "not decided: no verdict of kind"),
    ],
)
def test_why_a_call_is_not_decided(make_record: Any, make_grade: Any, config: Any, grades: Any, words: str) -> None:
    """Nobody graded it, or somebody who must was silent."""
    record = make_record(case=Case("sim", "crawl", {}, required_graders=("brief", "kind")))
    given = [make_grade("sim", name, value, unanswered=value is None) for name, value in grades.items()]
    table = build_table(layout_of("crawl"), config, [record], given, str)
    assert table.passed == {"sim": None}
    assert describe_undecided(table, record, table.rows) == words


def test_endings_are_counted_best_first() -> None:
    """Those that did not happen are left out; every kind of loss is a kind of its own."""
    endings = {"a": "lost: data", "b": "not passed", "c": "passed", "d": "not passed", "e": "fault: assistant"}
    assert list(count_endings(endings).items()) == [
        ("passed", 1), ("not passed", 2), ("fault: assistant", 1), ("lost: data", 1),
    ]  # fmt: skip
