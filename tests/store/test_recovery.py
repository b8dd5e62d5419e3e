"""A run that ended anywhere is whole again, and says how far it had come."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalkit.errors import ConfigError
from evalkit.records.case import Case
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.record import Attempt, CaseRecord, to_json
from evalkit.store.files import write_atomically
from evalkit.store.journal import read_lines
from evalkit.store.recovery import recover
from evalkit.store.run_directory import RunDirectory

REFUSED = Failure(Stage.CONNECT, "connection_refused", "no")
FIRST_TRY = Attempt(1, 3.5, REFUSED, {"event_log_path": "events/b.attempt1.jsonl"})


def _record(case_id: str, fault: Fault | None = None, started_at: str = "") -> CaseRecord:
    return CaseRecord(
        case=Case(case_id, "text", {}), trial=1, seed=0, reuse_key=f"key-{case_id}", settings={}, turns=(),
        failure=REFUSED if fault else None, attempts=(Attempt(1, 2.0),), cost_usd={"assistant": 0.5},
        served_model="", started_at=started_at, duration_ms=0.0, fault=fault,
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run with one finished case-trial, one that failed once and was under way, and one that was under way."""
    run = RunDirectory(tmp_path)
    run.journal_start("a", 1)
    run.store_record(_record("a"))
    run.journal_start("b", 1)
    run.journal_attempt("b", FIRST_TRY, {"assistant": 0.25, "speech": None}, wait_s=0.5)
    run.journal_start("b", 2)
    run.journal_start("c", 1)
    return run


def test_what_is_finished_and_what_was_tried(run: RunDirectory) -> None:
    """Finished is what the journal says; failed tries are kept with their cause, files and cost."""
    progress = recover(run)
    assert list(progress.finished) == ["a"]
    assert progress.tries["b"].attempts == [FIRST_TRY]
    assert progress.tries["b"].cost_usd == {"assistant": 0.25, "speech": None}


def test_a_torn_line_and_a_half_written_file_are_gone(run: RunDirectory) -> None:
    """Power loss in the middle of a write leaves nothing that the next write stands on."""
    with run.journal_path.open("ab") as journal:
        journal.write(b'{"event": "finished", "key": "c", "record_sha')
    run.grades_path.write_bytes(b'{"key": "a"')
    partial = run.root / "records" / ".c.json.4711.partial"
    partial.write_text("{")
    assert list(recover(run).finished) == ["a"]
    assert not partial.exists()
    run.journal_start("c", 1)
    assert list(read_lines(run.journal_path))[-1]["event"] == "started"
    assert run.grades_path.read_bytes() == b""


def test_a_record_stored_but_not_journaled_is_taken_up(run: RunDirectory) -> None:
    """It was paid for, and it is whole."""
    write_atomically(run.record_path("c"), json.dumps(to_json(_record("c"))))
    assert list(recover(run).finished) == ["a", "c"]
    assert list(recover(run).finished) == ["a", "c"], "and only once"
    events = [line["event"] for line in read_lines(run.journal_path) if line.get("key") == "c"]
    assert events == ["started", "finished"]


def test_a_stored_file_that_is_no_record_is_not_taken_up(run: RunDirectory) -> None:
    """Whatever an editor or a disk fault left there, the case-trial starts over."""
    write_atomically(run.record_path("c"), "{}")
    assert list(recover(run).finished) == ["a"]


def test_a_lost_record_that_was_under_way_again_is_still_the_old_one(run: RunDirectory) -> None:
    """A kill during the second try must not make the first one's record look new."""
    run.store_record(_record("b", Fault.INFRASTRUCTURE))
    run.journal_start("b", 2)
    progress = recover(run)
    assert progress.finished["b"].record.fault is Fault.INFRASTRUCTURE
    assert "b" not in progress.tries


def test_a_record_that_follows_another_keeps_it(run: RunDirectory) -> None:
    """Nothing that was stored is ever thrown away."""
    run.store_record(_record("b", Fault.INFRASTRUCTURE))
    run.store_record(_record("b", started_at="later"))
    assert recover(run).finished["b"].record.fault is None
    (kept,) = (run.root / "records" / "superseded").glob("b.*.json")
    assert json.loads(kept.read_text())["fault"] == "infrastructure"


def test_a_changed_record_does_not_stand(run: RunDirectory) -> None:
    """Bytes that are not those that were journaled are nobody's result."""
    path = run.record_path("a")
    path.write_text(path.read_text().replace("0.5", "0.0"))
    assert dict(recover(run).finished) == {}


def test_two_never_write_one_run(run: RunDirectory) -> None:
    """The second is told; when the first is gone the run is free."""
    with run.exclusive(), pytest.raises(ConfigError, match="another process"), RunDirectory(run.root).exclusive():
        raise AssertionError
    with run.exclusive():
        pass


def test_a_line_about_grades_says_nothing_of_how_far_a_case_trial_had_come(run: RunDirectory) -> None:
    """The record that was stored and not journaled any more is taken up all the same."""
    write_atomically(run.record_path("c"), json.dumps(to_json(_record("c"))))
    with run.journal_path.open("ab") as journal:
        journal.write(b'{"event": "graded", "key": "c", "graders": ["polite"], "at": "2026"}\n')
    assert list(recover(run).finished) == ["a", "c"]
