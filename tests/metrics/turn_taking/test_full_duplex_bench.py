"""Full-Duplex-Bench's rates and latencies, against values computed by hand from its published definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from turn_taking_notes import call

from evalkit.metrics.turn_taking.full_duplex_bench import (
    backchannel_divergence,
    backchannel_frequency,
    measure_full_duplex_bench,
    response_latencies_s,
    stop_latencies_s,
    takes_turn,
    takes_turn_for_backchannel,
    turn_latency_s,
)
from evalkit.metrics.turn_taking.timeline import CallTimeline, Segment


def at(*times: tuple[float, float]) -> tuple[Segment, ...]:
    return tuple(Segment(*pair) for pair in times)


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (at(), False),
        (at((1, 1.4)), False),  # "okay"
        (at((1, 1.2), (1.3, 1.5), (1.6, 1.99)), False),  # three words in less than a second
        (at((1, 1.2), (1.3, 1.5), (1.6, 2.0)), True),  # a second
        (at((1, 1.1), (1.2, 1.3), (1.4, 1.5), (1.6, 1.7)), True),  # four words
        (at((1, 1.1), (9, 9.1)), True),  # two words far apart: the whole exchange is looked at
    ],
)
def test_a_turn_is_taken_by_length_or_words(words: tuple[Segment, ...], taken: bool) -> None:
    """A second, or more than three words."""
    assert takes_turn(words) is taken


def test_latency_is_that_of_turns_that_were_taken() -> None:
    """From the caller's end to the first word, never below 0; none for a mere "okay"."""
    words = at((3.5, 4), (4.2, 5))
    assert turn_latency_s(words, 3.0) == 0.5
    assert turn_latency_s(words, 4.0) == 0.0
    assert turn_latency_s(at((3.5, 4)), 3.0) is None


@pytest.mark.parametrize(
    ("segments", "words", "taken"),
    [
        (at((1, 1.5), (3, 3.9)), at((1, 1.4), (3, 3.3), (3.4, 3.8)), False),
        (at((1, 1.5), (3, 4.0)), (), True),  # a second
        (at((1, 1.9)), at((1, 1.2), (1.3, 1.5), (1.6, 1.8)), True),  # three words
        ((), at((1, 9)), False),
    ],
)
def test_a_backchannel_is_short_and_of_few_words(
    segments: tuple[Segment, ...], words: tuple[Segment, ...], taken: bool
) -> None:
    """Less than a second and at most two words, in every segment."""
    assert takes_turn_for_backchannel(segments, words) is taken


def test_backchannels_are_counted_per_second() -> None:
    """Of the recording, not of speech."""
    assert backchannel_frequency(at((1, 1.3), (4, 4.4)), 8.0) == 0.25


def test_the_divergence_is_the_jensen_shannon_distance() -> None:
    """Over six windows of a recording of 1 s, as scipy computes it; 1 without any backchannel."""
    agent = [1e-10, 1 + 1e-10, 1 + 1e-10, 1e-10, 1e-10, 1e-10]  # from 0.25 s to 0.45 s
    human = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    expected = jensenshannon(agent, [value + 1e-10 for value in human])
    assert backchannel_divergence(at((0.25, 0.45)), human, 1.0) == pytest.approx(float(expected))
    assert backchannel_divergence(at((0.25, 0.45)), [0, 1, 1, 0, 0, 0], 1.0) == pytest.approx(0, abs=1e-6)
    assert backchannel_divergence((), human, 1.0) == 1.0


@pytest.mark.parametrize(
    ("caller", "agent", "latencies"),
    [
        (at((5, 7)), at((2, 5.8)), [0.8]),
        (at((5, 7)), at((2, 5.8), (6.4, 9)), [0.8, 0.6]),
        (at((5, 7)), at((2, 5.8), (6.2, 9)), [2.0]),  # the agent's gap of 0.4 s is closed
        (at((5, 5.5), (6.1, 7)), at((2, 9)), [2.0]),  # the caller's gap of 0.6 s is closed
        (at((5, 5.5), (6.2, 7)), at((2, 9)), [0.5, 0.8]),  # one of 0.7 s is not
        (at((5, 7)), at((7, 9)), []),
        ((), at((7, 9)), []),
    ],
)
def test_stop_latencies_are_overlaps(
    caller: tuple[Segment, ...], agent: tuple[Segment, ...], latencies: list[float]
) -> None:
    """Each time both speak, short gaps closed first."""
    assert stop_latencies_s(caller, agent) == pytest.approx(latencies)


@pytest.mark.parametrize(
    ("caller", "agent", "latencies"),
    [
        (at((5, 7)), at((2, 5.8), (8.5, 9)), [1.5]),
        (at((1, 2), (5, 7)), at((8.5, 9)), [1.5]),  # of two ends the later one
        (at((1, 2), (5, 7)), at((3, 4), (8.5, 9)), [1.0, 1.5]),
        (at((5, 7)), at((7, 9)), []),  # begins with the end: not after it
        (at((5, 7)), at((6, 9)), []),
    ],
)
def test_response_latencies_run_to_the_next_start(
    caller: tuple[Segment, ...], agent: tuple[Segment, ...], latencies: list[float]
) -> None:
    """Of the agent, after the caller's end."""
    assert response_latencies_s(caller, agent) == pytest.approx(latencies)


def test_a_call_is_measured_as_its_two_sides_are() -> None:
    """Whatever the caller's sounds are for: two overlaps, one of a backchannel; the answer after each end."""
    caller = [{"act": "turn", "parts": [[1.0, 2.0]]}, {"act": "backchannel", "parts": [[5.0, 5.4]]}]
    caller.append({"act": "interruption", "parts": [[7.0, 8.0]]})
    agent = [{"parts": [[3.0, 7.5]], "was_cut": True}, {"parts": [[9.0, 10.0]], "was_cut": False}]
    stop, response = measure_full_duplex_bench([CallTimeline.from_json("c", call(caller, agent, 12.0))])
    assert [one.time_s for one in stop.contributions] == pytest.approx([5.0, 7.0])
    assert [one.value for one in stop.contributions] == pytest.approx([0.4, 0.5])
    assert [one.time_s for one in response.contributions] == pytest.approx([2.0, 8.0])
    assert [one.value for one in response.contributions] == pytest.approx([1.0, 1.0])
    assert (stop.shown, response.shown) == ("0.45 s", "1.00 s")


SIDES = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=12).map(
    lambda pairs: tuple(Segment(start / 10, (start + length) / 10) for start, length in pairs)
)


@given(SIDES, SIDES, st.integers(1, 100))
def test_latencies_are_positive_and_move_with_the_call(
    caller: tuple[Segment, ...], agent: tuple[Segment, ...], units: int
) -> None:
    """In whatever order segments come, and whenever the call began."""

    def move(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
        return tuple(Segment(one.start_s + units, one.end_s + units) for one in segments)

    for latencies in (stop_latencies_s, response_latencies_s):
        found = latencies(caller, agent)
        assert all(value > 0 for value in found)
        assert latencies(caller[::-1], agent[::-1]) == found
        assert sum(latencies(move(caller), move(agent))) == pytest.approx(sum(found), abs=1e-6)
