"""Who spoke into whose words, and who ended the call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evalkit.graders.context import GraderContext
from evalkit.graders.turn_taking import (
    grade_call_ended_by,
    grade_lets_caller_finish,
    grade_speech_without_holes,
    grade_stops_when_interrupted,
)
from evalkit.records.faults import Failure
from evalkit.records.grade import GraderSpec

QUIET: dict[str, float] = {"interrupted_caller": 0.0, "overlap_ms": 0.0}
CUT_IN: dict[str, float] = {"interrupted_caller": 1.0, "overlap_ms": 300.0}
GAVE_WAY: dict[str, float] = {**QUIET, "yielded": 1.0, "yield_latency_ms": 412.0}
SPOKE_ON: dict[str, float] = {**QUIET, "yielded": 0.0}


def ask(make_record: Any, *measures: dict[str, float], turn: int | None = None, **notes: str) -> GraderContext:
    """Return the question about one turn (None: all) of a call whose turns have these measures."""
    made = make_record([], *[[] for _ in measures])
    turns = tuple(replace(each, measures=found) for each, found in zip(made.turns, measures, strict=True))
    record = replace(made, turns=turns, notes=notes)
    options = {"by": "assistant"}
    return GraderContext(record, None if turn is None else turns[turn - 1], GraderSpec("g", "t", options))


@pytest.mark.parametrize(
    ("measures", "turn", "wanted"),
    [
        ((QUIET, QUIET), None, 1),
        ((QUIET, CUT_IN), None, 0),
        ((QUIET, CUT_IN), 1, 1),
        ((QUIET, {}), None, 1),
        (({},), None, None),
    ],
)
async def test_lets_caller_finish(make_record: Any, measures: Any, turn: int | None, wanted: float | None) -> None:
    """One turn in which it cut in is enough; a turn that was not measured says nothing."""
    assert (await grade_lets_caller_finish(ask(make_record, *measures, turn=turn))).grade == wanted


async def test_a_verdict_names_the_turns(make_record: Any) -> None:
    """Whoever reads it knows where to listen."""
    assert "turn 1, 3" in (await grade_lets_caller_finish(ask(make_record, CUT_IN, QUIET, CUT_IN))).rationale
    assert "turn 2" in (await grade_stops_when_interrupted(ask(make_record, QUIET, SPOKE_ON))).rationale
    assert "412 ms" in (await grade_stops_when_interrupted(ask(make_record, GAVE_WAY))).rationale


async def test_of_a_call_that_broke_off_its_failure_is_told(make_record: Any) -> None:
    """Which may well say who hung up."""
    failure = Failure("response_error", "hung_up", "the application hung up before it had answered")
    context = ask(make_record, QUIET, ended_by="failure")
    verdict = await grade_call_ended_by(replace(context, record=replace(context.record, failure=failure)))
    assert (verdict.grade, verdict.rationale) == (None, f"the call broke off: {failure.message}")


@pytest.mark.parametrize(
    ("measures", "wanted"),
    [
        ((QUIET, GAVE_WAY), 1),
        ((GAVE_WAY, SPOKE_ON), 0),
        ((QUIET, QUIET), None),
        (({},), None),
    ],
)
async def test_stops_when_interrupted(make_record: Any, measures: Any, wanted: float | None) -> None:
    """Whom nobody interrupted has neither stopped nor spoken on."""
    assert (await grade_stops_when_interrupted(ask(make_record, *measures))).grade == wanted


@pytest.mark.parametrize(
    ("ended_by", "wanted"), [("assistant", 1), ("caller", 0), ("max_turns", 0), ("failure", None), (None, None)]
)
async def test_call_ended_by(make_record: Any, ended_by: str | None, wanted: float | None) -> None:
    """A call that broke off was ended by nobody."""
    notes = {} if ended_by is None else {"ended_by": ended_by}
    assert (await grade_call_ended_by(ask(make_record, QUIET, **notes))).grade == wanted


@pytest.mark.parametrize(
    ("measures", "wanted"),
    [
        (({"speech_holes": 0.0, "speech_holes_ms": 0.0},) * 2, 1),
        (({"speech_holes": 0.0, "speech_holes_ms": 0.0}, {"speech_holes": 3.0, "speech_holes_ms": 412.0}), 0),
        ((QUIET,), None),
    ],
)
async def test_speech_without_holes(make_record: Any, measures: Any, wanted: float | None) -> None:
    """One hole is enough; a realtime model has none, and is not graded."""
    verdict = await grade_speech_without_holes(ask(make_record, *measures))
    assert verdict.grade == wanted
    if wanted == 0:
        assert "3 times, 412 ms together, in turn 2" in verdict.rationale
