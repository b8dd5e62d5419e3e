"""Records and grades as rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from layouts import layout_of

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Stage
from evalkit.records.record import ToolCall, ToolOutput
from evalkit.reports.rows import ResultTable, both, build_table, lookup


def table(config: Any, records: Any, grades: Any = (), mode: str = "crawl") -> ResultTable:
    return build_table(layout_of(mode), config, records, grades, lambda path: f"/run/{path}")


def only(config: Any, record: Any, grades: Any = (), mode: str = "crawl") -> dict[str, Any]:
    [row] = table(config, [record], grades, mode).rows
    return dict(row.cells)


def test_a_crawl_row(make_record: Any, both_grades: Any, config: Any) -> None:
    """Every column of a case that ended well, letter by letter."""
    built = table(config, [make_record()], both_grades("case-1", 1.0, 0.0))
    cells = {column: built.rows[0].cells.get(column) for column in built.columns}
    assert cells == {
        "example_id": "case-1",
        "user_text": "where is it, 1?",
        "assistant_text": "On its way, 1.",
        "gt_tool_call": "get_order",
        "pred_tool_call": "get_order",
        "tool_call_correctness": 1,
        "gt_tool_call_arg": '{"order_id": "007"}',
        "pred_tool_call_arg": '{"order_id": "007"}',
        "tool_call_arg_correctness": 0,
        "grade": 0,
        "tool_calls": json.dumps(
            [
                {
                    "name": "get_order",
                    "arguments": {"order_id": "007"},
                    "raw_arguments": '{"order_id": "007"}',
                    "call_id": "call_1",
                }
            ]
        ),
        "status": "ok",
        "failure_stage": "",
        "error_type": "",
        "error_message": "",
        "event_log_path": None,
        "input_audio_path": None,
        "output_audio_path": "/run/audio/out_1.wav",
        "latency_first_audio_ms": 100.0,
        "latency_first_text_ms": None,
        "latency_response_done_ms": 200.0,
        "output_tokens": 20,
        "output_audio_tokens": 15,
        "output_text_tokens": 5,
        "trial": 1,
        "chunk_ms": 40,
        "fault": "",
        "latency_voice_to_voice_ms": None,
        "detected_turns": None,
        "speech_holes": None,
        "speech_holes_ms": None,
        "response_latency_ms": None,
        "yielded": None,
        "yield_latency_ms": None,
        "interrupted_caller": None,
        "overlap_ms": None,
        "input_audio_ms": 1500.25,
        "output_audio_ms": 900.0,
        "input_tokens": 50,
        "cost_usd": 0.375,
        "served_model": "model-2026",
        "passed": 0,
        **dict.fromkeys(("heard_text", "argument_words", "misheard_words", "arguments_lost")),
        "tool_call_grade": 1,
        "tool_call_rationale": "because 1.0",
        "tool_call_args_grade": 0,
        "tool_call_args_rationale": "because 0.0",
    }


def test_a_lost_case_has_a_row_without_grades(lost: Any, both_grades: Any, config: Any) -> None:
    """The failure is told, nothing is invented, and the row does not count."""
    built = table(config, [lost], both_grades("case-lost", None, None, turn_index=None))
    [row] = built.rows
    assert not row.scored
    assert [row.cells[name] for name in ("status", "failure_stage", "error_type", "error_message", "fault")] == [
        "failed", "connect", "connection_refused", "nobody listens", "infrastructure",
    ]  # fmt: skip
    assert row.cells["user_text"] == "as written"
    assert row.cells["tool_calls"] == "[]"
    assert {row.cells[name] for name in ("grade", "tool_call_correctness", "tool_call_grade")} == {None}
    assert row.cells["tool_call_rationale"] == "because None"


@pytest.mark.parametrize(
    ("calls", "arguments", "grade"),
    [(1, 1, 1), (1, 0, 0), (0, 1, 0), (1, None, 1), (0, None, 0), (None, None, None), (None, 1, None)],
)
def test_a_grade_is_right_calls_and_right_arguments(
    calls: float | None, arguments: float | None, grade: float | None
) -> None:
    """Without a grade for arguments the calls decide alone; without one for calls there is none."""
    assert both(calls, arguments) == grade


def test_the_newest_grade_counts(make_record: Any, both_grades: Any, config: Any) -> None:
    """Grades are appended; the last one of a grader replaces the earlier."""
    grades = [*both_grades("case-1", 0, 0), *both_grades("case-1", 1, 1)]
    assert only(config, make_record(), grades)["grade"] == 1


def test_the_grader_of_the_types_own_name_fills_the_column(make_record: Any, make_grade: Any, config: Any) -> None:
    """With two graders of one type the one that bears its name is taken, whichever came first."""
    grades = [
        make_grade("case-1", "strict", 0.0, grader_type="tool_call"),
        make_grade("case-1", "tool_call", 1.0),
    ]
    assert only(config, make_record(), grades)["tool_call_correctness"] == 1
    assert only(config, make_record(), grades[:1])["tool_call_correctness"] == 0


def test_grader_columns_come_in_case_order(make_record: Any, make_grade: Any, config: Any) -> None:
    """In which order concurrent cases finished does not show in the table."""
    records = [make_record("one"), make_record("two")]
    grades = [make_grade("two", "beta", 1.0), make_grade("one", "alpha", 1.0), make_grade("two", "alpha", 1.0)]
    assert table(config, records, grades).grader_ids == table(config, records, grades[::-1]).grader_ids
    assert table(config, records, grades).grader_ids == ("alpha", "beta")


def test_expectations_of_no_call_and_of_several(make_record: Any, make_turn: Any, config: Any) -> None:
    """No call: empty cells. Several: JSON lists, the predicted ones in the order of the expected ones."""
    nothing = make_record(case=Case("c", "crawl", {}, expects_no_call=True), turns=(make_turn(tool_calls=()),))
    cells = only(config, nothing)
    assert [cells[name] for name in ("gt_tool_call", "gt_tool_call_arg", "pred_tool_call", "pred_tool_call_arg")] == [
        ""
    ] * 4
    expected = (ExpectedCall("a", {"x": 1}), ExpectedCall("b", {"y": 2}))
    calls = (ToolCall("b", {"y": 3}, "", ""), ToolCall("a", None, "oops", ""))
    cells = only(config, make_record(case=Case("c", "crawl", {}, expected), turns=(make_turn(tool_calls=calls),)))
    assert cells["gt_tool_call"] == '["a", "b"]'
    assert cells["gt_tool_call_arg"] == '[{"x": 1}, {"y": 2}]'
    assert cells["pred_tool_call"] == '["a", "b"]'
    assert cells["pred_tool_call_arg"] == '["oops", {"y": 3}]'


def test_a_dialogue_has_a_row_per_turn(make_record: Any, make_turn: Any, make_grade: Any, config: Any) -> None:
    """Turn grades stand at their turn, trace grades, cost and failure on the last row."""
    failure = Failure(Stage.RESPONSE_TIMEOUT, "timeout", "too late")
    output = ToolOutput("call_1", "get_order", {"order_id": "007"}, {"state": "sent"})
    turns = (make_turn(1, tool_outputs=(output,)), make_turn(2))
    record = make_record(mode="run", turns=turns, failure=failure)
    grades = [
        make_grade("case-1", "polite", 1.0, 1),
        make_grade("case-1", "polite", 0.0, 2),
        make_grade("case-1", "solved", 1.0, None),
    ]
    built = table(config, [record], grades, mode="run")
    first, last = ({column: row.cells.get(column) for column in built.columns} for row in built.rows)
    assert [row["turn_index"] for row in (first, last)] == [1, 2]
    assert [row["polite_grade"] for row in (first, last)] == [1, 0]
    assert [row["solved_grade"] for row in (first, last)] == [None, 1]
    assert [row["cost_usd"] for row in (first, last)] == [None, 0.375]
    assert [row["status"] for row in (first, last)] == ["ok", "failed"]
    assert [row["fault"] for row in (first, last)] == ["assistant", "assistant"]
    assert (first["simulation_id"], first["assistant_model"], first["simulator_model"]) == (
        "case-1", "in-effect", "caller-a",
    )  # fmt: skip
    assert json.loads(str(first["tool_outputs"])) == [
        {"call_id": "call_1", "name": "get_order", "arguments": {"order_id": "007"}, "output": {"state": "sent"}}
    ]


def test_a_dialogue_that_never_began_has_one_row(lost: Any, config: Any) -> None:
    """Turn 0: no turn happened."""
    assert only(config, lost, mode="run")["turn_index"] == 0


def test_a_mode_nobody_knows_yet_is_reported(make_record: Any, make_turn: Any, make_grade: Any, config: Any) -> None:
    """Several turns become one row: texts in lines, calls in a row, tokens summed, the lowest grade."""
    record = make_record(mode="quiz", turns=(make_turn(1), make_turn(2)))
    grades = [make_grade("case-1", "contains", 1.0, 1), make_grade("case-1", "contains", 0.5, 2)]
    cells = only(config, record, grades, mode="quiz")
    assert cells["assistant_text"] == "On its way, 1.\nOn its way, 2."
    assert len(json.loads(cells["tool_calls"])) == 2
    assert cells["output_tokens"] == 40
    assert cells["contains_grade"] == 0.5
    assert cells["grade"] is None


def test_walk_names_the_recording_it_replayed(make_record: Any, config: Any) -> None:
    """The case's own audio stands in ``audio_path``."""
    record = make_record(mode="walk", case=Case("c", "walk", {"audio_path": "audio/c.wav"}))
    assert only(config, record, mode="walk")["audio_path"] == "/run/audio/c.wav"


@pytest.mark.parametrize(
    ("cost_usd", "cell"),
    [({}, None), ({"assistant": None}, None), ({"a": 0.0}, 0.0), ({"a": 0.001, "b": 0.0002}, 0.0012)],
)
def test_an_unknown_price_is_an_empty_cell(
    make_record: Any, config: Any, cost_usd: dict[str, float | None], cell: float | None
) -> None:
    """Never 0 for want of a price."""
    assert only(config, make_record(cost_usd=cost_usd))["cost_usd"] == cell


def test_a_setting_the_record_does_not_name_is_the_run_configs(make_record: Any, config: Any) -> None:
    """What was in effect comes first."""
    assert only(config, make_record(settings={}))["chunk_ms"] == 20
    assert lookup({"a": {"b": 1}}, ("a", "b")) == 1
    assert lookup({"a": None}, ("a", "b", "c")) is None


def test_each_case_fills_the_columns_from_its_own_graders(make_record: Any, make_grade: Any, config: Any) -> None:
    """A case that calls its tool-call grader otherwise is not left without one because another case keeps the name."""
    records = [make_record("c1"), make_record("c2")]
    grades = [make_grade("c1", "tool_call", 0), make_grade("c2", "own", 1, grader_type="tool_call")]
    rows = table(config, records, grades).rows
    assert [row.cells["tool_call_correctness"] for row in rows] == [0, 1]


def test_a_column_of_the_mode_is_filled_from_the_case(make_record: Any, config: Any) -> None:
    """An input or a carried column of that name; what is no text or number is JSON, what is not there is empty."""
    layout = replace(layout_of("quiz"), case_columns=("question", "topic", "choices", "gone"))
    case = Case("q", "quiz", {"question": "2 + 2?", "choices": ["4", "5"]}, extra={"topic": 7})
    [row] = build_table(layout, config, [make_record(case=case)], [], str).rows
    assert [row.cells[name] for name in layout.case_columns] == ["2 + 2?", 7, '["4", "5"]', None]


def test_whether_a_call_passed_stands_on_its_last_row(
    make_record: Any, make_turn: Any, both_grades: Any, config: Any
) -> None:
    """Once, so that the mean of the column is that of case-trials; a lost call has none."""
    record = make_record("sim", mode="run", turns=(make_turn(1), make_turn(2)))
    built = table(
        config,
        [record, make_record("gone", mode="run", failure=Failure(Stage.CONNECT, "refused", "no"))],
        both_grades("sim", 1, 1),
        "run",
    )
    assert [row.cells["passed"] for row in built.rows] == [None, 1, None]
    assert built.passed == {"sim": True, "gone": None}
