"""Turn-taking on timelines made by hand; every expected number is calculated on paper."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.modes.voice.turn_taking import (
    AgentSpan,
    CallerSpan,
    CallSpans,
    GeneratedSound,
    HeardSpan,
    find_spans,
    measure_turn,
)


def _spans(*times: tuple[float, float]) -> tuple[HeardSpan, ...]:
    return tuple(HeardSpan(*each) for each in times)


def _call(caller: list[tuple[tuple[float, float], ...]], agent: list[AgentSpan]) -> CallSpans:
    said = tuple(CallerSpan(index, _spans(*parts)) for index, parts in enumerate(caller, 1))
    return CallSpans(20_000, said, tuple(agent))


def _agent(*parts: tuple[float, float], cut: bool = False) -> AgentSpan:
    return AgentSpan(1, _spans(*parts), cut)


QUIET = {"interrupted_caller": 0.0, "overlap_ms": 0.0}


@pytest.mark.parametrize(
    ("agent", "measures"),
    [
        ([], QUIET),
        ([_agent((2700, 4000))], {**QUIET, "response_latency_ms": 700}),
        # Two sentences are one answer, and two responses are two.
        ([_agent((2700, 3000), (3500, 4000))], {**QUIET, "response_latency_ms": 700}),
        # It begins 100 ms before the last sound: early, and no interruption.
        ([_agent((1900, 4000))], {"interrupted_caller": 0.0, "overlap_ms": 100, "response_latency_ms": -100}),
        # It takes the pause, and stops when the caller goes on: then it answers.
        (
            [_agent((1450, 1700), cut=True), _agent((2500, 3000))],
            {"interrupted_caller": 1.0, "overlap_ms": 100, "response_latency_ms": 500},
        ),
        # It takes the pause and speaks on over the end: that is no answer.
        ([_agent((1450, 3000))], {"interrupted_caller": 1.0, "overlap_ms": 400}),
    ],
)
def test_an_answer(agent: list[AgentSpan], measures: dict[str, float]) -> None:
    """The caller speaks from 1000 to 1400 and from 1600 to 2000 ms."""
    assert measure_turn(_call([((1000, 1400), (1600, 2000))], agent), 1) == measures


@pytest.mark.parametrize(
    ("agent", "measures"),
    [
        # It stops after 300 ms, and answers 500 ms after the caller's end.
        (
            [_agent((2500, 5300), cut=True), _agent((6500, 7000))],
            {"overlap_ms": 300, "yielded": 1.0, "yield_latency_ms": 300, "response_latency_ms": 500},
        ),
        # It had ended by itself: whether it would have yielded is not known.
        ([_agent((2500, 5300)), _agent((6500, 7000))], {"overlap_ms": 300, "response_latency_ms": 500}),
        # It speaks on for more than two seconds.
        ([_agent((2500, 7100))], {"overlap_ms": 1000, "yielded": 0.0}),
        # It began 100 ms before: nobody interrupted anybody.
        ([_agent((4900, 5500), cut=True)], {"overlap_ms": 500}),
        # It was in a pause of its own, of half a second.
        ([_agent((2500, 4700), (5200, 5400), cut=True)], {"overlap_ms": 200, "yielded": 1.0, "yield_latency_ms": 400}),
    ],
)
def test_an_interruption(agent: list[AgentSpan], measures: dict[str, float]) -> None:
    """The caller speaks until 2000 ms, and again from 5000 to 6000."""
    call = _call([((1000, 2000),), ((5000, 6000),)], agent)
    assert measure_turn(call, 2) == {"interrupted_caller": 0.0, **measures}


def test_an_answer_to_the_next_turn_is_none_to_this() -> None:
    """The caller had to speak again."""
    call = _call([((1000, 2000),), ((4000, 5000),)], [_agent((5600, 6000))])
    assert measure_turn(call, 1) == QUIET
    assert measure_turn(call, 2) == {**QUIET, "response_latency_ms": 600}
    assert measure_turn(call, 3) == {}


def test_what_a_record_keeps() -> None:
    """Seconds, as turn-taking metrics read them; who begins over the other interrupts."""
    call = CallSpans(
        9000.0,
        (
            CallerSpan(1, _spans((1000, 2000)), "Hello.", samples=(8000, 16_000)),
            CallerSpan(2, _spans((4000, 4500), (5000, 5500))),
            CallerSpan(2, _spans((6000, 6400)), "<cough>", "vocal_tic", plan={"delay_ms": 9}),
        ),
        (AgentSpan(1, _spans((3000, 4200.04)), was_cut=True),),
        ((2100, 2300),),
        caller_notes={"left_out": [{"act": "backchannel", "reason": "the assistant was not heard"}]},
    )
    assert call.to_json() == {
        "duration_s": 9.0,
        "caller": [
            {"turn_index": 1, "act": "turn", "words": "Hello.", "parts": [[1.0, 2.0]], "samples": [8000, 16_000]},
            {"turn_index": 2, "act": "interruption", "words": "", "parts": [[4.0, 4.5], [5.0, 5.5]]},
            {"turn_index": 2, "act": "vocal_tic", "words": "<cough>", "parts": [[6.0, 6.4]], "plan": {"delay_ms": 9}},
        ],
        "left_out": [{"act": "backchannel", "reason": "the assistant was not heard"}],
        "agent": [{"turn_index": 1, "parts": [[3.0, 4.2]], "was_cut": True}],
        "generated": [],
        "tool_calls": [{"called_s": 2.1, "answered_s": 2.3}],
        "ended_waiting": False,
    }


def test_speech_is_found_in_a_waveform() -> None:
    """To a frame of 10 ms; a gap within a word is part of it, a pause is none; silence holds nothing."""
    pcm = np.zeros(8000 * 3, dtype=np.int16)
    for start_ms, end_ms in ((500, 800), (900, 1200), (1600, 2000)):
        pcm[start_ms * 8 : end_ms * 8] = 5000
    found = [(span.start_ms, span.end_ms) for span in find_spans(pcm, 8000, 10_000)]
    assert np.array(found) == pytest.approx(np.array([(10_500, 11_200), (11_600, 12_000)]), abs=10)
    assert find_spans(np.zeros(800, dtype=np.int16), 8000, 0) == ()


def test_what_was_made_is_kept_beside_what_was_heard() -> None:
    """In seconds; the sound of a response that nobody heard is there, and no speech."""
    made = GeneratedSound(2, HeardSpan(1500, 1700.04), sound_ms=6000, played_ms=0)
    stored = CallSpans(20_000, (), (), generated=(made,)).to_json()
    assert stored["agent"] == []
    assert stored["generated"] == [
        {"turn_index": 2, "first_arrived_s": 1.5, "last_arrived_s": 1.7, "sound_s": 6.0, "played_s": 0.0}
    ]
