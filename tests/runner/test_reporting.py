"""Reports of a run directory: what was scored again is in force, and what was not answered is only paid for."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord, ToolCall, Turn, Words
from evalkit.runner import reporting
from evalkit.runner.reporting import report_run
from evalkit.runner.sweep_reading import read_sweep_jobs
from evalkit.runs.scorings import Scoring, with_scoring
from evalkit.store.run_directory import RunDirectory

CONFIG: dict[str, Any] = {
    "mode": {"name": "crawl", "data_csv": "cases.csv", "graders": ["tool_call"]},
    "assistant": {"model": "m"},
    "judge": {"votes": 1},
    "gate": {"min_grade": None},
    "report": {"plots": False},
    "run_name": "nightly",
    "trials": 1,
    "seed": 0,
}


def grade_of(run: RunDirectory, key: str, value: float | None, **changes: Any) -> Grade:
    given = {"turn_index": 1, "grader_id": "tool_call", "grader_type": "tool_call", "grader_version": "1"}
    return Grade(
        **{
            **given,
            "key": key,
            "grade": value,
            "rationale": "",
            "record_sha256": run.read_finished()[key].sha256,
            "graded_at": "2026-02-01",
            **changes,
        }
    )


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run of one case, passed."""
    run = RunDirectory(tmp_path)
    case = Case("a", "crawl", {"user_text": "hello"}, (ExpectedCall("get", {"id": "1"}),))
    turn = Turn(1, "hello", (Words("Sure."), ToolCall("get", {"id": "1"}, "{}", "c")))
    run.store_record(CaseRecord(case, 1, 0, "k", {}, (turn,), None, (), {"assistant": 0.5}, "m", "2026-01-01", 1.0))
    run.write_config(CONFIG)
    provenance = {"config_sha256": "abc", "case_trials": ["a"], "started_at": "2026-01-01", "price_date": "2025-12-01"}
    run.provenance_path.write_text(json.dumps(provenance), encoding="utf-8")
    run.append_grades([grade_of(run, "a", 1.0)])
    return run


def score(run: RunDirectory, **changes: Any) -> None:
    provenance = json.loads(run.provenance_path.read_text(encoding="utf-8"))
    scored = with_scoring(provenance, Scoring("2026-02-01", (), "2026-01-20", **changes))
    run.provenance_path.write_text(json.dumps(scored), encoding="utf-8")


def test_a_runs_own_reports(run: RunDirectory) -> None:
    """Without a scoring, config and records are as stored; no gate is set, none is missed."""
    report = report_run(run)
    assert report.summary["grade_mean"] == 1
    assert (report.missed_gates, report.summary["price_date"]) == ((), "2025-12-01")


def test_a_scorings_gates_and_expectations_are_in_force(run: RunDirectory) -> None:
    """Made again at any later time, they still hold; the record on disk is the same."""
    stored = run.record_path("a").read_bytes()
    expected = {"expected_calls": [{"name": "put", "arguments": {}, "match": {}}], "expects_no_call": False}
    overlay = {"gate": {"min_grade": 0.5}, "judge": {"votes": 3}, "report": {"plots": False}, "graders": ["tool_call"]}
    score(run, config=overlay, expectations={"a": expected})
    run.append_grades([grade_of(run, "a", 0.0)])
    for _ in range(2):
        report = report_run(run)
        assert report.missed_gates == ("gate.min_grade: passed_mean is 0.000, below 0.5",)
        assert report.summary["price_date"] == "2026-01-20"
        with (run.root / "results.csv").open(encoding="utf-8", newline="") as file:
            assert next(csv.DictReader(file))["gt_tool_call"] == "put"
    assert run.record_path("a").read_bytes() == stored


def test_what_nobody_answered_does_not_count_and_was_paid(run: RunDirectory) -> None:
    """The earlier verdict stays; the ledger has what asking cost, at the prices of that day."""
    score(run)
    run.append_grades(
        [grade_of(run, "a", None, in_force=False, unanswered=True, judge={"model": "j", "cost_usd": 0.25})]
    )
    report = report_run(run)
    assert report.summary["grade_mean"] == 1
    assert report.summary["cost_usd"] == {"assistant": 0.5, "judge": 0.25}
    with (run.root / "ledger.csv").open(encoding="utf-8", newline="") as file:
        judge = next(line for line in csv.DictReader(file) if line["role"] == "judge")
    assert (judge["cost_usd"], judge["model"], judge["price_date"]) == ("0.25", "j", "2026-01-20")


def test_grades_of_a_record_that_was_replaced_are_paid_for_and_do_not_count(run: RunDirectory) -> None:
    """A case-trial that was run again stands for itself; what judging its earlier try cost is in the ledger."""
    old = grade_of(run, "a", 0.0, record_sha256="of an earlier try", judge={"model": "j", "cost_usd": 0.5})
    run.append_grades([old])
    report = report_run(run)
    assert report.summary["grade_mean"] == 1
    assert report.summary["cost_usd"]["judge"] == 0.5


def test_the_closing_table_is_shown_before_anything_is_drawn(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And after the tables are written, so that what it says can be looked up."""
    seen: list[str] = []
    screen = io.StringIO()

    def draw(*_: Any) -> None:
        assert "passed" in screen.getvalue()
        assert (run.root / "summary.json").is_file()
        seen.append("drawn")

    monkeypatch.setattr(reporting, "draw_reports", draw)
    report_run(run, Console(file=screen, width=120))
    assert seen == ["drawn"]


def test_tables_and_closing_table_load_nothing_that_draws(run: RunDirectory) -> None:
    """A person who changes a prompt waits for the table only: no pandas, matplotlib or jinja2 before it."""
    run.write_config({**CONFIG, "report": {"plots": False, "html": False}})
    code = (
        "import sys; from pathlib import Path; from rich.console import Console;"
        "from evalkit.runner.reporting import report_run; from evalkit.store.run_directory import RunDirectory;"
        "report_run(RunDirectory(Path(sys.argv[1])), Console(stderr=True));"
        "print(sorted({'pandas', 'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run.root)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "passed" in done.stderr


def test_a_job_that_left_nothing_and_one_that_is_broken_have_no_results(
    run: RunDirectory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are read; what could not be is said."""
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "provenance.json").write_text("{", encoding="utf-8")
    (broken / "config.yaml").write_text("mode: {name: crawl}", encoding="utf-8")
    folders = [None, str(tmp_path / "empty"), str(broken), str(run.root)]
    jobs = read_sweep_jobs([{"job": n, "overrides": [], "directory": folder} for n, folder in enumerate(folders)])
    assert [job.summary.get("passed_mean") for job in jobs] == [None, None, None, 1.0]
    assert [[one.passed for one in job.read_passes().values()] for job in jobs] == [[], [], [], [True]]
    assert [message for message in caplog.messages if "job 2 is left out" in message]
    assert len(caplog.messages) == 1
