"""A run directory as rows: the numbers are those of the reports, and what is damaged is said."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import stored_run
import stored_runs

from evalkit.lab.index import reading as reading_module
from evalkit.lab.index.reading import RunChange, RunReader
from evalkit.lab.index.rows import CUT_OFF, DAMAGED, TrialEnding
from evalkit.runner.reporting import report_run
from evalkit.runs.stored_run import open_run
from evalkit.store.provenance import write_provenance
from evalkit.store.run_directory import RunDirectory, RunStatus


def _endings(change: RunChange) -> dict[str, str]:
    return {row["key"]: row["ending"] for row in change.trials}


def test_numbers_are_those_of_the_summary(tmp_path: Path) -> None:
    """Score, interval, cost, latency and counts."""
    run = stored_run.StoredRun(tmp_path / "run").write()
    change = RunReader(run.root).read()
    summary = report_run(run).summary
    values = change.values
    assert values["trouble"] == ""
    assert (values["finished"], values["excluded"]) == (summary["finished"], sum(summary["excluded"].values()))
    assert (values["passed"], values["failed"]) == (1, 3)
    assert values["score"] == summary["passed_mean"]
    assert [values["score_low"], values["score_high"]] == summary["passed_ci95"]
    assert values["cost_usd"] == pytest.approx(summary["cost_usd_total"])
    assert values["latency_ms"] == summary["latency_first_audio_ms_p50"]
    assert _endings(change) == {
        "good": "passed", "bad": "failed", "lost": "lost", "silent": "failed", "hostile": "failed",
        "ungraded": "ungraded",
    }  # fmt: skip


def test_a_dialogue_has_the_latency_of_its_turns(tmp_path: Path) -> None:
    """A run's median is over turns, as in its summary."""
    cases = [stored_run.StoredCase("talk", turns=3), stored_run.StoredCase("chat")]
    run = stored_run.StoredRun(tmp_path / "run", cases, mode="run").write()
    assert RunReader(run.root).read().values["latency_ms"] == report_run(run).summary["latency_first_audio_ms_p50"]


def test_what_a_run_was_begun_as_is_read_again_when_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is going is read several times a second."""
    opened: list[Path] = []
    monkeypatch.setattr(reading_module, "open_run", lambda root, who: opened.append(root) or open_run(root, who))
    run = stored_runs.write_crawl(tmp_path / "run", case_trials=["order-1", "order-2", "order-lost"])
    reader = RunReader(run.root)
    first = reader.read()
    run.journal_start("order-1", 2)
    assert reader.read().values == first.values
    assert len(opened) == 1
    write_provenance(run.provenance_path, {**run.read_provenance(), "started_at": "2026-02-02T10:00:00.000+00:00"})
    assert reader.read().values["started_at"] == "2026-02-02T10:00:00.000+00:00"
    config = run.config_path.read_text(encoding="utf-8")
    run.config_path.write_text("[]", encoding="utf-8")
    assert reader.read().values["status"] == DAMAGED
    run.config_path.write_text(config, encoding="utf-8")
    assert reader.read().values["passed"] == first.values["passed"] > 0


def test_what_is_new_is_read_on(tmp_path: Path) -> None:
    """A run that is going tells what began, what ended, and how it was graded."""
    calls = [stored_runs.make_call(f"c{number}") for number in range(3)]
    run = stored_runs.write_crawl(
        tmp_path / "run", passing=(), status=RunStatus.RUNNING, case_trials=[call.key for call in calls]
    )
    with run.exclusive():
        reader = RunReader(run.root)
        first = reader.read()
        assert (first.values["status"], first.values["is_live"], first.trials) == ("running", True, [])
        run.journal_start("c0", 1)
        run.journal_start("c1", 1)
        begun = reader.read()
        assert not begun.is_whole
        assert _endings(begun) == {"c0": TrialEnding.RUNNING, "c1": TrialEnding.RUNNING}
        assert begun.values["finished"] == 0
        stored_runs.store_trial(run, calls[0], {"tool_call": 1.0, "tool_call_args": 1.0})
        ended = reader.read()
        assert _endings(ended) == {"c0": TrialEnding.PASSED, "c1": TrialEnding.RUNNING}
        assert (ended.values["finished"], ended.values["passed"]) == (1, 1)
    cut = reader.read()
    assert cut.values["status"] == CUT_OFF
    assert _endings(cut) == {}  # of c1 nothing is left to show


def test_a_run_that_was_graded_again_is_read_from_the_beginning(tmp_path: Path) -> None:
    """What ``evalkit score`` puts in force stands in the provenance."""
    run = stored_runs.write_crawl(tmp_path / "run", passing=(False,))
    reader = RunReader(run.root)
    assert reader.read().is_whole
    assert not reader.read().is_whole
    provenance = run.read_provenance()
    changed = {"order-1": {"expected_calls": [], "expects_no_call": False, "graders": [
        {"grader_id": "tool_call_args", "grader_type": "tool_call_args", "required": False}]}}  # fmt: skip
    scoring = {"at": "2026-01-03T10:00:00.000+00:00", "overrides": [], "price_date": "", "expectations": changed}
    run.provenance_path.write_text(json.dumps({**provenance, "scorings": [scoring]}), encoding="utf-8")
    again = reader.read()
    assert again.is_whole
    assert _endings(again)["order-1"] == TrialEnding.PASSED


def _cut_journal(run: RunDirectory) -> None:
    content = run.journal_path.read_bytes()
    run.journal_path.write_bytes(content[:-20])


def _break_record(run: RunDirectory) -> None:
    run.record_path("order-1").write_text("{", encoding="utf-8")


def _lose_record(run: RunDirectory) -> None:
    run.record_path("order-1").unlink()


def _break_grade(run: RunDirectory) -> None:
    run.grades_path.write_text('{"key": "order-1"}\nnonsense\n', encoding="utf-8")


def _change_grade(**fields: object) -> Callable[[RunDirectory], None]:
    def change(run: RunDirectory) -> None:
        lines = [json.loads(line) for line in run.grades_path.read_text(encoding="utf-8").splitlines()]
        lines[0].update(fields)
        run.grades_path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")

    return change


def _change_record(**fields: object) -> Callable[[RunDirectory], None]:
    def change(run: RunDirectory) -> None:
        path = run.record_path("order-1")
        before = path.read_bytes()
        after = json.dumps({**json.loads(before), **fields}).encode()
        path.write_bytes(after)
        journal = run.journal_path.read_text(encoding="utf-8")
        digests = (hashlib.sha256(content).hexdigest() for content in (before, after))
        run.journal_path.write_text(journal.replace(*digests), encoding="utf-8")

    return change


def _break_status(run: RunDirectory) -> None:
    run.status_path.write_text('{"status": "sleeping"}', encoding="utf-8")


def _other_mode(run: RunDirectory) -> None:
    run.config_path.write_text("mode:\n  name: swim\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_cut_journal, "journal.jsonl: ends in the middle of a line"),
        (_break_record, "records/order-1.json is not what the journal says was stored"),
        (_lose_record, "records/order-1.json is missing"),
        (_break_grade, "grades.jsonl: a line is no grade"),
        (_change_grade(grade="much"), "grades.jsonl: those of order-1 are no grades"),
        (_change_grade(turn_index=[]), "grades.jsonl: those of order-1 are no grades"),
        (_change_grade(judge=7, cost_usd=None), "grades.jsonl: those of order-1 are no grades"),
        (_change_record(record_version=99), "records/order-1.json cannot be read: record version 99"),
        (_change_record(cost_usd={"assistant": "much"}), "records/order-1.json cannot be read"),
        (_change_record(turns=7), "records/order-1.json cannot be read"),
        (_change_record(turns=[{"steps": 7}]), "records/order-1.json cannot be read"),
        (_change_record(duration_ms=[]), "records/order-1.json cannot be read"),
        (_break_status, "status.json cannot be read"),
        (_other_mode, "mode 'swim' is not installed"),
    ],
)
def test_damage_is_said_and_the_rest_is_read(
    damage: Callable[[RunDirectory], object], told: str, tmp_path: Path
) -> None:
    """The run appears with all that can still be read."""
    run = stored_runs.write_crawl(tmp_path / "run", passing=(True, True))
    damage(run)
    change = RunReader(run.root).read()
    assert told in change.values["trouble"]
    assert change.values["run_id"]
    assert change.values["planned"] == 3
    assert "order-2" in _endings(change)


def _replace_provenance(text: str) -> Callable[[RunDirectory], object]:
    return lambda run: run.provenance_path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: run.provenance_path.unlink(),
        lambda run: run.config_path.unlink(),
        lambda run: run.config_path.write_text("mode: [", encoding="utf-8"),
        lambda run: run.config_path.write_text("[" * 50_000, encoding="utf-8"),
        _replace_provenance("[]"),
        _replace_provenance("[" * 50_000),
        _replace_provenance('{"case_trials": 7, "config_sha256": "x"}'),
        _replace_provenance('{"case_trials": [], "config_sha256": "x", "scorings": [7]}'),
    ],
)
def test_a_directory_that_tells_too_little_still_appears(
    damage: Callable[[RunDirectory], object], tmp_path: Path
) -> None:
    """By the name of its folder, with what is wrong."""
    run = stored_runs.write_crawl(tmp_path / "run")
    damage(run)
    values = RunReader(run.root).read().values
    assert (values["status"], values["name"]) == (DAMAGED, "run")
    assert values["trouble"]
    assert values["started_at"].startswith("20")


def test_a_record_that_arrives_late_is_read_then(tmp_path: Path) -> None:
    """As in a folder that is being copied in."""
    run = stored_runs.write_crawl(tmp_path / "run", passing=(True,))
    record = run.record_path("order-1").read_bytes()
    run.record_path("order-1").unlink()
    reader = RunReader(run.root)
    assert "is missing" in reader.read().values["trouble"]
    run.record_path("order-1").write_bytes(record)
    late = reader.read()
    assert (late.values["trouble"], late.values["passed"]) == ("", 1)


def test_hostile_values_are_bounded(tmp_path: Path) -> None:
    """What somebody wrote into a run's files fits into the index."""
    run = stored_runs.write_crawl(tmp_path / "run", run_id="<img onerror>", started_at=["x"] * 1000)
    config = run.config_path.read_text(encoding="utf-8")
    run.config_path.write_text(config.replace("run_name: null", f"run_name: {'x' * 5000}"), encoding="utf-8")
    os.truncate(run.journal_path, 0)
    with run.journal_path.open("a", encoding="utf-8") as file:
        for key in ("../../etc/passwd", "k" * 500, "order-1"):
            file.write(json.dumps({"event": "started", "key": key, "attempt": 10**30}) + "\n")
            file.write(json.dumps({"event": "finished", "key": key, "record_sha256": 7}) + "\n")
    values = RunReader(run.root).read().values
    assert len(values["run_id"]) == 32
    assert "<" not in values["run_id"]
    assert max(len(str(value)) for name, value in values.items() if name != "trouble") <= 300


def test_the_same_cases_are_one_set_whatever_the_file_is_called(tmp_path: Path) -> None:
    """And cases that are judged otherwise are another."""
    one = stored_runs.write_crawl(tmp_path / "one")
    two = stored_runs.write_crawl(tmp_path / "two", "other", datasets=[{"path": "elsewhere.csv", "sha256": "beef"}])
    three = stored_runs.write_crawl(tmp_path / "three", passing=(True,))
    sets = [RunReader(run.root).read().values["case_set"] for run in (one, two, three)]
    assert sets[0] == sets[1] != sets[2]


def test_a_run_of_an_earlier_version_is_read_too(tmp_path: Path) -> None:
    """Without an id of its own, with records whose words and calls were kept apart, and a journal that says little."""
    run = stored_runs.write_crawl(tmp_path / "run", passing=(True,))

    def to_version_1(name: str) -> str:
        record = json.loads(run.record_path(name).read_bytes())
        for turn in record["turns"]:
            del turn["steps"], turn["order_is_known"]
            turn |= {"assistant_text": "It has been shipped.", "tool_calls": [], "tool_outputs": []}
        del record["case"]["required_graders"]
        content = json.dumps({**record, "record_version": 1}).encode()
        run.record_path(name).write_bytes(content)
        return hashlib.sha256(content).hexdigest()

    digests = {name: to_version_1(name) for name in ("order-1", "order-lost")}
    journal = [{"event": "finished", "key": name, "record_sha256": digest} for name, digest in digests.items()]
    run.journal_path.write_text("".join(f"{json.dumps(line)}\n" for line in journal), encoding="utf-8")
    grades = [
        {"key": "order-1", "turn_index": 1, "grader_id": name, "grader_type": name, "grader_version": "1", "grade": 1,
         "rationale": "", "record_sha256": digests["order-1"], "graded_at": ""}
        for name in ("tool_call", "tool_call_args")
    ]  # fmt: skip
    run.grades_path.write_text("".join(f"{json.dumps(line)}\n" for line in grades), encoding="utf-8")
    old = {key: value for key, value in run.read_provenance().items() if key not in ("run_id", "datasets", "git")}
    run.provenance_path.write_text(json.dumps(old), encoding="utf-8")
    change = RunReader(run.root).read()
    assert change.values["trouble"] == ""
    assert change.values["run_id"] == open_run(run.root, "a test").run_id
    assert _endings(change) == {"order-1": "passed", "order-lost": "lost"}
    assert change.trials[0]["said"] == "It has been shipped."
