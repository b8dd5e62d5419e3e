"""What a call's timeline takes and refuses."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.metrics.turn_taking.timeline import (
    AgentSpeech,
    CallerAct,
    CallerSpeech,
    CallTimeline,
    Segment,
    ToolCallGroup,
    merge_segments,
)
from evalkit.modes.voice.turn_taking import AgentSpan, CallerSpan, CallSpans, HeardSpan

SEGMENTS = st.builds(lambda start, length: Segment(start, start + length), st.integers(0, 90), st.integers(1, 9))


@pytest.mark.parametrize(("start_s", "end_s"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_a_segment_has_a_length(start_s: float, end_s: float) -> None:
    """An empty one is none."""
    with pytest.raises(ValueError, match="is empty or not finite"):
        Segment(start_s, end_s)


def test_overlap_is_what_both_share() -> None:
    """Nothing where they only touch."""
    assert Segment(1.0, 3.0).overlap_s(Segment(2.5, 9.0)) == 0.5
    assert Segment(1.0, 3.0).overlap_s(Segment(3.0, 9.0)) == 0.0


def test_pauses_lie_between_parts() -> None:
    """Parts that touch have none between them."""
    said = CallerSpeech(CallerAct.TURN, (Segment(1.0, 2.0), Segment(2.5, 3.0), Segment(3.0, 4.0)))
    assert said.pauses == (Segment(2.0, 2.5),)
    assert said.extent == Segment(1.0, 4.0)


def test_what_is_addressed_to_the_agent_wants_an_answer() -> None:
    """Backchannels, tics and side speech do not."""
    call = CallTimeline(
        "call", 20.0, tuple(CallerSpeech(act, (Segment(place, place + 0.5),)) for place, act in enumerate(CallerAct))
    )
    assert [said.act for said in call.addressed] == [CallerAct.TURN, CallerAct.INTERRUPTION, CallerAct.NUDGE]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CallerSpeech(CallerAct.TURN, ()), "speech without any part"),
        (lambda: AgentSpeech((Segment(0, 2), Segment(1, 3))), "begins before the one before it ends"),
        (lambda: ToolCallGroup(2.0, 1.0), "cannot be answered at"),
        (lambda: CallTimeline("c", 1.0, agent=(AgentSpeech((Segment(0, 2),)),)), "speech until 2 s in a call of 1.0 s"),
        (lambda: CallTimeline("c", 9.0, tool_calls=(ToolCallGroup(2, 3), ToolCallGroup(1, 3))), "order of their times"),
        (
            lambda: CallTimeline(
                "c", 9.0, tuple(CallerSpeech(CallerAct.TURN, (Segment(at, at + 1),)) for at in (3, 1))
            ),
            "order of its starts",
        ),
        (
            lambda: CallTimeline("c", 9.0, agent=(AgentSpeech((Segment(0, 3),)), AgentSpeech((Segment(2, 4),)))),
            "begins before the one before it ends",
        ),
    ],
)
def test_what_cannot_have_happened_is_refused(build: object, message: str) -> None:
    """With what is wrong."""
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]


@given(st.lists(SEGMENTS), st.integers(0, 5))
def test_merged_segments_are_apart_and_cover_what_they_were(segments: list[Segment], gap: int) -> None:
    """Further apart than the gap; each original lies in one of them."""
    merged = merge_segments(segments, gap)
    assert all(after.start_s - before.end_s > gap for before, after in pairwise(merged))
    for segment in segments:
        assert any(one.start_s <= segment.start_s and segment.end_s <= one.end_s for one in merged)


@pytest.mark.parametrize("began_s", [0.0, 1.0, 7.0, 1000.0])
def test_a_gap_of_exactly_the_limit_joins_whenever_the_call_began(began_s: float) -> None:
    """0.8 to 1.4 is a hair less than 0.6, and 1.8 to 2.4 a hair more."""
    said = [Segment(began_s + 0.5, began_s + 0.8), Segment(began_s + 1.4, began_s + 2.0)]
    assert merge_segments(said, 0.6) == (Segment(began_s + 0.5, began_s + 2.0),)
    assert merge_segments(said, 0.59) == tuple(said)


def test_a_timeline_is_read_from_the_record_of_a_call() -> None:
    """As a call in full duplex writes it, with further keys that say nothing here."""
    spans = CallSpans(
        30_000.0,
        (
            CallerSpan(1, (HeardSpan(1_000.0, 2_000.0), HeardSpan(2_500.0, 3_000.0))),
            CallerSpan(2, (HeardSpan(6_000.0, 7_000.0),)),
        ),
        (
            AgentSpan(1, (HeardSpan(4_000.0, 6_400.0),), was_cut=True),
            AgentSpan(2, (HeardSpan(8_000.0, 9_000.0),), was_cut=False),
        ),
        ((3_200.0, 3_300.0),),
        ended_waiting=True,
    )
    document = json.loads(json.dumps({**spans.to_json(), "reports": []}))
    assert CallTimeline.from_json("case", document) == CallTimeline(
        "case",
        30.0,
        (
            CallerSpeech(CallerAct.TURN, (Segment(1.0, 2.0), Segment(2.5, 3.0))),
            CallerSpeech(CallerAct.INTERRUPTION, (Segment(6.0, 7.0),)),
        ),
        (AgentSpeech((Segment(4.0, 6.4),), was_cut=True), AgentSpeech((Segment(8.0, 9.0),))),
        (ToolCallGroup(3.2, 3.3),),
        ended_waiting=True,
    )


def test_what_is_no_timeline_is_refused() -> None:
    """By the key that it lacks."""
    with pytest.raises(KeyError, match="caller"):
        CallTimeline.from_json("case", {"duration_s": 3.0})
