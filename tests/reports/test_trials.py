"""One number per case-trial and metric."""

from __future__ import annotations

from typing import Any

from layouts import layout_of

from evalkit.reports.rows import build_table
from evalkit.reports.trials import graded_metrics, trial_values


def test_a_call_is_as_good_as_its_worst_call_and_its_average_turn(
    make_record: Any, make_turn: Any, make_grade: Any, config: Any
) -> None:
    """`grade` takes the lowest turn, another grader the mean of the turns that it graded."""
    config["mode"]["name"] = "run"
    record = make_record("sim", mode="run", turns=(make_turn(1), make_turn(2), make_turn(3)))
    grades = [make_grade("sim", "tool_call", value, turn) for turn, value in ((1, 1), (2, 0), (3, None))]
    grades += [make_grade("sim", "brief", value, turn) for turn, value in ((1, 1), (2, 1), (3, 0))]
    table = build_table(layout_of("run"), config, [record], grades, str)
    assert graded_metrics(table) == (
        "passed", "grade", "tool_call_correctness", "tool_call_arg_correctness", "brief_grade",
    )  # fmt: skip
    assert trial_values(table.rows, "passed") == {"sim": 0}
    assert trial_values(table.rows, "grade") == {"sim": 0}
    assert trial_values(table.rows, "brief_grade") == {"sim": 2 / 3}
    assert trial_values(table.rows, "tool_call_arg_correctness") == {}


def test_a_mode_without_tool_calls_has_no_metric_of_them(make_record: Any, make_grade: Any, config: Any) -> None:
    """What is left is whether a case passed, and each of its graders."""
    record = make_record(mode="quiz")
    table = build_table(layout_of("quiz"), config, [record], [make_grade("case-1", "tool_call", 1)], str)
    assert graded_metrics(table) == ("passed", "tool_call_grade")
