"""The turn-over rates and latencies of Full-Duplex-Bench, computed as versions 1 and 1.5 do.

Source: DanielLin94144/Full-Duplex-Bench, `v1_v1.5/evaluation/*.py` (arXiv 2503.04721 and 2507.23159). Version 1 looks
at the words of the agent, with times from a recogniser, in one recorded exchange: the turn was taken where they last
for a second or are more than three. It scores the whole exchange and says nothing of *when* in it the agent spoke. Low
is good where the caller pauses or expects backchannels, high where the caller ended or interrupted. Version 1.5 looks
at speech segments of both sides, with short gaps closed first: as its code closes them, 0.6 s and 0.5 s, not as its
comments say.

What a judge model decides there (how relevant an answer is, how an overlap was handled) is not computed here.
:func:`measure_full_duplex_bench` is what the timeline of a call allows: version 1.5, over everything that the caller
did. Version 1 needs the time of each word, which no call has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from evalkit.metrics.turn_taking.measurement import Contribution, MeasuredIn, Measurement
from evalkit.metrics.turn_taking.timeline import CallTimeline, Segment, merge_segments

TURN_FROM_S, TURN_OVER_WORDS = 1.0, 3
BACKCHANNEL_UP_TO_WORDS = 2
HISTOGRAM_S = 0.2
CALLER_GAP_S, AGENT_GAP_S = 0.6, 0.5

NOT_MEASURED = {
    "version 1": "turn-over rates and their latencies go by the agent's single words, whose times no call has",
    "judged": "how an overlap was handled and how relevant an answer is are decided by a judge, which is not asked",
}
"""Part of the benchmark -> why it has no value."""

_NOTHING = 1e-10


def takes_turn(words: Sequence[Segment]) -> bool:
    """Return whether the agent took the turn with these words, each one's time: the rate is the mean over exchanges."""
    if not words:
        return False
    return words[-1].end_s - words[0].start_s >= TURN_FROM_S or len(words) > TURN_OVER_WORDS


def turn_latency_s(words: Sequence[Segment], caller_end_s: float) -> float | None:
    """Return from the caller's end to the agent's first word, at least 0; None where the turn was not taken."""
    return max(0.0, words[0].start_s - caller_end_s) if takes_turn(words) else None


def takes_turn_for_backchannel(segments: Iterable[Segment], words: Sequence[Segment]) -> bool:
    """Return whether the agent took the turn where it was to give backchannels.

    `segments` is its speech, `words` its words; a word counts for the segments it overlaps. One segment is enough that
    lasts a second or has three words.
    """
    for segment in segments:
        within = sum(1 for word in words if word.overlap_s(segment) > 0)
        if segment.duration_s >= TURN_FROM_S or within > BACKCHANNEL_UP_TO_WORDS:
            return True
    return False


def backchannel_frequency(segments: Sequence[Segment], duration_s: float) -> float:
    """Return the agent's backchannels per second of a recording."""
    return len(segments) / duration_s


def backchannel_divergence(segments: Sequence[Segment], human: Sequence[float], duration_s: float) -> float:
    """Return how far the times of the agent's backchannels are from those of people, 0 to about 0.83.

    It is the Jensen-Shannon distance (natural logarithm, square root) between two distributions over windows of 0.2 s:
    the agent's, and `human`, which is stretched to as many windows. 1 where the agent gives none.
    """
    if not segments:
        return 1.0
    agent = np.full(int(duration_s / HISTOGRAM_S) + 1, _NOTHING)
    for segment in segments:
        first, last = math.floor(segment.start_s / HISTOGRAM_S), math.floor(segment.end_s / HISTOGRAM_S)
        agent[first : last + 1] += 1
    people = np.interp(np.linspace(0, 1, agent.size), np.linspace(0, 1, len(human)), human) + _NOTHING
    agent, people = agent / agent.sum(), people / people.sum()
    middle = (agent + people) / 2
    return float(np.sqrt((_divergence(agent, middle) + _divergence(people, middle)) / 2))


def stop_latencies_s(caller: Iterable[Segment], agent: Iterable[Segment]) -> tuple[float, ...]:
    """Return how long both sides speak at once, for each time they do, in the order in which that ends."""
    return tuple(latency_s for _, latency_s in _stops(caller, agent))


def response_latencies_s(caller: Iterable[Segment], agent: Iterable[Segment]) -> tuple[float, ...]:
    """Return from each end of the caller's speech to the agent's next start, in the order of those.

    Where two ends have the same next start, the later one counts: the earlier was no end of a turn.
    """
    return tuple(latency_s for _, latency_s in _responses(caller, agent))


def measure_full_duplex_bench(calls: Sequence[CallTimeline]) -> tuple[Measurement, ...]:
    """Return the latencies of version 1.5 over some calls: to the agent's stop, and to its answer."""
    return (
        Measurement(
            "fdb_stop_latency",
            MeasuredIn.SECONDS,
            f"how long both speak at once, gaps up to {CALLER_GAP_S:g} s of the caller and {AGENT_GAP_S:g} s of the"
            " agent closed, for each time they do",
            tuple(
                Contribution(call.case_id, time_s, latency_s)
                for call in calls
                for time_s, latency_s in _stops(*_sides(call))
            ),
        ),
        Measurement(
            "fdb_response_latency",
            MeasuredIn.SECONDS,
            "from each end of what the caller did to the agent's next start, the same gaps closed",
            tuple(
                Contribution(call.case_id, time_s, latency_s)
                for call in calls
                for time_s, latency_s in _responses(*_sides(call))
            ),
        ),
    )


def _sides(call: CallTimeline) -> tuple[list[Segment], list[Segment]]:
    return [part for said in call.caller for part in said.parts], [part for one in call.agent for part in one.parts]


def _stops(caller: Iterable[Segment], agent: Iterable[Segment]) -> list[tuple[float, float]]:
    """Return when each overlap begins, and how long it lasts."""
    callers, agents = merge_segments(caller, CALLER_GAP_S), merge_segments(agent, AGENT_GAP_S)
    shortest: dict[int, float] = {}
    for said in callers:
        for spoken in agents:
            overlap_s = said.overlap_s(spoken)
            end_ms = round(min(said.end_s, spoken.end_s) * 1000)
            if overlap_s > 0:
                shortest[end_ms] = min(overlap_s, shortest.get(end_ms, math.inf))
    return [(end_ms / 1000 - shortest[end_ms], shortest[end_ms]) for end_ms in sorted(shortest)]


def _responses(caller: Iterable[Segment], agent: Iterable[Segment]) -> list[tuple[float, float]]:
    """Return when the caller's speech ends, and how long after that the agent begins."""
    callers, agents = merge_segments(caller, CALLER_GAP_S), merge_segments(agent, AGENT_GAP_S)
    latest: dict[float, float] = {}
    for said in callers:
        start_s = next((spoken.start_s for spoken in agents if spoken.start_s > said.end_s), None)
        if start_s is not None:
            latest[start_s] = max(said.end_s, latest.get(start_s, -math.inf))
    return [(latest[start_s], start_s - latest[start_s]) for start_s in sorted(latest)]


def _divergence(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.sum(one * np.log(one / other)))
