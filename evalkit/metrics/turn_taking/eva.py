"""The turn-taking score of EVA, computed as its version 0.2 does.

Source: ServiceNow/eva, `src/eva/metrics/experience/turn_taking.py` and `docs/metrics/turn_taking.md` (arXiv
2605.13841). A turn is something that the caller says and what the agent says before the caller speaks to it again; what
the agent says before anything else is the greeting and has no score. Kept as published, because scores are compared
with published ones:

- A turn without any speech of the agent has no score, unless the caller had to nudge it: then 0.
- An answer after 500 ms scores better than one after 200 ms.
- A turn in which the agent cut in scores 0.5 at best, however short that was.
- The whole call scores 0 where it ended because the caller waited in vain, and where no turn has a score.

Backchannels, tics and side speech are not EVA's: they are no turns, and what the agent says after them belongs to the
turn it is in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from evalkit.metrics.turn_taking.measurement import Contribution, MeasuredIn, Measurement
from evalkit.metrics.turn_taking.timeline import CallerAct, CallTimeline, Segment

HARD_EARLY_MS, BEST_FROM_MS = -500.0, 500.0
BEST_UNTIL_MS, HARD_LATE_MS = 2000.0, 3500.0
TOOL_BEST_UNTIL_MS, TOOL_HARD_LATE_MS = 3000.0, 5000.0
CUT_IN_BEST, CUT_IN_OVERLAP_MS, CUT_IN_COUNT = 0.5, 2000.0, 3
YIELD_MS = 2000.0
EARLY_MS, LATE_MS, TOOL_LATE_MS = 200.0, 2750.0, 4000.0
PASSES_FROM = 0.8

_OVERLAPS_FROM_S = 0.001


class Timing(StrEnum):
    """When an answer came."""

    EARLY = "early"
    ON_TIME = "on_time"
    LATE = "late"


@dataclass(frozen=True)
class EvaTurn:
    """One turn.

    Attributes:
        caller: What the caller said to the agent in it, by start.
        agent: What the agent said from then on, by start; may begin before the caller ends.
        has_tool_call: Whether the agent called a tool in it.
        agent_before_s: When the agent's last words of the turn before ended; None where it said nothing in that.
        was_nudged: Whether the caller had to ask for the answer.

    """

    caller: tuple[Segment, ...]
    agent: tuple[Segment, ...]
    has_tool_call: bool = False
    agent_before_s: float | None = None
    was_nudged: bool = False

    @property
    def latency_ms(self) -> float:
        """From the caller's last sound to the agent's first in this turn, negative where it began before."""
        return (self.agent[0].start_s - self.caller[-1].end_s) * 1000

    @property
    def timing(self) -> Timing:
        """When the answer came."""
        if self.latency_ms < EARLY_MS:
            return Timing.EARLY
        late_ms = TOOL_LATE_MS if self.has_tool_call else LATE_MS
        return Timing.LATE if self.latency_ms >= late_ms else Timing.ON_TIME


def measure_eva(calls: Sequence[CallTimeline]) -> Measurement:
    """Return the mean of the scores of some calls."""
    return Measurement(
        "eva_turn_taking",
        MeasuredIn.SCORE,
        "mean over the turns of a call, the greeting excluded; 0 for a call that ended waiting for the agent",
        tuple(Contribution(call.case_id, 0.0, score_call(call)) for call in calls),
    )


def measure_eva_passed(calls: Sequence[CallTimeline]) -> Measurement:
    """Return the share of calls that pass."""
    return Measurement(
        "eva_pass_rate",
        MeasuredIn.SHARE,
        f"a call whose score is {PASSES_FROM:g} or more",
        tuple(Contribution(call.case_id, 0.0, float(score_call(call) >= PASSES_FROM)) for call in calls),
    )


def measure_eva_pre_tool_speech(calls: Sequence[CallTimeline]) -> Measurement:
    """Return `pretoolspeech_rate`: of the groups of tool calls, those before which the agent spoke in the turn.

    EVA takes what the agent said from its log; here it is what had begun to be heard.
    """
    return Measurement(
        "eva_pretoolspeech_rate",
        MeasuredIn.SHARE,
        "the agent had begun to speak since the caller's turn began when the tools were called",
        tuple(
            Contribution(call.case_id, group.called_s, float(_spoke_before(call, group.called_s)))
            for call in calls
            for group in call.tool_calls
        ),
    )


def score_call(call: CallTimeline) -> float:
    """Return the score of a call, 0 to 1."""
    scores = [score for turn in find_turns(call) if (score := score_turn(turn)) is not None]
    if not scores or _waited_in_vain(call):
        return 0.0
    return fmean(scores)


def find_turns(call: CallTimeline) -> tuple[EvaTurn, ...]:
    """Return the turns of a call, the greeting excluded. A nudge belongs to the turn that it asks about."""
    turns: list[list[Segment]] = []
    nudged: set[int] = set()
    for said in call.addressed:
        if said.act is CallerAct.NUDGE and turns:
            nudged.add(len(turns) - 1)
            turns[-1].append(said.extent)
        else:
            turns.append([said.extent])
    bounds = (-math.inf, *(turn[0].start_s for turn in turns), math.inf)
    spoken = [speech.extent for speech in call.agent]
    found = []
    for place, caller in enumerate(turns):
        earlier_s, since_s, until_s = bounds[place : place + 3]
        before = [segment.end_s for segment in spoken if earlier_s <= segment.start_s < since_s]
        found.append(
            EvaTurn(
                tuple(caller),
                tuple(segment for segment in spoken if since_s <= segment.start_s < until_s),
                any(since_s <= calls.called_s < until_s for calls in call.tool_calls),
                before[-1] if before else None,
                place in nudged,
            )
        )
    return tuple(found)


def score_turn(turn: EvaTurn) -> float | None:
    """Return the score of a turn, 0 to 1; None where it has none."""
    if turn.was_nudged:
        return 0.0
    if not turn.agent:
        return None
    scores = []
    if _cut_in(turn):
        scores.append(_score_cut_in(turn))
    if turn.agent_before_s is not None and turn.agent_before_s > turn.caller[0].start_s:
        scores.append(score_yield((turn.agent_before_s - turn.caller[0].start_s) * 1000))
    return min(scores, default=score_latency(turn.latency_ms, has_tool_call=turn.has_tool_call))


def score_latency(latency_ms: float, *, has_tool_call: bool = False) -> float:
    """Return the score of an answer that came so long after the caller's last sound."""
    until_ms, late_ms = (TOOL_BEST_UNTIL_MS, TOOL_HARD_LATE_MS) if has_tool_call else (BEST_UNTIL_MS, HARD_LATE_MS)
    rising = (latency_ms - HARD_EARLY_MS) / (BEST_FROM_MS - HARD_EARLY_MS)
    falling = (late_ms - latency_ms) / (late_ms - until_ms)
    return max(0.0, min(1.0, rising, falling))


def score_yield(yield_ms: float) -> float:
    """Return the score of an agent that spoke on for so long when it was interrupted."""
    return max(0.0, 1 - yield_ms / YIELD_MS)


def _score_cut_in(turn: EvaTurn) -> float:
    overlap_ms = sum(said.overlap_s(spoken) for said in turn.caller for spoken in turn.agent) * 1000
    count = sum(any(said.overlap_s(spoken) > _OVERLAPS_FROM_S for said in turn.caller) for spoken in turn.agent)
    scores = [max(0.0, CUT_IN_BEST * (1 - overlap_ms / CUT_IN_OVERLAP_MS))]
    if count:
        scores.append(max(0.0, CUT_IN_BEST * (1 - (count - 1) / (CUT_IN_COUNT - 1))))
    settled_ms = _settled_latency_ms(turn)
    if settled_ms is not None:
        scores.append(score_latency(settled_ms, has_tool_call=turn.has_tool_call))
    return min(scores)


def _settled_latency_ms(turn: EvaTurn) -> float | None:
    """Return how long after the caller's end the agent spoke again; None where it spoke on or not again."""
    end_s = turn.caller[-1].end_s
    if any(spoken.start_s <= end_s < spoken.end_s for spoken in turn.agent):
        return None
    after = [spoken.start_s for spoken in turn.agent if spoken.start_s > end_s]
    return (after[0] - end_s) * 1000 if after else None


def _cut_in(turn: EvaTurn) -> bool:
    return any(said.start_s < spoken.start_s < said.end_s for said in turn.caller for spoken in turn.agent)


def _waited_in_vain(call: CallTimeline) -> bool:
    last_said = max((speech.extent.end_s for speech in call.addressed), default=0.0)
    last_spoken = max((speech.extent.end_s for speech in call.agent), default=0.0)
    return call.ended_waiting and last_said > last_spoken


def _spoke_before(call: CallTimeline, time_s: float) -> bool:
    since_s = max((said.extent.start_s for said in call.addressed if said.extent.start_s <= time_s), default=0.0)
    return any(since_s <= speech.extent.start_s <= time_s for speech in call.agent)
