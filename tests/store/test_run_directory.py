"""The run directory: nobody shares one, records are whole or absent, hashes decide."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.errors import DataError
from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.grade import Grade
from evalkit.records.record import Attempt, CaseRecord, ToolCall, ToolOutput, Turn, Usage, Words
from evalkit.store.files import write_atomically
from evalkit.store.journal import read_lines
from evalkit.store.run_directory import RunDirectory, RunStatus


def _record(case_id: str = "a", trial: int = 1) -> CaseRecord:
    failure = Failure(Stage.CONNECT, "connection_refused", "nobody there", 2.0)
    call = ToolCall("look", {"id": "007"}, '{"id": "007"}', "call_1")
    turn = Turn(
        1, "hello", (call, ToolOutput("call_1", "look", {"id": "007"}, {"ok": True}), Words("hi")),
        latencies={"latency_first_text_ms": 1.5}, measures={"input_audio_ms": 20.0},
        artifacts={"output_audio_path": "audio/a/output.wav"}, usage=Usage(output_tokens=3),
    )  # fmt: skip
    return CaseRecord(
        case=Case(case_id, "crawl", {"user_text": "hello"}, (ExpectedCall("look", {"id": "007"}, {"id": "id"}),)),
        trial=trial, seed=1, reuse_key="k", settings={"chunk_ms": 20}, turns=(turn,), failure=failure,
        attempts=(Attempt(1, 3.0, failure),), cost_usd={"assistant": None}, served_model="m",
        started_at="2026-01-01T00:00:00+00:00", duration_ms=4.0, fault=Fault.INFRASTRUCTURE,
    )  # fmt: skip


def test_runs_started_in_the_same_instant_get_their_own_directory(tmp_path: Path) -> None:
    """Three in one second, or in one microsecond, never overwrite each other."""
    roots = {RunDirectory.new_root(tmp_path, "crawl_x") for _ in range(50)}
    sweeps = {RunDirectory.new_sweep_root(tmp_path) for _ in range(50)}
    assert len(roots) == len(sweeps) == 50


def test_a_record_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    """JSON on disk and dataclasses in memory are exact inverses."""
    run = RunDirectory(tmp_path)
    sha = run.store_record(_record())
    stored = run.read_finished()["a"]
    assert stored.record == _record()
    assert stored.sha256 == sha


def test_big_integers_are_stored_too_and_nan_never_is(tmp_path: Path) -> None:
    """A tool may answer with more than 64 bits; what is not a number is refused, not made null."""
    run, huge = RunDirectory(tmp_path), 2**80
    run.store_record(replace(_record(), notes={"answer": huge}))
    assert run.read_finished()["a"].record.notes == {"answer": huge}
    with pytest.raises(ValueError, match="Out of range float values"):
        run.store_record(replace(_record(), measures={"length": float("nan")}))


@pytest.mark.parametrize("key", ["a", "a.t2", "b.c"])
def test_what_an_attempt_left_is_set_aside_under_a_name_that_says_so(tmp_path: Path, key: str) -> None:
    """Log, words and sound; an attempt set aside twice has what it left last, and nothing is no trouble."""
    run = RunDirectory(tmp_path)
    assert run.set_aside(key, 1) == {}
    for text in ("first", "second"):
        for path in (run.events_path(key), run.conversation_path(key), run.audio_dir(key) / "input.wav"):
            write_atomically(path, text)
        moved = run.set_aside(key, 1)
        assert not run.events_path(key).exists()
        assert not run.audio_dir(key).exists()
    assert moved == {
        "event_log_path": f"events/{key}.attempt1.jsonl",
        "conversation_path": f"conversations/{key}.attempt1.txt",
        "audio_folder": f"audio/{key}.attempt1",
    }
    assert (tmp_path / moved["event_log_path"]).read_text() == "second"
    assert (tmp_path / moved["audio_folder"] / "input.wav").read_text() == "second"
    write_atomically(run.events_path(key), "cut short")
    assert run.set_aside(key, 0) == {"event_log_path": f"events/{key}.earlier.jsonl"}


def test_later_trials_have_their_own_files(tmp_path: Path) -> None:
    """Trial 1 has no suffix, trial k has .t<k>."""
    run = RunDirectory(tmp_path)
    run.store_record(_record(trial=1))
    run.store_record(_record(trial=3))
    assert sorted(path.name for path in (tmp_path / "records").iterdir()) == ["a.json", "a.t3.json"]


def test_a_record_that_no_longer_matches_its_hash_was_never_finished(tmp_path: Path) -> None:
    """Hashes decide; a tampered or torn record is run again rather than believed."""
    run = RunDirectory(tmp_path)
    run.store_record(_record())
    path = run.record_path("a")
    path.write_text(path.read_text().replace("007", "008"))
    assert run.read_finished() == {}


def test_a_record_without_a_journal_line_did_not_happen(tmp_path: Path) -> None:
    """The journal is the only list of what is done."""
    run = RunDirectory(tmp_path)
    run.store_record(_record())
    run.journal_path.write_text("")
    assert run.read_finished() == {}


def test_grades_are_appended_and_read_in_order(tmp_path: Path) -> None:
    """Older grades stay as history."""
    run = RunDirectory(tmp_path)
    grades = [
        Grade("a", 1, "g", "tool_call", "1", value, "why", "sha", "now", ("quote",)) for value in (0.0, 1.0, None)
    ]
    run.append_grades(grades[:2], {"a": False})
    run.append_grades(grades[2:], {"a": None})
    assert run.read_grades() == grades
    assert [line["passed"] for line in read_lines(run.journal_path)] == [False, None]


def test_config_keeps_text_that_looks_like_numbers(tmp_path: Path) -> None:
    """A model called 1e5 or 007 is still one after a round trip."""
    run = RunDirectory(tmp_path)
    config = {"assistant": {"model": "1e5", "voice": "007"}, "flag": "no", "limit": None}
    run.write_config(config)
    assert run.read_config() == config


def test_status_says_how_the_run_stands(tmp_path: Path) -> None:
    """A running run has no exit code yet."""
    run = RunDirectory(tmp_path)
    assert run.read_status() is None
    run.write_status(RunStatus.RUNNING, exit_code=None, counts={"planned": 2})
    status = run.read_status()
    assert status is not None
    assert (status["status"], status["exit_code"], status["counts"]) == ("running", None, {"planned": 2})
    assert json.loads(run.status_path.read_text()) == status


def test_the_journal_tells_the_whole_course_of_a_run(tmp_path: Path) -> None:
    """Who follows it needs nothing else: beginning, waits, pauses, costs, going on, and how it ended."""
    run = RunDirectory(tmp_path)
    run.journal_beginning("feed", 2)
    run.journal_attempt("a", Attempt(1, 3.0), {"assistant": 0.5}, wait_s=2.00049)
    run.journal_concurrency(2, "rate_limited at connect", 1.5)
    run.journal_concurrency(2, "the server's limit of tokens is spent", 1.5, pause_s=7.25)
    run.store_record(replace(_record(), cost_usd={"assistant": 0.75}))
    run.conclude(RunStatus.INTERRUPTED, exit_code=130, counts={"planned": 2})
    run.journal_resumption(3)
    told = [{key: value for key, value in line.items() if key != "at"} for line in read_lines(run.journal_path)]
    assert told[0] == {"event": "began", "run_id": "feed", "planned": 2}
    assert told[1]["wait_s"] == 2.0
    assert told[2] == {"event": "concurrency", "limit": 2, "reason": "rate_limited at connect", "at_s": 1.5}
    limit = "the server's limit of tokens is spent"
    assert told[3] == {"event": "paused", "seconds": 7.25, "limit": 2, "reason": limit, "at_s": 1.5}
    assert (told[4]["event"], told[4]["cost_usd"]) == ("finished", {"assistant": 0.75})
    assert told[5:] == [
        {"event": "ended", "status": "interrupted", "exit_code": 130},
        {"event": "resumed", "planned": 3},
    ]
    assert [change["reason"] for change in run.read_concurrency()] == [
        "rate_limited at connect",
        f"{limit}: paused for 7.2 s",
    ]
    status = run.read_status()
    assert status is not None
    assert (status["status"], status["exit_code"]) == ("interrupted", 130)


def test_an_end_is_told_on_a_line_of_its_own(tmp_path: Path) -> None:
    """A run that was cut off, and cannot be resumed for a mistake in its line, had half a line at its end."""
    run = RunDirectory(tmp_path)
    run.journal_path.write_bytes(b'{"event": "resumed"}\n{"event": "fini')
    run.conclude(RunStatus.FAILED, exit_code=2, counts={})
    assert [line["event"] for line in read_lines(run.journal_path)] == ["resumed", "ended"]


@pytest.mark.parametrize("key", ["../../etc/passwd", "/etc/passwd", "a/b", "..", "", "a\x00b", ".x", "a\n", "c" * 200])
def test_no_path_is_made_of_a_forged_name(tmp_path: Path, key: str) -> None:
    """A journal or record that was tampered with leads nowhere outside the run directory."""
    run = RunDirectory(tmp_path)
    for make in (run.record_path, run.events_path, run.audio_dir, run.conversation_path):
        with pytest.raises(DataError, match="not the name of a case-trial"):
            make(key)
    run.journal_path.write_text(json.dumps({"event": "finished", "key": key, "record_sha256": "0"}) + "\n")
    with pytest.raises(DataError):
        run.read_finished()


@pytest.mark.parametrize("stored", ["../secret.wav", "/etc/passwd", "audio/../../secret.wav", "link/secret.wav"])
def test_a_record_cannot_name_files_elsewhere(tmp_path: Path, stored: str) -> None:
    """Nothing outside the run directory is read, or sent to a transcriber, because a record says so."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "link").symlink_to(tmp_path)
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(DataError, match="lies outside the run directory"):
        run.inside(stored)
    assert run.inside("audio/a/output.wav") == tmp_path.resolve() / "run" / "audio" / "a" / "output.wav"
