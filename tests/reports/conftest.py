"""Records, grades and configs small enough to read in a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Fault, Stage, decide_fault
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput, Turn, Usage, Words

MakeRecord: TypeAlias = Callable[..., CaseRecord]
MakeGrade: TypeAlias = Callable[..., Grade]

REFUSED = Failure(Stage.CONNECT, "connection_refused", "nobody listens")


@pytest.fixture
def make_turn() -> Callable[..., Turn]:
    """Build a turn with a call, latencies, tokens and a sound file."""
    call = ToolCall("get_order", {"order_id": "007"}, '{"order_id": "007"}', "call_1")

    def make(
        index: int = 1,
        tool_calls: Sequence[ToolCall] = (call,),
        tool_outputs: Sequence[ToolOutput] = (),
        **changes: Any,
    ) -> Turn:
        given: dict[str, Any] = {
            "turn_index": index,
            "user_text": f"where is it, {index}?",
            "steps": (*tool_calls, *tool_outputs, Words(f"On its way, {index}.")),
            "latencies": {"latency_first_audio_ms": 100.0 * index, "latency_response_done_ms": 200.0 * index},
            "measures": {"input_audio_ms": 1500.25, "output_audio_ms": 900.0},
            "artifacts": {"output_audio_path": f"audio/out_{index}.wav"},
            "usage": Usage(input_tokens=50, output_tokens=20, output_audio_tokens=15, output_text_tokens=5),
        }
        return Turn(**{**given, **changes})

    return make


@pytest.fixture
def make_record(make_turn: Callable[..., Turn]) -> MakeRecord:
    """Build a record that ended well, or with `failure` as its evidence."""

    def make(case_id: str = "case-1", trial: int = 1, mode: str = "crawl", **changes: Any) -> CaseRecord:
        failure: Failure | None = changes.get("failure")
        given: dict[str, Any] = {
            "case": Case(case_id, mode, {"user_text": "as written"}, (ExpectedCall("get_order", {"order_id": "007"}),)),
            "trial": trial,
            "seed": 0,
            "reuse_key": "key",
            "settings": {"chunk_ms": 40, "assistant": {"model": "in-effect"}},
            "turns": () if failure else (make_turn(),),
            "failure": None,
            "attempts": (),
            "cost_usd": {"assistant": 0.25, "speech": 0.125},
            "served_model": "model-2026",
            "started_at": "2026-01-01T00:00:00Z",
            "duration_ms": 1.0,
            "fault": decide_fault(failure) if failure else None,
        }
        return CaseRecord(**{**given, **changes})

    return make


@pytest.fixture
def make_grade() -> MakeGrade:
    """Build a grade of `grade` for a record's turn."""

    def make(key: str, grader_id: str, grade: float | None, turn_index: int | None = 1, **changes: Any) -> Grade:
        given: dict[str, Any] = {
            "grader_type": grader_id,
            "grader_version": "1",
            "rationale": f"because {grade}",
            "record_sha256": "sha",
            "graded_at": "2026-01-01T00:00:00Z",
        }
        return Grade(key=key, turn_index=turn_index, grader_id=grader_id, grade=grade, **{**given, **changes})

    return make


@pytest.fixture
def both_grades(make_grade: MakeGrade) -> Callable[..., list[Grade]]:
    """Build the two grades of a tool-calling record."""

    def make(key: str, calls: float | None, arguments: float | None, turn_index: int | None = 1) -> list[Grade]:
        return [
            make_grade(key, "tool_call", calls, turn_index),
            make_grade(key, "tool_call_args", arguments, turn_index),
        ]

    return make


@pytest.fixture
def config() -> dict[str, Any]:
    """A resolved run config."""
    return {
        "mode": {"name": "crawl", "data_csv": "data/crawl.csv"},
        "assistant": {"model": "model-a", "voice": "v", "system_prompt_file": "prompt.txt", "tools_file": "tools.json"},
        "simulator": {"model": "caller-a"},
        "speech": {"model": "tts-a"},
        "audio": {
            "input_format": "pcm16",
            "output_format": "g711_ulaw",
            "sample_rate_hz": 24000,
            "output_sample_rate_hz": 8000,
        },
        "chunk_ms": 20,
        "real_time": False,
        "trials": 1,
        "seed": 0,
        "run_name": "nightly",
    }


@pytest.fixture
def lost(make_record: MakeRecord) -> CaseRecord:
    """A record whose case was lost to infrastructure."""
    record = make_record("case-lost", failure=REFUSED)
    assert record.fault is Fault.INFRASTRUCTURE
    return record
