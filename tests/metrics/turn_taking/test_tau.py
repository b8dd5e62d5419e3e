"""The tau variants agree with the published definitions, their traps included. Expected values are computed by hand.

A timeline is two rows of ticks of 0.2 s. Agent: `a` speaks. Caller: `u` speaks, `b` begins a backchannel, `t` and `s`
speak while a tic or a side remark begins, `T` and `S` are a tic and a side remark outside a turn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.metrics.turn_taking.panel import measure_calls
from evalkit.metrics.turn_taking.tau import TauTicks, measure_tau, tau_selectivity, to_ticks
from evalkit.metrics.turn_taking.timeline import AgentSpeech, CallerAct, CallerSpeech, CallTimeline, Segment


def draw(caller: str, agent: str, case_id: str = "call") -> TauTicks:
    assert len(caller) == len(agent), (len(caller), len(agent))

    def ticks(*letters: str) -> frozenset[int]:
        return frozenset(place for place, letter in enumerate(caller) if letter in letters)

    return TauTicks(
        case_id,
        tuple(letter in "ubts" for letter in caller),
        tuple(letter == "a" for letter in agent),
        ticks("b"),
        ticks("t", "T"),
        ticks("s", "S"),
    )


@dataclass(frozen=True)
class Drawn:
    """A timeline by hand: value and number of events by metric; what is not named has no value."""

    caller: str
    agent: str
    expected: dict[str, tuple[float, int]]


TIMELINES = {
    # --- responses
    "a turn ends in tick 4 and is answered in tick 6": Drawn(
        "uuuu........",
        "......aaaa..",
        {"L_R": (0.4, 1), "R_R": (1, 1), "I_A": (0, 1)},
    ),
    "an answer in the very tick after the turn: the agent speaks at its end, so it cannot be answered": Drawn(
        "uuuu........",
        "....aaaa....",
        {},
    ),
    "the last turn has nothing after it and is left out": Drawn(
        "uu....uu....",
        "...aa.......",
        {"L_R": (0.2, 1), "R_R": (1, 1), "I_A": (0, 1)},
    ),
    "the caller speaks again before the agent does": Drawn(
        "uu..uu......",
        "........aa..",
        {"L_R": (0.4, 1), "R_R": (0.5, 2), "I_A": (0, 2)},
    ),
    "of three turns in a row the last is answered": Drawn(
        "uu..uu..uu.....",
        "............aa.",
        {"L_R": (0.4, 1), "R_R": (1 / 3, 3), "I_A": (0, 3)},
    ),
    "the agent begins as the caller speaks again: it has answered, and each has interrupted the other": Drawn(
        "uu..uu....",
        "....aa....",
        {"L_R": (0.4, 1), "R_R": (1, 1), "R_Y": (1, 1), "L_Y": (0.4, 1), "I_A": (1, 1)},
    ),
    "a turn that the agent speaks over at its end stands between no other two": Drawn(
        "uu....uu......",
        ".....aaaa..aa.",
        {"L_R": (0.6, 1), "R_R": (1, 1), "R_Y": (1, 1), "L_Y": (0.6, 1), "I_A": (0, 1)},
    ),
    "a backchannel is no turn: the answer that comes after it is one to the turn before": Drawn(
        "uu..b....",
        "......aa.",
        {"L_R": (0.8, 1), "R_R": (1, 1), "I_A": (0, 1)},
    ),
    "an interruption that was yielded to is a turn, and answered": Drawn(
        "..uuuu......",
        "aaaa...aaaa.",
        {"L_R": (0.2, 1), "R_R": (1, 1), "R_Y": (1, 1), "L_Y": (0.4, 1), "I_A": (0, 1)},
    ),
    # --- yields
    "three ticks after the caller began the agent is silent": Drawn(
        ".....uuuuu......",
        "..aaaaaa........",
        {"R_Y": (1, 1), "L_Y": (0.6, 1)},
    ),
    "the agent speaks on": Drawn(
        "..uuu...........",
        "aaaaaaaaaaaaaaaa",
        {"R_Y": (0, 1)},
    ),
    "silence in the tenth tick of the window is a yield of 1.8 s": Drawn(
        "..uuu.............",
        "aaaaaaaaaaa.......",
        {"R_Y": (1, 1), "L_Y": (1.8, 1)},
    ),
    "silence first in the eleventh is none": Drawn(
        "..uuu.............",
        "aaaaaaaaaaaa......",
        {"R_Y": (0, 1)},
    ),
    "a no-yield leaves the yield latency of the other as it is": Drawn(
        "..uuu...............uuu.......",
        "aaaaaaaaaaaaaa....aaaaa.......",
        {"R_Y": (0.5, 2), "L_Y": (0.6, 1)},
    ),
    "the call ends before the window does": Drawn(
        "......uuu",
        "aaaaaaaaa",
        {"R_Y": (0, 1)},
    ),
    "a single tick of the caller at the very end is the sign of the call's end": Drawn(
        "uu......u",
        "...aaaaaa",
        {"L_R": (0.2, 1), "R_R": (1, 1), "I_A": (0, 1)},
    ),
    "two ticks at the very end are speech": Drawn(
        "uu.....uu",
        "...aaaaaa",
        {"L_R": (0.2, 1), "R_R": (1, 1), "R_Y": (0, 1), "I_A": (0, 1)},
    ),
    "an interruption of two ticks at the very end is one": Drawn(
        "......uu",
        "aaaaaaa.",
        {"R_Y": (1, 1), "L_Y": (0.2, 1)},
    ),
    "both begin in one tick: the caller has interrupted, and so has the agent, in a turn without an answer": Drawn(
        "..uuu.....",
        "..aaaa....",
        {"R_Y": (1, 1), "L_Y": (0.8, 1)},
    ),
    # --- interruptions by the agent
    "the first segment of the agent cuts in, the second answers": Drawn(
        "uuuuuuuu......",
        "...aa.....aa..",
        {"L_R": (0.4, 1), "R_R": (1, 1), "I_A": (1, 1)},
    ),
    "three cut-ins in one turn: the rate exceeds 1": Drawn(
        "uuuuuuuuuu....",
        "..a..a..a..aa.",
        {"L_R": (0.2, 1), "R_R": (1, 1), "I_A": (3, 1)},
    ),
    "a cut-in that lasts over the end of the only turn has no turn to be counted per": Drawn(
        "uuuuuu......",
        "....aaaaaa..",
        {},
    ),
    "a yield, and a second segment of the agent in the same interruption": Drawn(
        "...uuuuuuuu.....",
        "aaaaa..aa....aa.",
        {"R_Y": (1, 1), "L_Y": (0.4, 1), "L_R": (0.4, 1), "R_R": (1, 1), "I_A": (1, 1)},
    ),
    # --- backchannels
    "the agent talks through a backchannel": Drawn(
        "....b.......",
        "aaaaaaaaaaaa",
        {"S_BC": (1, 1)},
    ),
    "silence in the fifth tick of a backchannel's window is an error": Drawn(
        "....b.......",
        "aaaaaaaa....",
        {"S_BC": (0, 1)},
    ),
    "silence first in the sixth is none": Drawn(
        "....b.......",
        "aaaaaaaaa...",
        {"S_BC": (1, 1)},
    ),
    "a backchannel in silence is not scored": Drawn(
        "....b...",
        "aa......",
        {},
    ),
    # --- tics and side remarks in a turn
    "a turn that carries a tic is scored as a tic: to answer it is an error": Drawn(
        "utuu.......",
        "......aa...",
        {"L_R": (0.4, 1), "R_R": (1, 1), "I_A": (0, 1), "S_VT": (0, 1)},
    ),
    "so is an answer ten ticks after its end": Drawn(
        "utuu..............",
        "..............aaaa",
        {"L_R": (2.0, 1), "R_R": (1, 1), "I_A": (0, 1), "S_VT": (0, 1)},
    ),
    "an answer eleven ticks after it is none": Drawn(
        "utuu..............",
        "...............aaa",
        {"L_R": (2.2, 1), "R_R": (1, 1), "I_A": (0, 1), "S_VT": (1, 1)},
    ),
    "an interruption with a tic is no interruption: that the agent yields to it is an error": Drawn(
        "...utuu......",
        "aaaaaa.......",
        {"S_VT": (0, 1)},
    ),
    "and that it does not yield is right": Drawn(
        "...utu.......",
        "aaaaaaaaaaaaa",
        {"S_VT": (1, 1)},
    ),
    "a tic goes before a side remark": Drawn(
        "utsu......",
        "..........",
        {"S_VT": (1, 1)},
    ),
    "a turn with a side remark that nobody answers": Drawn(
        "usuu......",
        "..........",
        {"S_ND": (1, 1)},
    ),
    # --- tics and side remarks outside a turn
    "a tic while the agent speaks, which stops five ticks later": Drawn(
        "....T.......",
        "aaaaaaaaa...",
        {"S_VT": (0, 1)},
    ),
    "which stops six ticks later: there is no correct outcome to count": Drawn(
        "....T.......",
        "aaaaaaaaaa..",
        {},
    ),
    "a side remark through which the agent speaks counts for nothing either": Drawn(
        "....S.......",
        "aaaaaaaaaaaa",
        {},
    ),
    "a tic in silence that nobody answers": Drawn(
        "....T.......",
        "............",
        {"S_VT": (1, 1)},
    ),
    "a tic in silence ends after one tick, and ten later an answer is still one to it": Drawn(
        "....T.............",
        "...............aaa",
        {"S_VT": (0, 1)},
    ),
    "eleven ticks later it is none": Drawn(
        "....T.............",
        "................aa",
        {"S_VT": (1, 1)},
    ),
    "two answers to one side remark are one error": Drawn(
        "....S.............",
        "......aa..aa......",
        {"S_ND": (0, 1)},
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_a_timeline_has_the_values_computed_by_hand(name: str) -> None:
    """Value and number of events of each metric that has any; no value for the others."""
    drawn = TIMELINES[name]
    panel = measure_tau([draw(drawn.caller, drawn.agent)])
    found = {metric: (one.value, one.events) for metric, one in panel.items() if one.value is not None}
    assert {metric: (pytest.approx(value), events) for metric, (value, events) in drawn.expected.items()} == found


def test_there_are_enough_timelines() -> None:
    """At least thirty, and every metric has one with a value."""
    assert len(TIMELINES) >= 30
    assert {metric for drawn in TIMELINES.values() for metric in drawn.expected} == set(measure_tau([]))


def test_calls_are_pooled_by_events() -> None:
    """Two answers after 0.4 s in one call and one after 1.0 s in another make 0.6 s, not the mean of means."""
    two = draw("uu........uu........", "....aa........aa....", "two")
    one = draw("uu........", ".......aa.", "one")
    panel = measure_tau([two, one])
    assert panel["L_R"].value == pytest.approx((0.4 + 0.4 + 1.0) / 3)
    assert [contribution.case_id for contribution in panel["L_R"].contributions] == ["two", "two", "one"]


def test_a_sentence_that_ends_is_a_yield_for_tau_and_not_for_us() -> None:
    """The caller interrupts 0.6 s before the agent has no more to say."""
    call = CallTimeline(
        "call",
        8.0,
        (CallerSpeech(CallerAct.INTERRUPTION, (Segment(3.0, 4.4),)),),
        (AgentSpeech((Segment(0.0, 3.6),)),),
    )
    tau, ours = measure_tau([to_ticks(call)]), {one.name: one for one in measure_calls([call])}
    assert (tau["R_Y"].value, tau["L_Y"].value) == (1.0, pytest.approx(0.6))
    assert (ours["yield_rate"].value, dict(ours["yield_rate"].reasons)) == (None, {"natural_end": 1})


@pytest.mark.parametrize(
    ("left_s", "floor"),
    [
        ([-4 * math.log(1 - (place + 0.5) / 500) for place in range(500)], 0.36),  # exponential, 4 s in the mean
        ([6 * (place + 0.5) / 500 for place in range(500)], 0.30),  # anything up to 6 s
    ],
)
def test_an_agent_that_never_yields_has_the_floor_that_was_simulated(left_s: list[float], floor: float) -> None:
    """So long was left to say at each of 500 interruptions; none of them is a yield by our definition."""
    calls = [
        CallTimeline(
            str(place),
            60.0,
            (CallerSpeech(CallerAct.INTERRUPTION, (Segment(4.0, 6.0),)),),
            (AgentSpeech((Segment(0.0, 4.0 + left),)),),
        )
        for place, left in enumerate(left_s)
    ]
    ours = {one.name: one for one in measure_calls(calls)}["yield_rate"]
    assert measure_tau([to_ticks(call) for call in calls])["R_Y"].value == pytest.approx(floor, abs=0.005)
    assert (ours.value, ours.events + ours.reasons["natural_end"]) == (0.0, 500)


def test_a_long_side_remark_has_a_window_from_its_first_tick() -> None:
    """It sounds from 1.0 s to 3.4 s; the agent speaks up at 3.6 s, which tau takes for none of its business."""
    call = CallTimeline(
        "call",
        8.0,
        (CallerSpeech(CallerAct.SIDE_SPEECH, (Segment(1.0, 3.4),)),),
        (AgentSpeech((Segment(3.6, 5.0),)),),
    )
    tau, ours = measure_tau([to_ticks(call)]), {one.name: one for one in measure_calls([call])}
    assert (tau["S_ND"].value, ours["side_speech_selectivity"].value) == (1.0, 0.0)


def test_a_call_becomes_ticks() -> None:
    """A tick is one of speech where any of it falls into it; a tic in a turn and a remark outside mark their first."""
    call = CallTimeline(
        "call",
        2.0,
        (
            CallerSpeech(CallerAct.TURN, (Segment(0.1, 0.4), Segment(0.65, 0.8)), (Segment(0.2, 0.3),)),
            CallerSpeech(CallerAct.BACKCHANNEL, (Segment(1.2, 1.3),)),
            CallerSpeech(CallerAct.SIDE_SPEECH, (Segment(1.5, 1.9),)),
        ),
        (AgentSpeech((Segment(1.0, 1.2), Segment(1.59, 1.6))),),
    )
    assert to_ticks(call) == draw("utuu..bS..", ".....aaa..")


def test_the_selectivity_needs_ten_events_of_each_kind() -> None:
    """Its parts are hidden below, and a mean of two is none of three."""
    ignored = "....b.......", "aaaaaaaaaaaa"
    tic, side = ("....T.......", "............"), ("....S.......", "............")
    nine = [draw(*one) for one in (tic, side) for _ in range(10)] + [draw(*ignored)] * 9
    assert tau_selectivity(measure_tau(nine)) is None
    assert tau_selectivity(measure_tau([*nine, draw("....b.......", "aaaaaa......")])) == pytest.approx(
        (0.9 + 1 + 1) / 3
    )


ROWS = st.integers(2, 60).flatmap(
    lambda length: st.tuples(
        st.text("u.", min_size=length, max_size=length).flatmap(
            lambda row: st.builds(
                lambda marks: "".join(
                    {"u": "uuuts", ".": "...TS"}[letter][mark] for letter, mark in zip(row, marks, strict=True)
                ),
                st.lists(st.integers(0, 4), min_size=length, max_size=length),
            )
        ),
        st.text("a.", min_size=length, max_size=length),
    )
)


@given(ROWS)
def test_rates_are_rates(rows: tuple[str, str]) -> None:
    """Shares lie between 0 and 1, latencies are not negative, a yield takes less than 2 s."""
    panel = measure_tau([draw(*rows)])
    for name, one in panel.items():
        if one.value is not None:
            assert one.value >= 0, name
            assert name in ("L_R", "L_Y", "I_A") or one.value <= 1
    assert panel["L_Y"].value is None or panel["L_Y"].value <= 1.8 + 1e-9


@given(ROWS, st.integers(1, 9))
def test_silence_before_a_call_changes_nothing(rows: tuple[str, str], ticks: int) -> None:
    """All is counted from what happens, not from when the call began."""
    caller, agent = rows
    now, later = measure_tau([draw(caller, agent)]), measure_tau([draw("." * ticks + caller, "." * ticks + agent)])
    assert {name: one.value for name, one in now.items()} == pytest.approx(
        {name: one.value for name, one in later.items()}
    )


@given(st.lists(ROWS, max_size=5))
def test_the_order_of_calls_changes_nothing(calls: list[tuple[str, str]]) -> None:
    """Values are sums over calls."""
    drawn = [draw(*rows) for rows in calls]
    now, turned = measure_tau(drawn), measure_tau(drawn[::-1])
    assert {name: one.value for name, one in now.items()} == pytest.approx(
        {name: one.value for name, one in turned.items()}
    )
