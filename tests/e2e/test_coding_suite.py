"""A task that brings its own tests, by the installed command: proved, run, scored again, and marked as what it is."""

from __future__ import annotations

import pytest
from boxes.needs import needs_bubblewrap
from harness import Cli, read_rows
from suite_programs import CHEATS, HALF, RIGHT, diff_to, write_suite_task

ANSWERS = {
    "pass": RIGHT,
    "fail": HALF,
    "tampered": CHEATS["equal to everything"][1]["solution.py"],
}


@needs_bubblewrap
@pytest.mark.timeout(300)
def test_a_suite_is_proved_run_and_scored(cold_cli: Cli) -> None:
    """The row says ``suite``, counts tests and no decoys, and a fraud is called one."""
    write_suite_task(cold_cli.cwd / "tasks")
    checked = cold_cli("check", "mode=coding", "mode.tasks_dir=tasks")
    assert checked.code == 0, checked.err
    assert "python_intervals: proved" in checked.err
    assert "12 tests" in checked.out
    (cold_cli.cwd / "answers").mkdir()
    for trial, program in enumerate(ANSWERS.values(), 1):
        part = "" if trial == 1 else f".t{trial}"
        answer = f"```diff\n{diff_to(program)}```\n"
        (cold_cli.cwd / "answers" / f"python_intervals{part}.md").write_text(answer, encoding="utf-8")
    done = cold_cli("mode=coding", "mode.tasks_dir=tasks", "mode.responses=answers", "trials=3", "report.plots=false")
    assert done.code == 0, done.err
    assert [(row["outcome"], row["judged_by"], row["calls"]) for row in done.rows] == [
        (outcome, "suite", "12") for outcome in ANSWERS
    ]
    assert "tests pass with a wrong expected value as well" in done.rows[2]["tests_rationale"]
    page = (done.directory / "report.html").read_text(encoding="utf-8")
    assert "12 of 12 tests of its suite" in page
    scored = cold_cli("score", str(done.directory))
    assert scored.code == 0, scored.err
    assert [row["outcome"] for row in read_rows(done.directory)] == list(ANSWERS)
