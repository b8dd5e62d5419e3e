"""Cases, turns, records and grades for tests: complete, ordinary, and changed only where a test says so.

Every maker takes the fields of what it makes as keywords, so that a test names what it is about and nothing else::

    record = make_record(make_case("a", expects_no_call=True), turns=(make_turn(calls=[("cancel_order", {})]),))
    grade = make_grade(record, "tool_call", 0)
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from evalkit.records.case import Case
from evalkit.records.faults import Failure, decide_fault
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord, ToolCall, Turn, Words

NOW = "2026-01-01T00:00:00Z"


def make_case(case_id: str = "case-1", mode: str = "text", **fields: Any) -> Case:
    """Return a case that says nothing about tool calls, unless `fields` do."""
    return Case(**{"case_id": case_id, "mode": mode, "inputs": {}, **fields})


def make_call(name: str = "get_order", arguments: Any = None, call_id: str = "call_1") -> ToolCall:
    """Return a tool call; `arguments` that are no object are what was sent in their place."""
    given = {} if arguments is None else arguments
    raw = given if isinstance(given, str) else json.dumps(given)
    return ToolCall(name, given if isinstance(given, dict) else None, raw, call_id)


def make_turn(
    turn_index: int = 1, *, assistant_text: str = "Sure.", calls: Sequence[tuple[str, Any]] = (), **fields: Any
) -> Turn:
    """Return a turn in which both said something, behind a tool call for each (name, arguments) of `calls`."""
    made = (make_call(name, given, f"call_{number}") for number, (name, given) in enumerate(calls))
    given = {"turn_index": turn_index, "user_text": "hello", "steps": (*made, Words(assistant_text))}
    return Turn(**{**given, **fields})


def make_record(case: Case | None = None, **fields: Any) -> CaseRecord:
    """Return a record of one good turn; with a `failure` and no turns of its own, of none, at the fault it shows."""
    failure: Failure | None = fields.get("failure")
    given: dict[str, Any] = {
        "case": case or make_case(),
        "trial": 1,
        "seed": 0,
        "reuse_key": "key",
        "settings": {},
        "turns": () if failure else (make_turn(),),
        "failure": None,
        "attempts": (),
        "cost_usd": {},
        "served_model": "model",
        "started_at": NOW,
        "duration_ms": 1.0,
        "fault": decide_fault(failure) if failure else None,
    }
    return CaseRecord(**{**given, **fields})


def make_grade(
    record: CaseRecord | str, grader_id: str, grade: float | None, turn_index: int | None = 1, **fields: Any
) -> Grade:
    """Return a grade of `record` (or of the case-trial of that key) about a turn; about the whole trace with None."""
    given: dict[str, Any] = {
        "key": record if isinstance(record, str) else record.key,
        "turn_index": turn_index,
        "grader_id": grader_id,
        "grader_type": grader_id,
        "grader_version": "1",
        "grade": grade,
        "rationale": f"because {grade}",
        "record_sha256": "sha",
        "graded_at": NOW,
    }
    return Grade(**{**given, **fields})
