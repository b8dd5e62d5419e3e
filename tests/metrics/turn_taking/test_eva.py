"""EVA's turn-taking score, against values computed by hand from its published definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.metrics.turn_taking.eva import (
    EvaTurn,
    Timing,
    find_turns,
    measure_eva,
    measure_eva_passed,
    measure_eva_pre_tool_speech,
    score_call,
    score_latency,
    score_turn,
    score_yield,
)
from evalkit.metrics.turn_taking.timeline import (
    AgentSpeech,
    CallerAct,
    CallerSpeech,
    CallTimeline,
    Segment,
    ToolCallGroup,
)


def turn(caller: list[tuple[float, float]], agent: list[tuple[float, float]], **more: object) -> EvaTurn:
    return EvaTurn(
        tuple(Segment(*one) for one in caller),
        tuple(Segment(*one) for one in agent),
        **more,  # type: ignore[arg-type]
    )


def call(
    caller: list[tuple[CallerAct, float, float]],
    agent: list[tuple[float, float]],
    tools: tuple[ToolCallGroup, ...] = (),
    *,
    ended_waiting: bool = False,
) -> CallTimeline:
    return CallTimeline(
        "call",
        90.0,
        tuple(CallerSpeech(act, (Segment(start, end),)) for act, start, end in caller),
        tuple(AgentSpeech((Segment(start, end),)) for start, end in agent),
        tools,
        ended_waiting,
    )


@pytest.mark.parametrize(
    ("latency_ms", "plain", "with_tool"),
    [
        (-600, 0, 0),
        (-500, 0, 0),
        (0, 0.5, 0.5),
        (200, 0.7, 0.7),  # worse than 500 ms
        (500, 1, 1),
        (2000, 1, 1),
        (2750, 0.5, 1),
        (3000, 1 / 3, 1),
        (3500, 0, 0.75),
        (4000, 0, 0.5),
        (5000, 0, 0),
        (9000, 0, 0),
    ],
)
def test_the_latency_curve_is_the_published_one(latency_ms: float, plain: float, with_tool: float) -> None:
    """The table of EVA's own documentation."""
    assert score_latency(latency_ms) == pytest.approx(plain)
    assert score_latency(latency_ms, has_tool_call=True) == pytest.approx(with_tool)


@pytest.mark.parametrize(("yield_ms", "score"), [(0, 1), (600, 0.7), (1000, 0.5), (2000, 0), (3000, 0)])
def test_the_yield_curve_is_the_published_one(yield_ms: float, score: float) -> None:
    """Linear to 2 s."""
    assert score_yield(yield_ms) == pytest.approx(score)


@pytest.mark.parametrize(
    ("one", "score"),
    [
        # An answer.
        (turn([(0, 2)], [(3, 5)]), 1.0),
        (turn([(0, 2)], [(2.2, 5)]), 0.7),
        (turn([(0, 2)], [(4.75, 5)]), 0.5),
        (turn([(0, 2)], [(4.75, 5)], has_tool_call=True), 1.0),
        (turn([(0, 2), (4, 6)], [(7, 9)]), 1.0),  # from the last end
        # A cut-in: overlap of 200 ms 0.45, one segment 0.5, settled after 1 s 1.
        (turn([(0, 5)], [(2, 2.2), (6, 8)]), 0.45),
        (turn([(0, 5)], [(2, 3), (6, 8)]), 0.25),  # overlap of 1 s
        (turn([(0, 5)], [(1, 1.1), (2, 2.1), (6, 8)]), 0.25),  # two segments; overlap of 0.2 s 0.45
        (turn([(0, 5)], [(1, 1.1), (2, 2.1), (3, 3.1), (6, 8)]), 0.0),  # three
        (turn([(0, 5)], [(2, 4.5), (6, 8)]), 0.0),  # overlap of 2.5 s
        (turn([(0, 5)], [(2, 2.2), (8.2, 9)]), 0.2),  # settled after 3.2 s: (3.5 - 3.2) / 1.5
        (turn([(0, 5)], [(4.6, 8)]), 0.4),  # speaks on: overlap of 0.4 s, nothing settles
        (turn([(0, 5)], [(4.9, 8)]), 0.475),  # never above 0.5
        # The caller interrupts: the agent's words of before end 0.6 s into the turn.
        (turn([(0, 2)], [(9, 10)], agent_before_s=0.6), 0.7),  # the answer's latency does not matter
        (turn([(0, 2)], [(3, 5)], agent_before_s=2.5), 0.0),
        (turn([(1, 2)], [(3, 5)], agent_before_s=0.6), 1.0),  # it had ended before
        # Both: the worse of the two.
        (turn([(0, 5)], [(2, 2.2), (6, 8)], agent_before_s=0.2), 0.45),
        (turn([(0, 5)], [(2, 2.2), (6, 8)], agent_before_s=1.4), 0.3),
        # Nothing to score, and a nudge.
        (turn([(0, 2)], []), None),
        (turn([(0, 2), (9, 10)], [(11, 12)], was_nudged=True), 0.0),
        (turn([(0, 2), (9, 10)], [], was_nudged=True), 0.0),
    ],
)
def test_a_turn_has_the_score_computed_by_hand(one: EvaTurn, score: float | None) -> None:
    """By answer, cut-in, yield or the worse of two."""
    assert score_turn(one) == (None if score is None else pytest.approx(score))


@pytest.mark.parametrize(
    ("latency_s", "has_tool_call", "timing"),
    [
        (0.19, False, Timing.EARLY),
        (0.2, False, Timing.ON_TIME),
        (2.74, False, Timing.ON_TIME),
        (2.75, False, Timing.LATE),
        (3.99, True, Timing.ON_TIME),
        (4.0, True, Timing.LATE),
        (0.19, True, Timing.EARLY),
    ],
)
def test_an_answer_is_early_on_time_or_late(latency_s: float, has_tool_call: bool, timing: Timing) -> None:
    """By bounds of their own, not by the curve."""
    assert turn([(-1, 0)], [(latency_s, 9)], has_tool_call=has_tool_call).timing is timing


def test_a_call_falls_into_turns() -> None:
    """The greeting is none; a nudge belongs to its turn, a backchannel to nothing."""
    one = call(
        [
            (CallerAct.TURN, 2, 4),
            (CallerAct.BACKCHANNEL, 6, 6.3),
            (CallerAct.INTERRUPTION, 8, 9),
            (CallerAct.NUDGE, 20, 21),
            (CallerAct.TURN, 30, 31),
        ],
        [(0, 1), (5, 8.5), (22, 24), (33, 34)],
        (ToolCallGroup(21.5, 21.9),),
    )
    assert find_turns(one) == (
        turn([(2, 4)], [(5, 8.5)], agent_before_s=1),
        turn([(8, 9), (20, 21)], [(22, 24)], has_tool_call=True, agent_before_s=8.5, was_nudged=True),
        turn([(30, 31)], [(33, 34)], agent_before_s=24),
    )
    assert score_call(one) == pytest.approx((1 + 0 + 1) / 3)


def test_only_the_turn_before_can_be_interrupted() -> None:
    """As published: what the agent began two turns ago is no yield of this one, though it is heard until 12 s."""
    one = call([(CallerAct.TURN, 1, 2), (CallerAct.TURN, 5, 6), (CallerAct.TURN, 10, 11)], [(1.5, 12), (13, 14)])
    assert [found.agent_before_s for found in find_turns(one)] == [None, 12, None]


def test_an_unanswered_turn_without_a_nudge_has_no_score() -> None:
    """It is left out, as published: only the other counts."""
    one = call([(CallerAct.TURN, 1, 2), (CallerAct.TURN, 9, 10)], [(11, 12)])
    assert score_call(one) == 1.0


@pytest.mark.parametrize(
    ("agent", "ended_waiting", "score"),
    [
        ([(3, 4)], True, 0.0),  # the last turn was never answered
        ([(3, 4)], False, 1.0),  # the call was over
        ([(3, 4), (11, 12)], True, 1.0),  # the agent had the last word
        ([], False, 0.0),  # nothing to score
    ],
)
def test_a_call_that_ended_waiting_scores_nothing(
    agent: list[tuple[float, float]], ended_waiting: bool, score: float
) -> None:
    """Whatever its other turns were worth."""
    one = call([(CallerAct.TURN, 1, 2), (CallerAct.TURN, 9, 10)], agent, ended_waiting=ended_waiting)
    assert score_call(one) == score


def test_the_score_of_a_run_is_the_mean_of_its_calls() -> None:
    """Each call weighs the same, however many turns it has."""
    good = call([(CallerAct.TURN, 1, 2)], [(3, 4)])
    poor = call(
        [(CallerAct.TURN, start, start + 1) for start in (1, 11, 21)], [(start + 2, start + 3) for start in (1, 11)]
    )
    late = call([(CallerAct.TURN, 1, 2)], [(4.75, 9)])
    measured = measure_eva([good, poor, late])
    assert (measured.value, measured.events) == (pytest.approx((1 + 1 + 0.5) / 3), 3)
    passed = measure_eva_passed([good, poor, late])
    assert ([event.value for event in passed.contributions], passed.shown) == ([1.0, 1.0, 0.0], "2 of 3")


def test_speech_before_tools_is_counted_per_group() -> None:
    """One called in silence, one after a word, one after a greeting that the caller has answered since."""
    one = call(
        [(CallerAct.TURN, 3, 4), (CallerAct.TURN, 13, 14)],
        [(0, 1), (8, 9), (14.5, 16)],
        (ToolCallGroup(5, 6), ToolCallGroup(15, 17)),
    )
    measured = measure_eva_pre_tool_speech([one])
    assert [event.value for event in measured.contributions] == [0.0, 1.0]


@given(st.floats(-1e5, 1e5), st.booleans())
def test_scores_lie_between_0_and_1(latency_ms: float, has_tool_call: bool) -> None:
    """However early or late, and a tool never makes it worse."""
    assert 0 <= score_latency(latency_ms, has_tool_call=has_tool_call) <= 1
    assert score_latency(latency_ms, has_tool_call=True) >= score_latency(latency_ms)


@given(st.lists(st.tuples(st.floats(0.1, 3), st.floats(0.1, 3)), min_size=1, max_size=5), st.floats(2, 9))
def test_a_turn_with_a_cut_in_scores_half_at_best(gaps: list[tuple[float, float]], caller_s: float) -> None:
    """Interrupting is never free."""
    at, agent = 0.5, []
    for gap, length in gaps:
        agent.append((at, at + length))
        at += length + gap
    score = score_turn(turn([(0, caller_s)], agent))
    assert score is not None
    assert 0 <= score <= 0.5
