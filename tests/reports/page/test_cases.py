"""A case's line and its details: everything that is known of it, bounded, and only files that are its own."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from layouts import layout_of
from stored_run import REFUSED, SAMPLE, StoredCase, StoredRun
from turn_taking_notes import eventful

from evalkit.records.record import Attempt
from evalkit.reports.page.cases import CaseSource
from evalkit.reports.rows import build_table
from evalkit.store.run_directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A stored run whose ids need quoting nowhere, and whose folder's name does."""
    return StoredRun(tmp_path / "a run #1", [*SAMPLE, StoredCase("twice", turns=2)], mode="run").write()


def source(run: RunDirectory, key: str, audio: str = "linked", **changes: Any) -> CaseSource:
    record, grades = run.read_finished()[key].record, run.read_grades()
    table = build_table(layout_of("run"), run.read_config(), [record], grades, lambda path: path)
    given: dict[str, Any] = {
        "run_dir": run.root,
        "record": record,
        "rows": table.rows,
        "grades": [grade for grade in grades if grade.key == key],
        "grader_ids": table.grader_ids,
        "ending": "passed",
        "answer_latency": "latency_first_audio_ms",
        "audio": audio,
        "event_lines": 80,
    }
    return CaseSource(**{**given, **changes})


def test_a_line_is_small_and_says_why(run: RunDirectory) -> None:
    """Grade, each grader's lowest grade, latencies, cost, and the reasons of what did not pass."""
    line = source(run, "bad").line()
    assert (line["grade"], line["graders"]) == (0.0, {"tool_call": 1.0, "tool_call_args": 0.0})
    assert (line["first_ms"], line["done_ms"], line["cost_usd"]) == (400.0, 500.0, 0.01)
    assert line["why"] == "tool_call_args: because Cancel order 31845."
    assert len(json.dumps(line)) < 2_000


def test_a_lost_case_says_where_it_broke_off(run: RunDirectory) -> None:
    """It has words of its case, no turns, no grade, and the failure as its reason."""
    line, detail = source(run, "lost").line(), source(run, "lost").detail()
    assert (line["grade"], line["turns"], line["fault"]) == (None, 0, "infrastructure")
    assert line["said"] == "Where is my order, please?"
    assert line["why"].startswith("connect: nobody listens")
    assert (detail["scored"], detail["failure"]["stage"], detail["events"]["total"]) == (False, "connect", 0)


def test_details_are_plain_json_and_complete(run: RunDirectory) -> None:
    """Turns with calls and their answers, grades with evidence, timeline, events, files: all of it dumps."""
    detail = json.loads(json.dumps(source(run, "twice").detail()))
    assert [turn["turn_index"] for turn in detail["turns"]] == [1, 2]
    first_words, call, output, words = detail["turns"][0]["steps"]
    assert first_words == {"kind": "words", "text": "One moment."}
    assert (call["kind"], call["name"], call["answered"]) == ("tool_call", "get_order", True)
    assert (output["kind"], output["output"]) == ("tool_output", {"said": "Where is my order, please?"})
    assert words == {"kind": "words", "text": "Answer to: Where is my order, please?"}
    assert detail["grades"][0]["evidence"] == ["Where is my order, please?"]
    assert {block[0] for block in detail["timeline"]["blocks"]} == {"caller", "wait", "assistant", "tool"}
    assert detail["timeline"]["lanes"] == [["caller", "Caller", 1], ["assistant", "Assistant", 1], ["tool", "Tools", 1]]
    assert {block[6] for block in detail["timeline"]["blocks"]} == {"Caller", "Waiting", "Assistant", "Tools"}
    assert detail["events"]["total"] == 109
    assert [file["name"] for file in detail["files"]] == ["records/twice.json", "events/twice.jsonl"]


def test_recordings_are_linked_embedded_or_left_out(run: RunDirectory) -> None:
    """A link is relative to the page and leads to the file; an embedded one is the file."""
    (linked, _) = source(run, "good").detail()["turns"][0]["sounds"]
    assert (run.root / linked["src"]).read_bytes().startswith(b"RIFF")
    (embedded, _) = source(run, "good", "embedded").detail()["turns"][0]["sounds"]
    assert base64.b64decode(embedded["src"].partition(",")[2]) == (run.root / linked["src"]).read_bytes()
    assert source(run, "good", "none").detail()["turns"][0]["sounds"] == []


@pytest.mark.parametrize("path", ["../outside.wav", "audio/gone.wav", "audio"])
def test_a_file_elsewhere_has_no_player(run: RunDirectory, make_record: Any, make_turn: Any, path: str) -> None:
    """Only a file that is there and lies in the run directory is linked or embedded."""
    (run.root.parent / "outside.wav").write_bytes(b"RIFF")
    record = make_record("good", turns=(make_turn(artifacts={"output_audio_path": path}),))
    assert source(run, "good", "embedded", record=record).detail()["turns"][0]["sounds"] == []


def test_files_of_the_case_and_of_its_earlier_attempts_are_linked(run: RunDirectory, make_record: Any) -> None:
    """Each once, those that are there; sounds have players instead."""
    for path in ("events/good.attempt1.jsonl", "patches/good.diff"):
        (run.root / path).parent.mkdir(exist_ok=True)
        (run.root / path).write_text("{}")
    record = make_record(
        "good",
        artifacts={"patch_path": "patches/good.diff", "conversation_audio_path": "audio/good/turn_01_input.wav"},
        attempts=(
            Attempt(1, 5.0, REFUSED, {"event_log_path": "events/good.attempt1.jsonl"}),
            Attempt(2, 5.0, None, {"event_log_path": "events/good.jsonl", "gone_path": "events/gone.jsonl"}),
        ),
    )
    files = source(run, "good", record=record).detail()["files"]
    assert [file["name"] for file in files] == [
        "records/good.json", "events/good.jsonl", "patches/good.diff", "events/good.attempt1.jsonl",
    ]  # fmt: skip


def test_long_texts_of_a_case_are_cut(run: RunDirectory, make_record: Any) -> None:
    """A prompt of a hundred thousand characters does not stand in the page once per case; the record has it."""
    record = make_record("good")
    record.case.inputs["system_prompt"] = "x" * 100_000
    record.case.inputs["tools"] = [{"name": "t" * 5_000}]
    detail = source(run, "good", record=record).detail()
    assert len(detail["inputs"]["system_prompt"]) == len(detail["inputs"]["tools"]) == 1_200


def test_a_call_in_full_duplex_has_its_own_tracks(tmp_path: Path) -> None:
    """In the order in which they are drawn, and as high as what lies below each other."""
    case = StoredCase("duplex", turns=4, notes={"turn_taking": eventful()})
    timeline = source(StoredRun(tmp_path / "run", [case]).write(), "duplex").detail()["timeline"]
    assert (timeline["duplex"], timeline["duration_ms"]) == (True, 40_000)
    assert timeline["lanes"] == [
        ["caller", "Caller", 1],
        ["assistant", "Assistant, played", 1],
        ["generated", "Assistant, generated", 2],
        ["overlap", "Both speak", 1],
        ["reaction", "Reactions", 1],
        ["tool", "Tools", 1],
        ["detection", "Turn detection", 1],
    ]
    assert timeline["blocks"][0] == ["caller", 1, 1000, 2000, "Where is my order, please?", "turn", "Caller", 0, 0]
