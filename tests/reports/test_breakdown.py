"""What a run's results break down into."""

from __future__ import annotations

from typing import Any

from layouts import layout_of

from evalkit.records.faults import Failure, Stage
from evalkit.reports.breakdown import count_failing_graders, count_faults, grades_by_turn
from evalkit.reports.rows import build_table

TIMEOUT = Failure(Stage.RESPONSE_TIMEOUT, "timeout", "too late")
REFUSED = Failure(Stage.CONNECT, "connection_refused", "nobody listens")


def test_the_most_frequent_fault_comes_first(make_record: Any) -> None:
    """Fault, stage and kind together, with an example; a case that ended well is no fault."""
    records = [make_record("a", failure=REFUSED), make_record("b", failure=TIMEOUT), make_record("c", failure=TIMEOUT)]
    counts = count_faults([make_record("d"), *records])
    assert [(c.name, c.count, c.example, c.message) for c in counts] == [
        ("assistant · response_timeout · timeout", 2, "b", "too late"),
        ("infrastructure · connect · connection_refused", 1, "a", "nobody listens"),
    ]


def test_a_failing_grader_tells_its_commonest_reason(make_record: Any, make_grade: Any, config: Any) -> None:
    """Counted are case-trials that count; a grader that passed everything is not listed."""
    grades = [
        *(make_grade(key, "brief", 0.0, rationale="too long") for key in "ab"),
        make_grade("c", "brief", 1.0),
        make_grade("a", "calm", 1.0),
    ]
    table = build_table(layout_of("crawl"), config, [make_record(key) for key in "abc"], grades, lambda path: path)
    (count,) = count_failing_graders(table)
    assert (count.grader_id, count.failed, count.graded) == ("brief", 2, 3)
    assert (count.reason, count.example) == ("too long", "a")


def test_grades_by_turn_take_the_lowest(make_record: Any, make_turn: Any, make_grade: Any, config: Any) -> None:
    """A turn is as good as its worst grade, dialogues of different lengths weigh where they got to."""
    long = make_record("long", mode="run", turns=(make_turn(1), make_turn(2)))
    short = make_record("short", mode="run", turns=(make_turn(1),))
    grades = [
        make_grade("long", "calm", 1.0, 1), make_grade("long", "brief", 0.0, 1), make_grade("long", "calm", 1.0, 2),
        make_grade("short", "calm", 1.0, 1),
    ]  # fmt: skip
    run = {**config, "mode": {"name": "run"}}
    lines = grades_by_turn(build_table(layout_of("run"), run, [long, short], grades, lambda path: path))
    assert [(line.turn_index, line.grade.mean, line.grade.n, line.wait_ms) for line in lines] == [
        (1, 0.5, 2, 100.0), (2, 1.0, 1, 200.0),
    ]  # fmt: skip


def test_a_run_without_turns_has_no_line(lost: Any, config: Any) -> None:
    """Lost cases were at no turn."""
    run = {**config, "mode": {"name": "run"}}
    assert grades_by_turn(build_table(layout_of("run"), run, [lost], [], lambda path: path)) == []
