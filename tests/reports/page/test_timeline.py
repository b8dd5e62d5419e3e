"""Blocks lie where they were heard, or, in an unpaced run, where the recording has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evalkit.records.record import ToolCall, Words
from evalkit.reports.page.events import CallMark, Response, TurnMarks
from evalkit.reports.page.timeline import Lane, lay_out


@pytest.fixture
def record(make_record: Any, make_turn: Any) -> Any:
    """Two turns of 1,000 ms from the caller and 600 ms from the assistant."""
    measures = {"input_audio_ms": 1000.0, "output_audio_ms": 600.0}
    turns = tuple(make_turn(index, measures=measures) for index in (1, 2))
    return make_record(mode="run", turns=turns)


def marks(offset: float) -> TurnMarks:
    return TurnMarks(
        sound_began_ms=offset,
        asked_ms=offset + 50,
        done_ms=offset + 500,
        responses={"r1": Response(offset + 250, 100), "r2": Response(offset + 260, 200)},
        calls={"c": CallMark("look_up", offset + 255, offset + 258)},
    )


def spans(record: Any, turn_marks: Any, lane: Lane) -> list[tuple[float, float]]:
    return [(b.start_ms, b.end_ms) for b in lay_out(record, turn_marks).blocks if b.lane is lane]


def test_an_unpaced_call_is_laid_end_to_end(record: Any) -> None:
    """Caller, measured wait, assistant, and the next turn when it has ended; nothing overlaps."""
    both = {1: marks(0.0), 2: marks(700.0)}
    assert spans(record, both, Lane.CALLER) == [(0.0, 1000.0), (1800.0, 2800.0)]
    assert spans(record, both, Lane.WAIT) == [(1000.0, 1200.0), (2800.0, 3000.0)]
    assert spans(record, both, Lane.ASSISTANT) == [(1200, 1400), (1400, 1800), (3000, 3200), (3200, 3600)]
    assert spans(record, both, Lane.TOOL) == [(1205, 1208), (3005, 3008)]
    assert lay_out(record, both).constructed


def test_each_answer_shows_its_own_words(make_record: Any, make_turn: Any) -> None:
    """What was said before a tool call is not shown again after it; all words where it is not known which were when."""
    call = ToolCall("look_up", {}, "{}", "c")
    turn = replace(make_turn(), steps=(Words("One moment."), call, Words("It is here.")))
    told = [b.label for b in lay_out(make_record(turns=(turn,)), {1: marks(0.0)}).blocks if b.lane is Lane.ASSISTANT]
    assert told == ["One moment.", "It is here."]
    mixed = replace(turn, steps=(call, Words("One moment. It is here.")))
    told = [b.label for b in lay_out(make_record(turns=(mixed,)), {1: marks(0.0)}).blocks if b.lane is Lane.ASSISTANT]
    assert told == ["One moment. It is here."] * 2


def test_a_paced_call_lies_where_its_events_say(record: Any) -> None:
    """The clock is that of the case."""
    paced = replace(record, settings={"real_time": True}, notes={"timeline": "paced"})
    found = {1: marks(100.0), 2: marks(2000.0)}
    assert spans(paced, found, Lane.CALLER) == [(100.0, 1100.0), (2000.0, 3000.0)]
    assert spans(paced, found, Lane.ASSISTANT)[0] == (350, 550)
    assert not lay_out(paced, found).constructed


def test_without_a_log_the_records_own_numbers_do(record: Any) -> None:
    """A first sound after the shortest latency, as long as it was."""
    assert spans(record, {}, Lane.CALLER) == [(0.0, 1000.0), (1700.0, 2700.0)]
    assert spans(record, {}, Lane.ASSISTANT) == [(1100.0, 1700.0), (2900.0, 3500.0)]


def test_a_text_only_case_has_what_it_has(make_record: Any, make_turn: Any) -> None:
    """No sound: an answer from its first word to its end; no turn: no block."""
    turn = make_turn(measures={}, latencies={"latency_first_text_ms": 30.0, "latency_response_done_ms": 80.0})
    blocks = lay_out(make_record(mode="quiz", turns=(turn,)), {}).blocks
    assert [(b.lane, b.start_ms, b.end_ms) for b in blocks] == [(Lane.WAIT, 0.0, 30.0), (Lane.ASSISTANT, 30.0, 80.0)]
    assert lay_out(make_record(turns=()), {}).blocks == ()
