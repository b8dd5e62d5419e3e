"""A call as turn-taking metrics see it: what the caller did, what the agent was heard to say, when tools were called.

Whoever holds a call fills these records. All times are seconds from the beginning of the call, on the sample clock of
the audio that both sides really heard, so that a :class:`Segment` is where in the recording something sounds. What the
caller did is ground truth: the caller's side knows what it played and why. What the agent did is what was *played*,
not what was generated: a server makes audio faster than it sounds, and what was thrown away on a barge-in nobody heard.

Deliberate silence of the caller needs no record of its own: it is where the caller has no speech.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

_ROUNDING_S = 1e-6


@dataclass(frozen=True, order=True)
class Segment:
    """A stretch of time, its end exclusive. Raises ValueError where the end is not after the start.

    Attributes:
        start_s: Where it begins, in seconds.
        end_s: Where it ends, in seconds.

    """

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s < self.end_s):
            raise ValueError(f"a segment from {self.start_s} s to {self.end_s} s is empty or not finite")

    @property
    def duration_s(self) -> float:
        """How long it lasts, in seconds."""
        return self.end_s - self.start_s

    def overlap_s(self, other: Segment) -> float:
        """Return for how many seconds both last at once; 0 where they do not meet."""
        return max(0.0, min(self.end_s, other.end_s) - max(self.start_s, other.start_s))


class CallerAct(StrEnum):
    """Why the caller makes a sound."""

    TURN = "turn"  # speaks to the agent while it is the caller's turn
    INTERRUPTION = "interruption"  # speaks to the agent while the agent speaks, to take the turn
    NUDGE = "nudge"  # speaks again because no answer came: "are you still there?"
    BACKCHANNEL = "backchannel"  # "mm-hmm": go on, I am listening
    VOCAL_TIC = "vocal_tic"  # a cough, a lone "um"
    SIDE_SPEECH = "side_speech"  # speech to somebody else in the room

    @property
    def wants_answer(self) -> bool:
        """Whether the agent is spoken to and should answer; else it should go on as if nothing had been heard."""
        return self in (CallerAct.TURN, CallerAct.INTERRUPTION, CallerAct.NUDGE)


@dataclass(frozen=True)
class CallerSpeech:
    """One thing that the caller did. Raises ValueError where `parts` are empty or not one after the other.

    Attributes:
        act: What it was.
        parts: Where it sounds, at least one part; between two parts of a turn lies a pause in which the caller has not
            finished.
        vocal_tics: Tics within it ("I need, um, the red one"); they sound within `parts`.

    """

    act: CallerAct
    parts: tuple[Segment, ...]
    vocal_tics: tuple[Segment, ...] = ()

    def __post_init__(self) -> None:
        _require_order(self.parts)

    @property
    def extent(self) -> Segment:
        """From its first sound to its last, pauses included."""
        return Segment(self.parts[0].start_s, self.parts[-1].end_s)

    @property
    def pauses(self) -> tuple[Segment, ...]:
        """The silences between its parts."""
        return tuple(
            Segment(before.end_s, after.start_s)
            for before, after in pairwise(self.parts)
            if before.end_s < after.start_s
        )


@dataclass(frozen=True)
class AgentSpeech:
    """What was heard of one response of the agent. Raises ValueError as :class:`CallerSpeech` does.

    Attributes:
        parts: Where it sounds, at least one part; silences between sentences lie between two parts.
        was_cut: Whether it was stopped before its end: its playback was, or the response was cancelled. False: all of
            it was heard, the agent had no more to say. A call that ends cuts nothing.

    """

    parts: tuple[Segment, ...]
    was_cut: bool = False

    def __post_init__(self) -> None:
        _require_order(self.parts)

    @property
    def extent(self) -> Segment:
        """From its first sound to its last."""
        return Segment(self.parts[0].start_s, self.parts[-1].end_s)


@dataclass(frozen=True, order=True)
class ToolCallGroup:
    """The tool calls of one response.

    Attributes:
        called_s: When the first of them arrived, in seconds.
        answered_s: When the last output was given to the agent, in seconds; not before `called_s`.

    """

    called_s: float
    answered_s: float

    def __post_init__(self) -> None:
        if not self.called_s <= self.answered_s:
            raise ValueError(f"tools called at {self.called_s} s cannot be answered at {self.answered_s} s")


@dataclass(frozen=True)
class CallTimeline:
    """One call. Raises ValueError where its parts are not in the order of their starts, or lie beyond its end.

    Attributes:
        case_id: The case that the call belongs to; intervals are taken over cases.
        duration_s: How long the call lasted, in seconds.
        caller: What the caller did, by start. Side speech of somebody else may overlap the rest.
        agent: What was heard of the agent, by start, one after the other.
        tool_calls: When the agent called tools, by time.
        ended_waiting: Whether the call ended because nobody spoke any more, and not because it was over.

    """

    case_id: str
    duration_s: float
    caller: tuple[CallerSpeech, ...] = ()
    agent: tuple[AgentSpeech, ...] = ()
    tool_calls: tuple[ToolCallGroup, ...] = ()
    ended_waiting: bool = False

    def __post_init__(self) -> None:
        starts = [speech.extent.start_s for speech in self.caller]
        if starts != sorted(starts):
            raise ValueError(f"{self.case_id}: what the caller did is not in the order of its starts")
        if list(self.tool_calls) != sorted(self.tool_calls):
            raise ValueError(f"{self.case_id}: tool calls are not in the order of their times")
        if self.agent:
            _require_order([speech.extent for speech in self.agent])
        ends = [speech.extent.end_s for speech in self.caller] + [speech.extent.end_s for speech in self.agent]
        if max(ends, default=0.0) > self.duration_s:
            raise ValueError(f"{self.case_id}: speech until {max(ends)} s in a call of {self.duration_s} s")

    @classmethod
    def from_json(cls, case_id: str, document: Mapping[str, Any]) -> CallTimeline:
        """Return the timeline that a record of a call in full duplex keeps as `notes.turn_taking`.

        Raises KeyError or TypeError where it is none, ValueError where what it says cannot have happened.
        """
        caller = [CallerSpeech(CallerAct(said["act"]), _read_parts(said["parts"])) for said in document["caller"]]
        agent = [AgentSpeech(_read_parts(heard["parts"]), heard["was_cut"]) for heard in document["agent"]]
        tool_calls = [ToolCallGroup(calls["called_s"], calls["answered_s"]) for calls in document["tool_calls"]]
        return cls(
            case_id,
            document["duration_s"],
            tuple(sorted(caller, key=lambda said: said.extent)),
            tuple(agent),
            tuple(sorted(tool_calls)),
            document["ended_waiting"],
        )

    @property
    def addressed(self) -> tuple[CallerSpeech, ...]:
        """What the caller said to the agent and wants an answer to."""
        return tuple(speech for speech in self.caller if speech.act.wants_answer)


def merge_segments(segments: Iterable[Segment], gap_s: float) -> tuple[Segment, ...]:
    """Return segments in order, those joined between which lie at most `gap_s` seconds, to a microsecond.

    Times are sums of others: a gap of exactly the limit may come out a hair longer, depending on when the call began.
    """
    merged: list[Segment] = []
    for segment in sorted(segments):
        if merged and segment.start_s - merged[-1].end_s <= gap_s + _ROUNDING_S:
            merged[-1] = Segment(merged[-1].start_s, max(merged[-1].end_s, segment.end_s))
        else:
            merged.append(segment)
    return tuple(merged)


def _read_parts(parts: Iterable[Sequence[float]]) -> tuple[Segment, ...]:
    return tuple(Segment(start_s, end_s) for start_s, end_s in parts)


def _require_order(segments: Iterable[Segment]) -> None:
    end_s = -math.inf
    empty = True
    for segment in segments:
        if segment.start_s < end_s:
            raise ValueError(f"speech from {segment.start_s} s begins before the one before it ends, at {end_s} s")
        end_s, empty = segment.end_s, False
    if empty:
        raise ValueError("speech without any part")
