"""Who was heard when in a call in full duplex, and what that says of each turn. No I/O.

Speech is where the waveforms have it: the caller's before any line added its noise, the assistant's as it was played.
All times are milliseconds since the case began, which is where conversation.wav begins. Two rules, the same as those of
:mod:`evalkit.metrics.turn_taking`:

- Silences shorter than :data:`BREAK_MS` do not end what the assistant says; a longer one inside a response does.
- Nobody can react to what began less than :data:`REACTION_MS` ago: an assistant that begins so shortly before the
  caller's last sound answers early, and has interrupted nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from evalkit.audio.g711 import Pcm
from evalkit.audio.levels import find_speech
from evalkit.records.json import JsonObject

REACTION_MS = 200.0
BREAK_MS = 1000.0
YIELD_WINDOW_MS = 2000.0
# Sounds of one word are closer together than this.
_WORD_GAP_MS = 200.0


@dataclass(frozen=True, slots=True)
class HeardSpan:
    """A stretch of speech, its end exclusive."""

    start_ms: float
    end_ms: float

    def overlap_ms(self, other: HeardSpan) -> float:
        """Return how long both are heard at once."""
        return max(0.0, min(self.end_ms, other.end_ms) - max(self.start_ms, other.start_ms))


@dataclass(frozen=True)
class CallerSpan:
    """Something that the caller said or did: where it sounds; between two parts of a turn he has not finished.

    Attributes:
        turn_index: The turn.
        parts: Where it sounds.
        words: What he said.
        aside: What it was that wants no answer (backchannel, vocal_tic, side_speech); None: it was for the assistant.
        samples: Its first sample on the uplink, and the first behind it.
        pauses: Those that he made on purpose, in samples of the uplink.
        plan: What was planned, where it is no turn; the trigger is in milliseconds since the case began.

    """

    turn_index: int
    parts: tuple[HeardSpan, ...]
    words: str = ""
    aside: str | None = None
    samples: tuple[int, int] | None = None
    pauses: Sequence[JsonObject] = ()
    plan: JsonObject | None = None

    @property
    def extent(self) -> HeardSpan:
        """From the first sound to the last."""
        return HeardSpan(self.parts[0].start_ms, self.parts[-1].end_ms)


@dataclass(frozen=True)
class AgentSpan:
    """What was heard of a response: where it sounds, and whether it was stopped before its end."""

    turn_index: int
    parts: tuple[HeardSpan, ...]
    was_cut: bool


@dataclass(frozen=True, slots=True)
class GeneratedSound:
    """The sound of a response as its server made it, heard or not.

    Attributes:
        turn_index: The turn in which the response began.
        arrived_ms: When the first and the last of its sound arrived.
        sound_ms: How long all of it plays.
        played_ms: How much of that was played.

    """

    turn_index: int
    arrived_ms: HeardSpan
    sound_ms: float
    played_ms: float

    def to_json(self) -> JsonObject:
        """Return it as a record keeps it, in seconds."""
        return {
            "turn_index": self.turn_index,
            "first_arrived_s": _seconds(self.arrived_ms.start_ms),
            "last_arrived_s": _seconds(self.arrived_ms.end_ms),
            "sound_s": _seconds(self.sound_ms),
            "played_s": _seconds(self.played_ms),
        }


@dataclass(frozen=True)
class CallSpans:
    """Everything that was heard in a call, by its start.

    Attributes:
        until_ms: When the call ended.
        caller: What the caller did.
        agent: What was heard of the assistant.
        tools_ms: When tools were called and answered.
        ended_waiting: Whether it ended because the assistant said nothing any more.
        generated: What the assistant's server made, by the arrival of its first sound.
        caller_notes: What else is known of the caller, as a record keeps it.

    """

    until_ms: float
    caller: tuple[CallerSpan, ...]
    agent: tuple[AgentSpan, ...]
    tools_ms: tuple[tuple[float, float], ...] = ()
    ended_waiting: bool = False
    generated: tuple[GeneratedSound, ...] = ()
    caller_notes: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return it as a record keeps it, in seconds."""
        return {
            "duration_s": _seconds(self.until_ms),
            "caller": [
                {
                    "turn_index": said.turn_index,
                    "act": said.aside or ("interruption" if self._is_speaking_at(said.extent.start_ms) else "turn"),
                    "words": said.words,
                    "parts": _parts(said.parts),
                    **({} if said.samples is None else {"samples": list(said.samples)}),
                    **({"pauses": list(said.pauses)} if said.pauses else {}),
                    **({} if said.plan is None else {"plan": said.plan}),
                }
                for said in self.caller
            ],
            **self.caller_notes,
            "agent": [
                {"turn_index": heard.turn_index, "parts": _parts(heard.parts), "was_cut": heard.was_cut}
                for heard in self.agent
            ],
            "generated": [sound.to_json() for sound in self.generated],
            "tool_calls": [
                {"called_s": _seconds(called_ms), "answered_s": _seconds(answered_ms)}
                for called_ms, answered_ms in self.tools_ms
            ],
            "ended_waiting": self.ended_waiting,
        }

    def _is_speaking_at(self, at_ms: float) -> bool:
        return any(_would_interrupt(stretch, at_ms) for stretch, _ in _stretches(self.agent))


def find_spans(pcm: Pcm, sample_rate_hz: int, began_at_ms: float) -> tuple[HeardSpan, ...]:
    """Return where there is speech in a sound that began at a time; gaps within a word are part of it."""
    is_speech = find_speech(pcm, sample_rate_hz).astype(np.int8)
    edges = np.flatnonzero(np.diff(is_speech, prepend=np.int8(0), append=np.int8(0)))
    spans: list[HeardSpan] = []
    for start, end in edges.reshape(-1, 2).tolist():
        span = HeardSpan(began_at_ms + start / sample_rate_hz * 1000, began_at_ms + end / sample_rate_hz * 1000)
        if spans and span.start_ms - spans[-1].end_ms < _WORD_GAP_MS:
            span = HeardSpan(spans.pop().start_ms, span.end_ms)
        spans.append(span)
    return tuple(spans)


def measure_turn(call: CallSpans, turn_index: int) -> dict[str, float]:
    """Return the turn-taking of one turn, by the names that a record has; nothing where the caller was not heard.

    How the assistant answered is told of the turn's own words; whether it gave way, of the first thing that was said
    into its speech; the rest of all that was said to it in the turn.
    """
    addressed = [said for said in call.caller if said.aside is None]
    own = [said for said in addressed if said.turn_index == turn_index]
    if not own:
        return {}
    extent, stretches = own[0].extent, _stretches(call.agent)
    measures = {
        "interrupted_caller": float(any(_is_cut_into(said.extent, stretches) for said in own)),
        "overlap_ms": sum(
            part.overlap_ms(each) for said in own for part in said.parts for heard in call.agent for each in heard.parts
        ),
        **next((yielding for said in own if (yielding := _measure_yield(said.extent, stretches))), {}),
    }
    early_ms = _early_ms(extent)
    gave_way = _measure_yield(extent, stretches).get("yielded") == 1.0
    speaks_on = any(
        stretch.start_ms <= early_ms and stretch.start_ms < extent.end_ms < stretch.end_ms
        and not (_would_interrupt(stretch, extent.start_ms) and gave_way)
        for stretch, _ in stretches
    )  # fmt: skip
    later_ms = min((said.extent.start_ms for said in addressed if said.extent.start_ms > extent.start_ms), default=inf)
    answer_ms = next((stretch.start_ms for stretch, _ in stretches if stretch.start_ms > early_ms), None)
    if answer_ms is not None and answer_ms <= later_ms and not speaks_on:
        measures["response_latency_ms"] = answer_ms - extent.end_ms
    return measures


def _early_ms(extent: HeardSpan) -> float:
    """Return until when the assistant cuts in, and does not answer."""
    return max(extent.start_ms + REACTION_MS, extent.end_ms - REACTION_MS)


def _is_cut_into(extent: HeardSpan, stretches: Sequence[tuple[HeardSpan, bool]]) -> bool:
    return any(extent.start_ms + REACTION_MS < stretch.start_ms <= _early_ms(extent) for stretch, _ in stretches)


def _measure_yield(extent: HeardSpan, stretches: Sequence[tuple[HeardSpan, bool]]) -> dict[str, float]:
    """Return whether the assistant gave way to what began while it spoke; nothing where it did not speak."""
    measures: dict[str, float] = {}
    for stretch, was_cut in stretches:
        if _would_interrupt(stretch, extent.start_ms):
            spoke_on_ms = stretch.end_ms - extent.start_ms
            if spoke_on_ms > YIELD_WINDOW_MS:
                measures["yielded"] = 0.0
            elif was_cut:
                measures |= {"yielded": 1.0, "yield_latency_ms": spoke_on_ms}
    return measures


def _would_interrupt(stretch: HeardSpan, at_ms: float) -> bool:
    """Whether whoever begins to speak at a time interrupts this."""
    return stretch.start_ms + REACTION_MS < at_ms < stretch.end_ms


def _stretches(agent: Sequence[AgentSpan]) -> list[tuple[HeardSpan, bool]]:
    """Return the assistant's speech without breaks, in order, each with whether it was stopped."""
    found: list[tuple[HeardSpan, bool]] = []
    for heard in agent:
        joined: list[HeardSpan] = []
        for part in heard.parts:
            is_near = bool(joined) and part.start_ms - joined[-1].end_ms <= BREAK_MS
            joined.append(HeardSpan(joined.pop().start_ms, part.end_ms) if is_near else part)
        found += [(stretch, True) for stretch in joined[:-1]] + [(joined[-1], heard.was_cut)]
    return found


def _parts(spans: Sequence[HeardSpan]) -> list[list[float]]:
    return [[_seconds(span.start_ms), _seconds(span.end_ms)] for span in spans]


def _seconds(time_ms: float) -> float:
    return round(time_ms / 1000, 4)
