"""A run as it lies on disk: what is in force, what names it, whether it is alive, and what happens in it meanwhile."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories import make_grade
from stored_run import SAMPLE
from stored_run import StoredRun as RunToStore

from evalkit.errors import ConfigError
from evalkit.runs.stored_run import open_run
from evalkit.store.run_directory import RunDirectory, RunStatus


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run of six cases that has ended."""
    return RunToStore(tmp_path / "run").write()


def change_provenance(run: RunDirectory, **changes: Any) -> None:
    run.provenance_path.write_text(json.dumps({**run.read_provenance(), **changes}), encoding="utf-8")


def test_what_it_holds(run: RunDirectory) -> None:
    """Config, name, mode, data files, and the planned case-trials with their records in order."""
    stored = open_run(run.root, "a test")
    assert (stored.mode, stored.name, stored.datasets) == ("crawl", "run", {"cases.csv": "feed"})
    assert stored.planned == tuple(case.key for case in SAMPLE)
    assert [record.key for record in stored.records] == list(stored.planned) == list(stored.finished)
    assert stored.read_status() is RunStatus.COMPLETED
    assert len(stored.grades) == 8


def test_a_case_that_was_dropped_is_no_part_of_it(run: RunDirectory) -> None:
    """Its record and its grades still lie there, and nobody who reads the run sees them."""
    change_provenance(run, case_trials=["ungraded", "good", "not-yet"])
    stored = open_run(run.root, "a test")
    assert [record.key for record in stored.records] == ["ungraded", "good"]
    assert {grade.key for grade in stored.grades} == {"ungraded", "good"}
    assert {grade.key for grade in stored.history.discarded} == {"bad", "hostile"}


def test_grades_of_a_replaced_record_or_out_of_force_do_not_count(run: RunDirectory) -> None:
    """They may have been paid for, so they are told apart, not forgotten."""
    sha256 = run.read_finished()["good"].sha256
    replaced = make_grade("good", "polite", 0.0, record_sha256="of an earlier try")
    silent = make_grade("good", "tool_call", None, record_sha256=sha256, unanswered=True, in_force=False)
    run.append_grades([replaced, silent])
    stored = open_run(run.root, "a test")
    assert len(stored.grades) == 8
    assert stored.history.discarded == (replaced, silent)


def test_its_id_stays_wherever_it_lies(run: RunDirectory, tmp_path: Path) -> None:
    """Also where it is older than ids; another run of the same config is another one."""
    before = open_run(run.root, "a test").run_id
    shutil.move(run.root, tmp_path / "elsewhere")
    moved = RunDirectory(tmp_path / "elsewhere")
    assert open_run(moved.root, "a test").run_id == before
    change_provenance(moved, started_at="2026-01-02T10:00:00.000+00:00")
    assert open_run(moved.root, "a test").run_id != before
    change_provenance(moved, run_id="made when it began")
    assert open_run(moved.root, "a test").run_id == "made when it began"


def test_a_dead_run_is_told_from_a_live_one_by_its_lock(run: RunDirectory) -> None:
    """Both say ``running``; asking leaves nothing behind and keeps no writer out."""
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={})
    before = sorted(path.name for path in run.root.iterdir())
    stored = open_run(run.root, "a test")
    assert (stored.read_status(), stored.is_live) == (RunStatus.RUNNING, False)
    assert sorted(path.name for path in run.root.iterdir()) == before
    with run.exclusive():
        assert stored.is_live
    assert not stored.is_live
    with run.exclusive():
        pass


def test_it_is_followed_by_whole_lines(run: RunDirectory) -> None:
    """Nothing is told twice, and a line that is still being written is told when it is whole."""
    stored = open_run(run.root, "a test")
    events, offset = stored.follow()
    assert [event["event"] for event in events[:3]] == ["finished", "graded", "graded"]
    assert offset == run.journal_path.stat().st_size
    assert stored.follow(offset) == ([], offset)
    with run.journal_path.open("ab") as file:
        file.write(b'{"event": "started", "key": "late"')
        file.flush()
        assert stored.follow(offset) == ([], offset)
        file.write(b', "attempt": 1}\n{"event"')
    events, later = stored.follow(offset)
    assert events == [{"event": "started", "key": "late", "attempt": 1}]
    assert stored.follow(later) == ([], later)


def test_grades_are_announced(run: RunDirectory) -> None:
    """Whoever follows a run learns which case-trial got a verdict, and of whom."""
    _, offset = open_run(run.root, "a test").follow()
    run.append_grades([make_grade("good", "polite", 1), make_grade("bad", "polite", 0), make_grade("good", "wer", 1)])
    events, _ = open_run(run.root, "a test").follow(offset)
    assert [(event["event"], event["key"], event["graders"]) for event in events] == [
        ("graded", "good", ["polite", "wer"]),
        ("graded", "bad", ["polite"]),
    ]


def without_graded_lines(run: RunDirectory) -> None:
    """Make the journal what it was before grades were announced."""
    lines = run.journal_path.read_text(encoding="utf-8").splitlines(keepends=True)
    run.journal_path.write_text("".join(line for line in lines if '"graded"' not in line), encoding="utf-8")


@pytest.mark.parametrize("older", [False, True])
def test_missing_grades_are_a_loss_where_there_were_some(tmp_path: Path, older: bool) -> None:
    """Told with how to get them again; also of a run that is older than the journal's word about them."""
    run = RunToStore(tmp_path / "run", changes={"mode": {"name": "crawl", "graders": ["tool_call"]}}).write()
    open_run(run.root, "a test").require_grades()
    run.grades_path.unlink()
    if older:
        without_graded_lines(run)
    with pytest.raises(ConfigError, match=r"grades.jsonl: is missing, though 5 case-trials were graded") as told:
        open_run(run.root, "a test").require_grades()
    assert str(told.value).endswith(f"evalkit score {run.root}")


@pytest.mark.parametrize(
    ("status", "changes", "cases"),
    [
        (RunStatus.RUNNING, {"mode": {"name": "crawl", "graders": ["tool_call"]}}, SAMPLE),
        (RunStatus.COMPLETED, {"mode": {"name": "crawl", "graders": []}}, SAMPLE),
        (RunStatus.FAILED, {"mode": {"name": "crawl", "graders": ["tool_call"]}}, SAMPLE[2:3]),
    ],
)
def test_a_run_that_was_never_graded_misses_nothing(tmp_path: Path, status: Any, changes: Any, cases: Any) -> None:
    """Still going, asked for no grader, or nothing to grade: no grades are no loss."""
    run = RunToStore(tmp_path / "run", changes=changes, cases=cases).write()
    run.write_status(status, exit_code=0, counts={})
    run.grades_path.unlink(missing_ok=True)
    without_graded_lines(run)
    open_run(run.root, "a test").require_grades()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("config.yaml", None, r"run: holds no config\.yaml; a test needs a directory that a run wrote"),
        ("provenance.json", None, r"run: holds no provenance\.json; a test needs"),
        ("config.yaml", "mode: {name: crawl\ngate: [", r"config\.yaml: cannot be read: .*line 2"),
        ("config.yaml", "just words", r"config\.yaml: holds str, expected keys and values"),
        ("config.yaml", "mode: crawl", r"config\.yaml: has no mode\.name; expected the config that the run wrote"),
        ("provenance.json", '{"case_trials": [', r"provenance\.json: cannot be read: .*line 1"),
        ("provenance.json", "{}", r"provenance\.json: has no case_trials and no config_sha256"),
    ],
)
def test_what_is_broken_is_named(run: RunDirectory, name: str, text: str | None, words: str) -> None:
    """File, what was found and what is expected, never a traceback."""
    path = run.root / name
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as told:
        open_run(run.root, "a test")
    assert re.search(words, str(told.value))


def test_what_was_scored_again_is_in_force(run: RunDirectory) -> None:
    """Config and expectations are those of the newest scoring; what was stored stays beside them."""
    gate, graders = {"min_grade": 0.5}, ["tool_call"]
    overlay = {"gate": gate, "judge": {"votes": 3}, "report": {"plots": False}, "graders": graders}
    wanted = {"expected_calls": [{"name": "put", "arguments": {}, "match": {}}], "expects_no_call": False}
    scoring = {"at": "2026", "overrides": [], "price_date": "", "config": overlay, "expectations": {"good": wanted}}
    change_provenance(run, scorings=[scoring])
    stored = open_run(run.root, "a test")
    assert (stored.config["gate"], stored.config["mode"]["graders"]) == (gate, graders)
    assert stored.stored_config["gate"] == {"min_grade": None}
    assert stored.records[0].case.expected_calls[0].name == "put"
    assert stored.finished["good"].record.case.expected_calls[0].name == "get_order"
    assert replace(stored.records[0], case=stored.finished["good"].record.case) == stored.finished["good"].record


@pytest.mark.parametrize(
    "config",
    [
        "[" * 50_000,
        "- " * 50_000,
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}}}\n" for n in range(1, 60)),
    ],
)
def test_a_config_that_nobody_wrote_brings_nothing_down(run: RunDirectory, config: str) -> None:
    """Neither the stack of the library in C nor the memory."""
    run.config_path.write_text(config, encoding="utf-8")
    with pytest.raises(ConfigError, match="nested more deeply"):
        open_run(run.root, "a test")
