"""The panel over calls: values by hand, and what must hold of any call."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.metrics.turn_taking.measurement import Measurement
from evalkit.metrics.turn_taking.panel import measure_calls
from evalkit.metrics.turn_taking.timeline import (
    AgentSpeech,
    CallerAct,
    CallerSpeech,
    CallTimeline,
    Segment,
    ToolCallGroup,
    merge_segments,
)

RATES_AND_TIMES = (
    "response_latency",
    "response_rate",
    "yield_latency",
    "yield_rate",
    "backchannel_selectivity",
    "vocal_tic_selectivity",
    "side_speech_selectivity",
    "resume_rate",
    "agent_interruption_rate",
    "pause_takeover_rate",
    "talk_over",
    "pre_tool_speech_rate",
)


def said(act: CallerAct, *times: float) -> CallerSpeech:
    return CallerSpeech(act, tuple(Segment(*pair) for pair in zip(times[::2], times[1::2], strict=True)))


def spoken(start_s: float, end_s: float, *, cut: bool = False) -> AgentSpeech:
    return AgentSpeech((Segment(start_s, end_s),), was_cut=cut)


def measure(*calls: CallTimeline) -> dict[str, Measurement]:
    return {one.name: one for one in measure_calls(calls)}


CALL = CallTimeline(
    "busy",
    60.0,
    (
        said(CallerAct.TURN, 2, 3, 3.5, 4),
        said(CallerAct.BACKCHANNEL, 7, 7.3),
        said(CallerAct.INTERRUPTION, 12, 14),
        said(CallerAct.TURN, 20, 22),
        said(CallerAct.VOCAL_TIC, 27, 27.2),
        said(CallerAct.INTERRUPTION, 32, 33),
        said(CallerAct.SIDE_SPEECH, 45, 46),
    ),
    (
        spoken(0, 1.5),  # a greeting
        spoken(4.8, 7.9, cut=True),  # an answer after 0.8 s, stopped by "mm-hmm"
        spoken(9, 12.5, cut=True),  # goes on, and yields after 0.5 s
        spoken(15, 18),  # an answer after 1 s
        spoken(21.5, 24),  # cuts in
        spoken(26, 36),  # talks through a cough, and through an interruption
        spoken(38, 40),  # has said all it had to say
        spoken(47, 48),  # answers what was not said to it
    ),
    (ToolCallGroup(14.2, 14.8), ToolCallGroup(16, 17)),
)


def test_a_call_by_hand() -> None:
    """Each value of one call in which everything happens once."""
    panel = measure(CALL)
    assert tuple(panel) == RATES_AND_TIMES
    values = {name: (one.value, one.events, dict(one.reasons)) for name, one in panel.items()}
    assert values == {
        "response_latency": (pytest.approx(0.9), 2, {"agent_speaking": 2}),
        "response_rate": (1.0, 2, {"agent_speaking": 2}),
        "yield_latency": (pytest.approx((0.5 + 2.0) / 2), 2, {}),
        "yield_rate": (0.5, 2, {}),
        "backchannel_selectivity": (0.0, 1, {}),
        "vocal_tic_selectivity": (1.0, 1, {}),
        "side_speech_selectivity": (0.0, 1, {}),
        "resume_rate": (1.0, 1, {}),
        "agent_interruption_rate": (0.25, 4, {}),
        "pause_takeover_rate": (0.0, 1, {}),
        "talk_over": (pytest.approx((0 + 0.5 + 0.5 + 1.0) / 4), 4, {}),
        "pre_tool_speech_rate": (0.5, 2, {}),
    }
    assert panel["yield_latency"].censored == 1
    assert panel["yield_rate"].shown == "1 of 2"


def test_the_two_that_are_read_together_stand_together() -> None:
    """Yield rate, then at once what ignores backchannels."""
    names = [one.name for one in measure_calls([])]
    assert names.index("backchannel_selectivity") == names.index("yield_rate") + 1


def test_an_agent_that_never_yields_cannot_look_quick() -> None:
    """Nine interruptions ignored and one yielded to after 0.3 s: not 0.3 s."""
    ignoring = CallTimeline("i", 30.0, (said(CallerAct.INTERRUPTION, 4, 6),), (spoken(0, 20),))
    yielding = CallTimeline("y", 30.0, (said(CallerAct.INTERRUPTION, 4, 6),), (spoken(0, 4.3, cut=True),))
    panel = measure(*[ignoring] * 9, yielding)
    assert panel["yield_latency"].value == pytest.approx((9 * 2.0 + 0.3) / 10)
    assert (panel["yield_latency"].censored, panel["yield_rate"].value) == (9, 0.1)


def test_intervals_are_over_cases() -> None:
    """Twelve cases with an answer each."""
    calls = [
        CallTimeline(f"case-{place}", 30.0, (said(CallerAct.TURN, 1, 2),), (spoken(2.5 + place / 10, 9),))
        for place in range(12)
    ]
    estimate = measure(*calls)["response_latency"].estimate(0)
    assert (estimate.mean, estimate.n) == (pytest.approx(1.05), 12)
    assert estimate.interval is not None
    assert 0.5 < estimate.interval.low < 1.05 < estimate.interval.high < 1.6


def _grid(units: int) -> float:
    return units / 64  # exact in binary, so that moving a call moves every comparison with it


TIMES = st.lists(st.tuples(st.integers(1, 300), st.integers(8, 200)), max_size=8)


@st.composite
def drawn_calls(draw: st.DrawFn) -> CallTimeline:
    def lay(gaps: list[tuple[int, int]]) -> list[Segment]:
        at, laid = 0, []
        for gap, length in gaps:
            laid.append(Segment(_grid(at + gap), _grid(at + gap + length)))
            at += gap + length
        return laid

    caller = lay(draw(TIMES))
    acts = draw(st.lists(st.sampled_from(CallerAct), min_size=len(caller), max_size=len(caller)))
    agent = lay(draw(TIMES))
    cuts = draw(st.lists(st.booleans(), min_size=len(agent), max_size=len(agent)))
    tools = sorted(draw(st.lists(st.integers(0, 1500), max_size=3)))
    return CallTimeline(
        draw(st.sampled_from("abc")),
        max((segment.end_s for segment in (*caller, *agent)), default=0.0) + _grid(draw(st.integers(0, 900))),
        tuple(CallerSpeech(act, (segment,)) for act, segment in zip(acts, caller, strict=True)),
        tuple(AgentSpeech((segment,), was_cut=cut) for segment, cut in zip(agent, cuts, strict=True)),
        tuple(ToolCallGroup(_grid(at), _grid(at + 40)) for at in tools),
    )


def shift(call: CallTimeline, by_s: float) -> CallTimeline:
    def move(parts: tuple[Segment, ...]) -> tuple[Segment, ...]:
        return tuple(Segment(part.start_s + by_s, part.end_s + by_s) for part in parts)

    return replace(
        call,
        duration_s=call.duration_s + by_s,
        caller=tuple(replace(one, parts=move(one.parts)) for one in call.caller),
        agent=tuple(replace(one, parts=move(one.parts)) for one in call.agent),
        tool_calls=tuple(ToolCallGroup(one.called_s + by_s, one.answered_s + by_s) for one in call.tool_calls),
    )


def values_of(calls: list[CallTimeline]) -> dict[str, float | None]:
    return {one.name: one.value for one in measure_calls(calls)}


@given(drawn_calls())
def test_values_keep_their_bounds(call: CallTimeline) -> None:
    """Shares lie between 0 and 1; a yield takes from 0 to 2 s; an answer is early by 0.2 s at most."""
    for one in measure_calls([call]):
        for event in one.contributions:
            if one.name == "response_latency":
                assert event.value >= -0.2
            elif one.name == "yield_latency":
                assert 0 < event.value <= 2
            elif one.name == "talk_over":
                assert event.value >= 0
            else:
                assert event.value in (0, 1)


@given(drawn_calls())
def test_every_event_is_counted_or_set_aside(call: CallTimeline) -> None:
    """Nothing said to the agent is lost, nor anything that should distract it."""
    panel = {one.name: len(one.contributions) + len(one.set_aside) for one in measure_calls([call])}
    assert panel["response_rate"] == panel["agent_interruption_rate"] == panel["talk_over"] == len(call.addressed)
    selective = ("backchannel_selectivity", "vocal_tic_selectivity", "side_speech_selectivity")
    assert sum(panel[name] for name in selective) == len(call.caller) - len(call.addressed)
    assert panel["pre_tool_speech_rate"] == len(call.tool_calls)


@given(drawn_calls(), st.integers(1, 640))
def test_when_a_call_begins_changes_nothing(call: CallTimeline, units: int) -> None:
    """All is counted from what happens."""
    assert values_of([shift(call, _grid(units))]) == pytest.approx(values_of([call]))


@given(st.lists(drawn_calls(), max_size=4))
def test_the_order_of_calls_changes_nothing(calls: list[CallTimeline]) -> None:
    """Values are sums over calls."""
    assert values_of(calls[::-1]) == pytest.approx(values_of(calls))


@given(drawn_calls())
def test_an_agent_that_says_nothing_disturbs_nobody(call: CallTimeline) -> None:
    """It answers nothing, interrupts nobody, and is distracted by nothing."""
    values = values_of([replace(call, agent=())])
    assert {values["agent_interruption_rate"], values["talk_over"]} <= {0.0, None}
    assert values["response_rate"] in (0.0, None)
    assert values["yield_rate"] is None
    assert values["backchannel_selectivity"] in (1.0, None)


@given(drawn_calls())
def test_parts_that_touch_are_one(call: CallTimeline) -> None:
    """How speech is cut into parts changes nothing where there is no silence between them."""
    halved = replace(
        call,
        agent=tuple(
            replace(
                one,
                parts=(
                    Segment(one.extent.start_s, (one.extent.start_s + one.extent.end_s) / 2),
                    Segment((one.extent.start_s + one.extent.end_s) / 2, one.extent.end_s),
                ),
            )
            for one in call.agent
        ),
    )
    assert merge_segments(halved.agent[0].parts, 0) == call.agent[0].parts if call.agent else True
    assert values_of([halved]) == pytest.approx(values_of([call]))
