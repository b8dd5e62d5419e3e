"""What became of each thing that the caller did: answered, spoken over, given way to, ignored.

Times are those of a :class:`evalkit.metrics.turn_taking.timeline.CallTimeline`. Two rules hold everywhere:

- The agent speaks without a break through silences shorter than :data:`BREAK_S`, since sentences of one answer are that
  far apart. Silent for longer inside an answer, it has stopped.
- Nobody can react to what began less than :data:`REACTION_S` ago. Where both begin to speak within that time, nobody
  interrupted anybody; an answer that begins so shortly before the caller's last sound is an answer, early by that much.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from evalkit.metrics.turn_taking.timeline import (
    AgentSpeech,
    CallerSpeech,
    CallTimeline,
    Segment,
    ToolCallGroup,
    merge_segments,
)

REACTION_S = 0.2
BREAK_S = 1.0
YIELD_WINDOW_S = 2.0
STOP_WINDOW_S = 1.0
ANSWER_WINDOW_S = 2.0
PATIENCE_S = 10.0
RESUME_WINDOW_S = 5.0
MIN_PAUSE_S = 0.3

_LAST_SOUND_S = 0.05  # speech that ends so shortly before the call does ended because the call did


@dataclass(frozen=True)
class AgentStretch:
    """Speech of the agent without a break.

    Attributes:
        extent: Where it sounds.
        ended_naturally: Whether the agent had no more to say when it ended; else it stopped.

    """

    extent: Segment
    ended_naturally: bool

    def speaks_at(self, time_s: float) -> bool:
        """Whether it sounds at a time."""
        return self.extent.start_s <= time_s < self.extent.end_s


class AnswerOutcome(StrEnum):
    """What the agent made of something that it should answer."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"  # the caller had to speak again, or waited in vain for PATIENCE_S
    AGENT_SPEAKING = "agent_speaking"  # it spoke on over the caller's last sound: what followed answers nothing
    CALL_ENDED = "call_ended"


@dataclass(frozen=True)
class TurnExchange:
    """Something said to the agent, and what it made of it.

    Attributes:
        said: What the caller said.
        answer: What became of it.
        answer_start_s: When the agent began to answer; None where it did not.
        cut_ins_s: When the agent began to speak while the caller spoke; what begins in a pause is a :class:`Pause`.
        talked_over_s: For how many seconds both were heard at once.

    """

    said: CallerSpeech
    answer: AnswerOutcome
    answer_start_s: float | None
    cut_ins_s: tuple[float, ...]
    talked_over_s: float

    @property
    def latency_s(self) -> float | None:
        """Seconds from the caller's last sound to the agent's first; down to -REACTION_S; None without an answer."""
        return None if self.answer_start_s is None else self.answer_start_s - self.said.extent.end_s


class YieldOutcome(StrEnum):
    """What the agent made of being interrupted."""

    YIELDED = "yielded"
    NOT_YIELDED = "not_yielded"
    NATURAL_END = "natural_end"  # it was at its end: whether it would have yielded is not known
    CALL_ENDED = "call_ended"


@dataclass(frozen=True)
class BargeIn:
    """The caller began to speak to the agent while that spoke.

    Attributes:
        said: What the caller said.
        outcome: What became of it.
        spoke_on_s: How long the agent spoke on.

    """

    said: CallerSpeech
    outcome: YieldOutcome
    spoke_on_s: float


class DistractionOutcome(StrEnum):
    """What the agent made of something that it should not react to."""

    IGNORED = "ignored"
    STOPPED = "stopped"
    SPOKE_UP = "spoke_up"  # it was silent and began to speak
    NATURAL_END = "natural_end"  # it was at its end and stopped by itself
    ANSWER_DUE = "answer_due"  # it owed an answer: that it began to speak says nothing
    CALLER_SPOKE = "caller_spoke"  # the caller spoke to it before it could be told
    CALL_ENDED = "call_ended"

    @property
    def counts(self) -> bool:
        """Whether it says anything of the agent."""
        return self in (DistractionOutcome.IGNORED, DistractionOutcome.STOPPED, DistractionOutcome.SPOKE_UP)


@dataclass(frozen=True)
class Distraction:
    """A backchannel, a vocal tic or side speech, and what the agent made of it.

    Attributes:
        heard: What the caller did.
        reaction: What became of it.
        reacted_s: When the agent stopped, or began to speak; None where it did neither.

    """

    heard: CallerSpeech
    reaction: DistractionOutcome
    reacted_s: float | None = None


class ResumeOutcome(StrEnum):
    """What the agent did after it had stopped for nothing."""

    RESUMED = "resumed"
    SILENT = "silent"
    CALLER_SPOKE = "caller_spoke"
    CALL_ENDED = "call_ended"


@dataclass(frozen=True)
class FalseStop:
    """A distraction for which the agent stopped, and whether it went on.

    Attributes:
        stopped_s: When it stopped.
        resumption: What it did then.
        resumed_s: When it went on; None where it did not.

    """

    stopped_s: float
    resumption: ResumeOutcome
    resumed_s: float | None = None


@dataclass(frozen=True)
class Pause:
    """A pause inside something that the caller said.

    Attributes:
        extent: Where it lies.
        taken_s: When the agent began to speak in it; None where it waited.
        was_speaking: Whether the agent already spoke when it began: that says nothing of whether it waits.

    """

    extent: Segment
    taken_s: float | None
    was_speaking: bool


@dataclass(frozen=True)
class ToolAnnouncement:
    """Tool calls, and whether the caller was told anything before their result could be known.

    Attributes:
        calls: The calls.
        spoke_first: Whether the agent began to speak after the caller's last words and before the tools had answered.

    """

    calls: ToolCallGroup
    spoke_first: bool


def find_stretches(call: CallTimeline) -> tuple[AgentStretch, ...]:
    """Return the agent's speech without breaks, in order."""
    return tuple(stretch for speech in call.agent for stretch in _split(speech))


def follow_exchanges(call: CallTimeline) -> tuple[TurnExchange, ...]:
    """Return what became of everything that was said to the agent."""
    stretches, said = find_stretches(call), call.addressed
    following = (*said[1:], *[None] * bool(said))
    return tuple(_follow(call, stretches, one, after) for one, after in zip(said, following, strict=True))


def find_barge_ins(call: CallTimeline) -> tuple[BargeIn, ...]:
    """Return where the caller began to speak to the agent while that had spoken for REACTION_S or longer."""
    return tuple(
        BargeIn(said, _judge_yield(call, stretch, said), stretch.extent.end_s - said.extent.start_s)
        for said in call.addressed
        for stretch in find_stretches(call)
        if stretch.extent.start_s + REACTION_S < said.extent.start_s < stretch.extent.end_s
    )


def find_distractions(call: CallTimeline) -> tuple[Distraction, ...]:
    """Return what became of every backchannel, vocal tic and side remark.

    Tics inside something that was said to the agent are none: that has its answer.
    """
    stretches, exchanges = find_stretches(call), follow_exchanges(call)
    return tuple(
        _while_speaking(call, heard, stretch)
        if (stretch := _speaking_at(stretches, heard.extent.start_s))
        else _while_silent(call, heard, stretches, exchanges)
        for heard in call.caller
        if not heard.act.wants_answer
    )


def find_false_stops(call: CallTimeline) -> tuple[FalseStop, ...]:
    """Return what the agent did after each distraction for which it had stopped."""
    return tuple(
        _follow_stop(call, distraction.reacted_s)
        for distraction in find_distractions(call)
        if distraction.reaction is DistractionOutcome.STOPPED and distraction.reacted_s is not None
    )


def find_pauses(call: CallTimeline) -> tuple[Pause, ...]:
    """Return the pauses of MIN_PAUSE_S or longer inside what was said to the agent."""
    stretches = find_stretches(call)
    return tuple(
        Pause(
            pause,
            next((one.extent.start_s for one in stretches if _begins_in(one, pause.start_s, pause.end_s)), None),
            _speaking_at(stretches, pause.start_s) is not None,
        )
        for said in call.addressed
        for pause in _long_pauses(said)
    )


def find_tool_announcements(call: CallTimeline) -> tuple[ToolAnnouncement, ...]:
    """Return for each group of tool calls whether the agent spoke first."""
    starts = [one.extent.start_s for one in find_stretches(call)]
    uses = []
    for calls in call.tool_calls:
        heard = [said.extent.end_s for said in call.addressed if said.extent.end_s <= calls.called_s]
        since_s = max(heard, default=-math.inf) - REACTION_S
        uses.append(ToolAnnouncement(calls, any(since_s < start_s <= calls.answered_s for start_s in starts)))
    return tuple(uses)


def _long_pauses(said: CallerSpeech) -> Iterator[Segment]:
    return (pause for pause in said.pauses if pause.duration_s >= MIN_PAUSE_S)


def _begins_in_a_pause(stretch: AgentStretch, said: CallerSpeech) -> bool:
    return any(_begins_in(stretch, pause.start_s, pause.end_s) for pause in _long_pauses(said))


def _split(speech: AgentSpeech) -> Iterator[AgentStretch]:
    extents = merge_segments(speech.parts, BREAK_S)
    for extent in extents[:-1]:
        yield AgentStretch(extent, ended_naturally=False)
    yield AgentStretch(extents[-1], ended_naturally=not speech.was_cut)


def _follow(
    call: CallTimeline, stretches: tuple[AgentStretch, ...], said: CallerSpeech, after: CallerSpeech | None
) -> TurnExchange:
    extent = said.extent
    early_s = max(extent.start_s + REACTION_S, extent.end_s - REACTION_S)
    start_s = next((one.extent.start_s for one in stretches if one.extent.start_s > early_s), None)
    speaks_on = any(
        one.extent.start_s <= early_s and one.speaks_at(extent.end_s) and not _gives_way(call, one, said)
        for one in stretches
    )
    answer = _judge_answer(call, extent.end_s, start_s, after, speaks_on=speaks_on)
    return TurnExchange(
        said,
        answer,
        start_s if answer is AnswerOutcome.ANSWERED else None,
        tuple(
            one.extent.start_s
            for one in stretches
            if extent.start_s + REACTION_S < one.extent.start_s <= early_s and not _begins_in_a_pause(one, said)
        ),
        sum(part.overlap_s(spoken) for part in said.parts for speech in call.agent for spoken in speech.parts),
    )


def _judge_answer(
    call: CallTimeline, end_s: float, start_s: float | None, after: CallerSpeech | None, *, speaks_on: bool
) -> AnswerOutcome:
    if speaks_on:
        return AnswerOutcome.AGENT_SPEAKING
    if start_s is not None and (after is None or start_s <= after.extent.start_s):
        return AnswerOutcome.ANSWERED
    if after is not None or call.duration_s - end_s >= PATIENCE_S:
        return AnswerOutcome.UNANSWERED
    return AnswerOutcome.CALL_ENDED


def _gives_way(call: CallTimeline, stretch: AgentStretch, said: CallerSpeech) -> bool:
    """Whether the agent was interrupted by this and yields, be it after the last sound of a short "wait"."""
    was_interrupted = stretch.extent.start_s + REACTION_S < said.extent.start_s < stretch.extent.end_s
    return was_interrupted and _judge_yield(call, stretch, said) is YieldOutcome.YIELDED


def _judge_yield(call: CallTimeline, stretch: AgentStretch, said: CallerSpeech) -> YieldOutcome:
    if stretch.extent.end_s - said.extent.start_s > YIELD_WINDOW_S:
        return YieldOutcome.NOT_YIELDED
    if _is_cut_off(call, stretch):
        return YieldOutcome.CALL_ENDED
    return YieldOutcome.NATURAL_END if stretch.ended_naturally else YieldOutcome.YIELDED


def _while_speaking(call: CallTimeline, heard: CallerSpeech, stretch: AgentStretch) -> Distraction:
    stopped_s = stretch.extent.end_s
    if stopped_s > heard.extent.end_s + STOP_WINDOW_S:
        return Distraction(heard, DistractionOutcome.IGNORED)
    if any(heard.extent.start_s <= said.extent.start_s < stopped_s for said in call.addressed):
        return Distraction(heard, DistractionOutcome.CALLER_SPOKE)
    if _is_cut_off(call, stretch):
        return Distraction(heard, DistractionOutcome.CALL_ENDED)
    if stretch.ended_naturally:
        return Distraction(heard, DistractionOutcome.NATURAL_END)
    return Distraction(heard, DistractionOutcome.STOPPED, stopped_s)


def _while_silent(
    call: CallTimeline, heard: CallerSpeech, stretches: tuple[AgentStretch, ...], exchanges: tuple[TurnExchange, ...]
) -> Distraction:
    since_s, until_s = heard.extent.start_s, heard.extent.end_s + ANSWER_WINDOW_S
    if _is_answer_due(call, since_s, stretches, exchanges):
        return Distraction(heard, DistractionOutcome.ANSWER_DUE)
    spoke_s = next((one.extent.start_s for one in stretches if one.extent.start_s >= since_s), None)
    said_s = next((one.extent.start_s for one in call.addressed if one.extent.start_s >= since_s), None)
    if spoke_s is not None and spoke_s <= until_s and (said_s is None or spoke_s < said_s):
        return Distraction(heard, DistractionOutcome.SPOKE_UP, spoke_s)
    if said_s is not None and said_s < until_s:
        return Distraction(heard, DistractionOutcome.CALLER_SPOKE)
    if call.duration_s < until_s:
        return Distraction(heard, DistractionOutcome.CALL_ENDED)
    return Distraction(heard, DistractionOutcome.IGNORED)


def _is_answer_due(
    call: CallTimeline, time_s: float, stretches: tuple[AgentStretch, ...], exchanges: tuple[TurnExchange, ...]
) -> bool:
    """Whether the agent has something to say at a time when it is silent.

    It has where it is between two sentences, where the caller has not finished or has no answer yet, and where a tool
    was called whose result it has not told.
    """
    if any(speech.extent.start_s <= time_s < speech.extent.end_s for speech in call.agent):
        return True
    said = [one.said.extent for one in exchanges if one.said.extent.start_s <= time_s]
    if not said:
        return False
    if not any(_begins_in(one, max(said[-1].start_s, said[-1].end_s - REACTION_S), time_s) for one in stretches):
        return True
    called = [one for one in call.tool_calls if said[-1].start_s <= one.called_s <= time_s]
    return bool(called) and not any(_begins_in(one, called[-1].answered_s, time_s) for one in stretches)


def _follow_stop(call: CallTimeline, stopped_s: float) -> FalseStop:
    until_s = stopped_s + RESUME_WINDOW_S
    resumed_s = next((one.extent.start_s for one in find_stretches(call) if one.extent.start_s >= stopped_s), None)
    said_s = next((one.extent.start_s for one in call.addressed if one.extent.start_s >= stopped_s), None)
    if resumed_s is not None and resumed_s <= until_s and (said_s is None or resumed_s < said_s):
        return FalseStop(stopped_s, ResumeOutcome.RESUMED, resumed_s)
    if said_s is not None and said_s < until_s:
        return FalseStop(stopped_s, ResumeOutcome.CALLER_SPOKE)
    if call.duration_s < until_s:
        return FalseStop(stopped_s, ResumeOutcome.CALL_ENDED)
    return FalseStop(stopped_s, ResumeOutcome.SILENT)


def _speaking_at(stretches: tuple[AgentStretch, ...], time_s: float) -> AgentStretch | None:
    return next((one for one in stretches if one.speaks_at(time_s)), None)


def _begins_in(stretch: AgentStretch, since_s: float, until_s: float) -> bool:
    return since_s <= stretch.extent.start_s < until_s


def _is_cut_off(call: CallTimeline, stretch: AgentStretch) -> bool:
    """Whether it ended because the call did."""
    return stretch.extent.end_s > call.duration_s - _LAST_SOUND_S
