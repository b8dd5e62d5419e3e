"""What a journal's lines stand for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories import make_grade
from live_runs import begin_run, finish_trial, read_journal
from stored_runs import make_call

from evalkit.lab.live.outcomes import Outcomes
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.record import Attempt, CaseRecord
from evalkit.store.run_directory import RunDirectory

REFUSED = Failure(Stage.CONNECT, "connection_refused", "nobody listens")


def lost_call(key: str) -> CaseRecord:
    return replace(make_call(key), turns=(), failure=REFUSED, fault=Fault.INFRASTRUCTURE, artifacts={})


def read(run: RunDirectory) -> tuple[Outcomes, list[dict[str, Any]]]:
    """Return the run's outcomes after all its lines, and the lines."""
    outcomes = Outcomes(run.root)
    lines = read_journal(run)
    for line in lines:
        outcomes.note(line)
    outcomes.grades.read_on()
    return outcomes, lines


def test_ends_and_grades_come_with_their_lines(tmp_path: Path) -> None:
    """How it ended, why, and each grader's mean; other lines are as they stand."""
    run = begin_run(tmp_path / "run")
    finish_trial(run, "a", good=False)
    finish_trial(run, record=replace(lost_call("b"), attempts=(Attempt(1, 1.0, REFUSED), Attempt(2, 1.0, REFUSED))))
    outcomes, lines = read(run)
    began, _, finished, graded, _, lost = [outcomes.join(line) for line in lines]
    assert began == lines[0]
    assert (finished["ending"], finished["failure"], finished["duration_ms"]) == ("ungraded", None, 2000.0)
    assert (graded["ending"], graded["grades"]) == ("failed", {"tool_call": 1.0, "tool_call_args": 0.0})
    assert (lost["ending"], lost["attempts"]) == ("lost", 2)
    assert lost["failure"] == {"stage": "connect", "error_type": "connection_refused", "message": "nobody listens"}


def test_a_run_of_an_earlier_version_says_who_passed_all_the_same(tmp_path: Path) -> None:
    """Its lines do not, so its records and grades are asked."""
    run = begin_run(tmp_path / "run")
    finish_trial(run, "a", good=False)
    finish_trial(run, "b", good=True)
    outcomes, lines = read(run)
    graded = [{name: value for name, value in line.items() if name != "passed"} for line in lines]
    assert [outcomes.has_passed(line) for line in graded if line["event"] == "graded"] == [False, True]


def test_grades_of_a_replaced_record_are_not_its_own(tmp_path: Path) -> None:
    """The line of the lost one still finds its record where it was put."""
    run = begin_run(tmp_path / "run")
    finish_trial(run, record=lost_call("a"))
    run.append_grades([make_grade("a", "tool_call", 0.0, record_sha256="of another")], {"a": None})
    finish_trial(run, "a", good=True)
    outcomes, lines = read(run)
    ends = [outcomes.join(line) for line in lines if line["event"] == "finished"]
    assert [end["ending"] for end in ends] == ["lost", "ungraded"]
    assert [bool(end["failure"]) for end in ends] == [True, False]
    assert outcomes.join(lines[-1])["grades"] == {"tool_call": 1.0, "tool_call_args": 1.0}


def test_attempts_in_the_words_of_older_clients(tmp_path: Path) -> None:
    """A case-trial is decided by its grades, or by its end where it is lost; nothing is told twice."""
    run = begin_run(tmp_path / "run")
    finish_trial(run, record=make_call("a", trial=2))
    finish_trial(run, record=lost_call("b"))
    outcomes, lines = read(run)
    told = [attempt for line in lines if (attempt := outcomes.attempt(line))]
    assert [(attempt["task_id"], attempt["sample_index"], attempt["status"]) for attempt in told] == [
        ("a", 1, "passed"),
        ("b", 0, "api_error"),
    ]
    assert told[0] | {"cost_usd": round(told[0]["cost_usd"], 6)} == {
        "type": "attempt", "key": "a.t2", "model": "model-a", "task_id": "a", "sample_index": 1, "status": "passed",
        "duration_seconds": 2.0, "prompt_tokens": 50, "completion_tokens": 20, "cost_usd": 0.011, "error": None,
        "diff_rewrite_fallback_used": False, "provider": "local", "thinking_level_applied": "low",
        "thinking_level_requested": "low",
    }  # fmt: skip
    assert told[1]["error"] == "connection_refused at connect: nobody listens"


def test_a_case_that_nobody_grades_is_decided_by_its_end(tmp_path: Path) -> None:
    """It would never be told otherwise."""
    run = begin_run(tmp_path / "run")
    call = make_call("a")
    run.store_record(replace(call, case=replace(call.case, required_graders=())))
    outcomes, lines = read(run)
    assert [attempt["status"] for line in lines if (attempt := outcomes.attempt(line))] == ["error"]


def test_expectations_that_were_read_again_hold(tmp_path: Path) -> None:
    """After ``evalkit score`` a record is judged by what was expected then."""
    run = begin_run(tmp_path / "run")
    finish_trial(run, "a", good=True)
    outcomes, _ = read(run)
    assert outcomes.stored_run() is not None
    scoring = {
        "at": "2026-01-03T00:00:00+00:00", "overrides": [], "price_date": "2026-01-01", "config": {},
        "expectations": {"a": {"expected_calls": [], "expects_no_call": True, "graders": [
            {"grader_id": "polite", "required": True}]}},
    }  # fmt: skip
    run.provenance_path.write_text(json.dumps({**run.read_provenance(), "scorings": [scoring]}))
    graded = {"event": "graded", "key": "a", "graders": ["polite"]}
    assert outcomes.has_passed(graded) is True
    run.append_grades([make_grade("a", "polite", 0.0, record_sha256=run.read_finished()["a"].sha256)])
    outcomes.grades.read_on()
    assert outcomes.has_passed(graded) is False


@pytest.mark.parametrize("key", ["../../etc/passwd", "a", "", "x" * 300])
def test_a_line_whose_record_is_not_there_is_told_as_it_stands(tmp_path: Path, key: str) -> None:
    """Gone, or named by a forged line."""
    run = begin_run(tmp_path / "run")
    line = {"event": "finished", "key": key, "record_sha256": "0" * 64, "fault": None}
    outcomes = Outcomes(run.root)
    outcomes.note(line)
    assert outcomes.join(line) == {**line, "ending": "ungraded"}
    assert outcomes.attempt(line) is None
    assert outcomes.join({"event": "graded", "key": key, "passed": True})["ending"] == "passed"


def test_a_directory_that_says_nothing_of_itself(tmp_path: Path) -> None:
    """Damaged, or still being copied."""
    (tmp_path / "config.yaml").write_text("{")
    (tmp_path / "provenance.json").write_text("[]")
    assert Outcomes(tmp_path).stored_run() is None
