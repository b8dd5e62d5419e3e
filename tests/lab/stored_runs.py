"""Small finished runs of several modes as a run leaves them, made of whole cloth: for tests of the lab's pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import factories
import numpy as np
import stored_sessions

from evalkit.audio.wav import write_pcm16
from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Stage
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput, Turn, Usage, Words
from evalkit.store.run_directory import RunDirectory, RunStatus

BEGUN = "2026-01-02T10:00:00.000+00:00"
ENDED = "2026-01-02T10:01:00.000+00:00"
_RATE_HZ = 8000
_LIMITS = {"max_attempts": 3, "max_cost_usd": None}
_PROVIDER = {"name": "local", "base_url": None, "api_key_env": None}
_GATE = {"min_grade": None, "bound": "point"}
_REPORT = {"plots": False, "html": False, "audio": "linked"}

DIFF = "--- a/src/add.py\n+++ b/src/add.py\n@@ -1,2 +1,2 @@\n def add(a, b):\n-    return a - b\n+    return a + b\n"


def write_run(
    root: Path,
    config: Mapping[str, Any],
    records: Sequence[CaseRecord],
    grades: Mapping[str, Mapping[str, float | None]],
    **facts: Any,
) -> RunDirectory:
    """Write a run of these `records`, with `grades` (case-trial -> grader -> grade), and return its directory.

    Args:
        root: Where; its parents are made.
        config: What differs from a run of little.
        records: What it found.
        grades: About the last turn in a dialogue of one turn, else about the whole trace.
        facts: `status` (None: none is written), and what differs in ``provenance.json``, `run_id` above all.

    """
    run = RunDirectory(root)
    root.mkdir(parents=True)
    status = facts.pop("status", RunStatus.COMPLETED)
    provenance = {
        "run_id": uuid4().hex,
        "config_sha256": hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest(),
        "evalkit_version": "0.1.0",
        "git": {"commit": "abc", "dirty": False},
        "argv": ["evalkit", f"mode={config['mode']['name']}"],
        "python": "3.11",
        "platform": "test",
        "packages": {"some-package": "1.0"},
        "datasets": [{"path": "data/cases.csv", "sha256": "feed", "bytes": 1}],
        "case_trials": [record.key for record in records],
        "models_asked": {"assistant": config["assistant"]["model"]},
        "models_served": [config["assistant"]["model"]],
        "started_at": BEGUN,
        "ended_at": ENDED if status else None,
        **facts,
    }
    run.write_config(
        {
            "limits": _LIMITS, "gate": _GATE, "report": _REPORT, "provider": _PROVIDER, "trials": 1, "seed": 0,
            "concurrency": 1, "run_name": None, "output_dir": "outputs", **config,
        }
    )  # fmt: skip
    run.provenance_path.write_text(json.dumps(provenance), encoding="utf-8")
    for record in records:
        store_trial(run, record, grades.get(record.key, {}))
    if status is not None:
        counts = {"planned": len(provenance["case_trials"]), "finished": len(records), "not_scored": 0}
        run.write_status(status, exit_code=0 if status != RunStatus.RUNNING else None, counts=counts)
    return run


def store_trial(run: RunDirectory, record: CaseRecord, grades: Mapping[str, float | None]) -> str:
    """Store a case-trial as a run does when it ends, and its `grades`; return the hash of its record."""
    run.journal_start(record.key, 1)
    record_sha256 = run.store_record(record)
    turn_index = record.turns[0].turn_index if len(record.turns) == 1 else None
    run.append_grades([_grade(record, name, value, turn_index, record_sha256) for name, value in grades.items()])
    return record_sha256


def write_crawl(
    root: Path,
    model: str = "model-a",
    *,
    passing: Sequence[bool] = (True, False),
    name: str | None = None,
    changes: Mapping[str, Any] | None = None,
    **facts: Any,
) -> RunDirectory:
    """Write a run of a crawl: a call for each of `passing`, with sound, and a last one that nobody answered.

    `changes` are what differs in its config.
    """
    records = [make_call(f"order-{number}", model=model) for number, _ in enumerate(passing, start=1)]
    silent = Failure(Stage.CONNECT, "connection_refused", "nobody listens at 127.0.0.1:9")
    lost = replace(make_call("order-lost", model=model), turns=(), failure=silent, artifacts={})
    lost = replace(lost, fault=factories.make_record(failure=silent).fault)
    config = {
        "mode": {"name": "crawl", "data_csv": "data/cases.csv"},
        "assistant": {"model": model, "voice": "v", "provider": _PROVIDER},
        "speech": {"model": "tts-a"},
        "audio": {"input_format": "pcm16", "output_format": "pcm16", "sample_rate_hz": _RATE_HZ},
        "chunk_ms": 20,
        "real_time": False,
        "run_name": name,
        **(changes or {}),
    }
    grades = {
        record.key: {"tool_call": 1.0, "tool_call_args": float(good)}
        for record, good in zip(records, passing, strict=True)
    }
    run = write_run(root, config, [*records, lost], grades, **facts)
    for number, record in enumerate(records, start=1):
        _write_call(run, record, number)
    return run


def make_call(case_id: str, *, model: str = "model-a", trial: int = 1) -> CaseRecord:
    """Return the record of a call in which somebody asks for an order."""
    case = Case(
        case_id,
        "crawl",
        {"user_text": "Where is my order 48213?"},
        (ExpectedCall("get_order", {"order_id": "48213"}),),
        required_graders=("tool_call", "tool_call_args"),
    )
    arguments = {"order_id": "48213"}
    key = case_id if trial == 1 else f"{case_id}.t{trial}"
    turn = Turn(
        1,
        "Where is my order 48213?",
        (
            Words("One moment, let me look that up."),
            ToolCall("get_order", arguments, json.dumps(arguments), "call_1"),
            ToolOutput("call_1", "get_order", arguments, {"status": "shipped"}),
            Words("It has been shipped."),
        ),
        latencies={"latency_first_audio_ms": 400.0, "latency_first_text_ms": 390.0, "latency_response_done_ms": 900.0},
        measures={"input_audio_ms": 1000.0, "output_audio_ms": 1000.0},
        artifacts={f"{side}_audio_path": f"audio/{key}/{side}.wav" for side in ("input", "output")},
        usage=Usage(input_tokens=50, output_tokens=20),
    )
    return factories.make_record(
        case,
        trial=trial,
        turns=(turn,),
        settings={"mode": "crawl", "assistant": {"model": model}, "chunk_ms": 20, "real_time": False},
        cost_usd={"assistant": 0.01, "speech": 0.001},
        served_model=model,
        started_at=BEGUN,
        duration_ms=2_000.0,
        artifacts={"event_log_path": f"events/{key}.jsonl"},
    )


def write_coding(root: Path, model: str = "coder-a", **facts: Any) -> RunDirectory:
    """Write a run of a coding task that was solved, with its answer and its diff."""
    case = Case(
        "py_add",
        "coding",
        {
            "title": "Add two numbers", "language": "python", "kind": "bugfix", "difficulty": "easy",
            "judged_by": "calls", "tags": ["arithmetic"], "editable": ["src/*.py"],
            "calls": [{"id": "small", "fn": "add", "args": [1, 2]}, {"id": "zero", "fn": "add", "args": [0, 0]}],
        },
        extra={"expected_answers": {"small": {"expect": 3}, "zero": {"expect": 0}}},
        required_graders=("tests",),
    )  # fmt: skip
    turn = Turn(
        1,
        "# Add two numbers\n\nFix `add` in `src/add.py`.",
        (Words(f"```diff\n{DIFF}```"),),
        latencies={"latency_first_text_ms": 80.0, "latency_response_done_ms": 700.0},
        usage=Usage(input_tokens=210, output_tokens=60),
    )
    record = factories.make_record(
        case,
        turns=(turn,),
        settings={"mode": "coding", "assistant": {"model": model}, "edit_format": "diff", "lenient": True},
        cost_usd={"assistant": 0.002},
        served_model=model,
        started_at=BEGUN,
        duration_ms=900.0,
        artifacts={"prompt_path": "files/py_add/prompt.md", "response_path": "files/py_add/response.md",
                   "diff_path": "files/py_add/edit.diff"},
        notes={"observed": {"status": "answered", "reason": "", "answers": {"small": {"ok": 3}, "zero": {"ok": 0}}},
               "shown": {"diff": DIFF, "build_log": "", "run_log": "adding 1 and 2"}},
    )  # fmt: skip
    config = {
        "mode": {"name": "coding", "tasks_dir": "data/coding", "tasks": [], "edit_format": "diff",
                 "include_tests": False, "lenient": True, "repair_rounds": 0, "dry_run": False, "responses": None,
                 "sandbox": "auto", "graders": []},
        "assistant": {"model": model, "provider": _PROVIDER},
    }  # fmt: skip
    run = write_run(root, config, [record], {"py_add": {"tests": 1.0, "tests_strict": 1.0}}, **facts)
    files = run.files_dir("py_add")
    files.mkdir(parents=True)
    (files / "prompt.md").write_text(turn.user_text, encoding="utf-8")
    (files / "response.md").write_text(turn.assistant_text, encoding="utf-8")
    (files / "edit.diff").write_text(DIFF, encoding="utf-8")
    return run


def write_terminal(root: Path, agent: str = "demo", **facts: Any) -> RunDirectory:
    """Write a run of a program in a terminal, with the recording, the transcript and what it changed."""
    record = replace(stored_sessions.make_session("writes"), started_at=BEGUN)
    record = replace(record, artifacts={**record.artifacts, "diff_path": "files/writes/workspace.diff"})
    config = {
        "mode": {"name": "terminal", "data_csv": "data/cases.csv", "graders": []},
        "agent": {"name": agent, "transport": "pty"},
        "assistant": {"model": None, "provider": _PROVIDER},
    }
    run = write_run(root, config, [record], {"writes": {"right": 1.0}}, **facts)
    files = run.files_dir("writes")
    files.mkdir(parents=True)
    (files / "recording.cast").write_bytes(stored_sessions.make_cast())
    (files / "transcript.md").write_text("# writes\n\nThe user said: write it\n", encoding="utf-8")
    (files / "workspace.diff").write_text(stored_sessions.DIFF, encoding="utf-8")
    return run


def write_samples(folder: Path) -> dict[str, RunDirectory]:
    """Write a run of each kind into `folder`, and a second crawl of another model; return them by name."""
    day = folder / "2026-01-02"
    return {
        "crawl": write_crawl(day / "10-00-00-000000_crawl_model-a"),
        "crawl-b": write_crawl(
            day / "11-00-00-000000_crawl_model-b", "model-b", passing=(True, True),
            started_at="2026-01-02T11:00:00.000+00:00",
        ),
        "coding": write_coding(day / "12-00-00-000000_coding_coder-a", started_at="2026-01-02T12:00:00.000+00:00"),
        "terminal": write_terminal(day / "13-00-00-000000_terminal_demo", started_at="2026-01-02T13:00:00.000+00:00"),
    }  # fmt: skip


def _grade(record: CaseRecord, name: str, value: float | None, turn_index: int | None, record_sha256: str) -> Grade:
    return factories.make_grade(record, name, value, turn_index, record_sha256=record_sha256, graded_at=ENDED)


def _write_call(run: RunDirectory, record: CaseRecord, number: int) -> None:
    seconds = np.arange(_RATE_HZ) / _RATE_HZ
    for side, tone_hz in (("input", 220 * number), ("output", 330 * number)):
        path = run.root / record.turns[0].artifacts[f"{side}_audio_path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pcm16(path, (8_000 * np.sin(2 * np.pi * tone_hz * seconds)).astype(np.int16), _RATE_HZ)
    events = run.events_path(record.key)
    events.parent.mkdir(parents=True, exist_ok=True)
    kinds = (
        ("session.update", "sent", 0.0),
        ("response.create", "sent", 1_000.0),
        ("response.done", "received", 1_900.0),
    )
    lines = [
        {"type": kind, "source": "assistant", "direction": direction, "turn_index": 1, "event_index": index,
         "event_time_ms": at_ms, "event": {"type": kind}}
        for index, (kind, direction, at_ms) in enumerate(kinds, start=1)
    ]  # fmt: skip
    events.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
