"""One record, all its graders, and never an exception."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evalkit.graders.apply import grade_record
from evalkit.graders.context import GraderServices, HeardText
from evalkit.records.case import ExpectedCall
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.grade import Grade, GradeLevel, GraderSpec

A = ExpectedCall("a", {"id": "1"})
CALLS, ARGUMENTS = GraderSpec("tool_call", "tool_call"), GraderSpec("tool_call_args", "tool_call_args")
HEARD = GraderSpec("heard", "audio_text_mismatch")
SILENT = Failure(Stage.RESPONSE_EMPTY, "empty_response", "the response had no output")


async def apply(record: Any, *specs: GraderSpec, transcribe: Any = None) -> list[Grade]:
    return await grade_record(record, "sha", specs, GraderServices(transcribe), lambda: "2026-01-01T00:00:00Z")


async def test_a_grade_carries_who_gave_it_and_to_what(make_record: Any) -> None:
    """Grader id, type, version, record hash, key, turn and time stand in every grade."""
    [grade] = await apply(make_record([A], [("a", {"id": 1})]), GraderSpec("mine", "tool_call"))
    assert (grade.grade, grade.grader_id, grade.grader_type, grade.grader_version) == (1, "mine", "tool_call", "1")
    assert (grade.key, grade.turn_index, grade.record_sha256) == ("case-1", 1, "sha")
    assert grade.graded_at == "2026-01-01T00:00:00Z"


async def test_turn_level_grades_every_turn_and_trace_level_once(make_record: Any) -> None:
    """A trace grade has no turn index."""
    record = make_record([], [], [], text="hello")
    by_turn = GraderSpec("turns", "contains", {"texts": ["hello"]})
    trace = GraderSpec("trace", "contains", {"texts": ["hello"]}, GradeLevel.TRACE)
    grades = await apply(record, by_turn, trace)
    assert [(grade.grader_id, grade.turn_index, grade.grade) for grade in grades] == [
        ("turns", 1, 1), ("turns", 2, 1), ("trace", None, 1),
    ]  # fmt: skip


async def test_free_graders_run_first(make_record: Any) -> None:
    """Whatever the order of the specs, what listens comes last."""
    grades = await apply(make_record([A], [("a", {"id": 1})]), HEARD, CALLS, ARGUMENTS)
    assert [grade.grader_id for grade in grades] == ["tool_call", "tool_call_args", "heard"]


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.ASSISTANT])
async def test_a_lost_case_is_never_scored(make_record: Any, fault: Fault) -> None:
    """Infrastructure, simulator, judge, mock and data give no grade, and the rationale says why."""
    failure = Failure(Stage.CONNECT, "connection_refused", "nobody listens")
    record = make_record([A], failure=failure, fault=fault)
    for grade in await apply(record, CALLS, ARGUMENTS):
        assert grade.grade is None
        assert "connection_refused" in grade.rationale
        assert str(fault) in grade.rationale


@pytest.mark.parametrize("turns", [[], [[]], [[], []]])
async def test_saying_nothing_at_all_is_0(make_record: Any, turns: list[Any]) -> None:
    """An assistant that said and called nothing fails every grader that applies, once, with the reason."""
    record = make_record([A], *turns, text="", failure=SILENT, fault=Fault.ASSISTANT)
    contains = GraderSpec("contains", "not_contains", {"texts": ["x"]})
    grades = await apply(record, CALLS, ARGUMENTS, contains)
    assert [grade.grade for grade in grades] == [0, 0, 0]
    assert all("said nothing" in grade.rationale for grade in grades)
    assert {grade.turn_index for grade in grades} == {len(turns) or None}


async def test_silence_fails_also_where_no_tool_was_expected(make_record: Any) -> None:
    """Not calling a tool is no merit of a silent assistant; arguments have no grade there, silent or not."""
    record = make_record([], [], text="", none=True, failure=SILENT, fault=Fault.ASSISTANT)
    assert [grade.grade for grade in await apply(record, CALLS, ARGUMENTS)] == [0, None]


async def test_without_its_service_a_grader_does_not_grade(make_record: Any) -> None:
    """No transcription in this run: no grade, and it says so."""
    record = make_record([], [], artifacts={"output_audio_path": "out.wav"})
    [grade] = await apply(record, HEARD)
    assert grade.grade is None
    assert "transcribe is not available" in grade.rationale


async def test_trouble_of_a_service_is_a_grade_of_none(make_record: Any) -> None:
    """An exception becomes the reason, with its type; the other graders are not touched."""

    async def broken(path: str) -> HeardText:
        raise ConnectionError(f"no answer for {path}")

    record = make_record([A], [("a", {"id": 1})], artifacts={"output_audio_path": "out.wav"})
    calls, heard = await apply(record, CALLS, HEARD, transcribe=broken)
    assert calls.grade == 1
    assert (heard.grade, heard.rationale) == (None, "not graded: ConnectionError: no answer for out.wav")


async def test_an_unknown_type_is_a_grade_of_none(make_record: Any) -> None:
    """Old records can be graded with specs that this version does not know, without a crash."""
    [grade] = await apply(make_record([], []), GraderSpec("x", "telepathy"))
    assert (grade.grade, grade.grader_version) == (None, "")
    assert "telepathy" in grade.rationale


async def test_what_listening_cost_is_kept_with_the_grade(make_record: Any) -> None:
    """Every question is paid for; an unknown price makes the sum unknown, and free graders cost nothing."""

    def listener(*costs: float | None) -> Any:
        left = list(costs)

        async def listen(path: str) -> HeardText:
            return HeardText("Sure.", left.pop(0))

        return listen

    record = make_record([A], [("a", {"id": 1})], [], artifacts={"output_audio_path": "out.wav"})
    whole = GraderSpec("heard", "audio_text_mismatch", level=GradeLevel.TRACE)
    calls, _, heard = await apply(record, CALLS, whole, transcribe=listener(0.25, 0.5))
    assert (dict(calls.cost_usd), dict(heard.cost_usd)) == ({}, {"transcription": 0.75})
    *_, unknown = await apply(record, whole, transcribe=listener(0.25, None))
    assert dict(unknown.cost_usd) == {"transcription": None}


async def test_who_did_not_answer_is_told_from_who_could_not_decide(make_record: Any) -> None:
    """An outage, a missing service and an unknown type are unanswered; what does not apply is an answer."""

    async def broken(path: str) -> HeardText:
        raise ConnectionError(path)

    record = make_record([A], [("a", {"id": 1})], artifacts={"output_audio_path": "out.wav"})
    calls, outage = await apply(record, CALLS, HEARD, transcribe=broken)
    [missing] = await apply(record, HEARD)
    [unknown] = await apply(record, GraderSpec("x", "telepathy"))
    [silent] = await apply(make_record([A], [("a", {})]), HEARD, transcribe=broken)
    unanswered = [grade.unanswered for grade in (calls, outage, missing, unknown, silent)]
    assert unanswered == [False, True, True, True, False]


async def test_what_a_line_does_not_show_is_ungraded_with_the_reason(make_record: Any) -> None:
    """A silent line is no proof that no tool was called, and an expected call that was not seen is no failure."""
    hidden = {"not_shown": {"tool_calls": "a telephone line shows no tools", "transcript": "it carries no text"}}
    for record in (make_record([A], []), make_record([A], text="hello")):
        seen = replace(record, notes=hidden)
        for grade in await apply(seen, CALLS, ARGUMENTS, HEARD, transcribe=_hear):
            assert (grade.grade, grade.unanswered) == (None, True)
            assert grade.rationale in ("not graded: a telephone line shows no tools", "not graded: it carries no text")
    [grade] = await apply(
        replace(make_record([A], [], text="hello"), notes=hidden), GraderSpec("c", "contains", {"texts": ["hello"]})
    )
    assert grade.grade == 1


async def _hear(_: str) -> HeardText:
    return HeardText("hello")
