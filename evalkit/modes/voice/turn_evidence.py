"""What a conversation leaves while it lasts, before a record is made of it: a turn, and a call in full duplex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.modes.voice.transcript import order_steps
from evalkit.realtime.results import TurnResult
from evalkit.records.record import CallerWords, Step, ToolOutput

if TYPE_CHECKING:
    from evalkit.audio.g711 import Pcm
    from evalkit.modes.voice.turn_acts import DoneAct, TurnActs
    from evalkit.realtime.live_call import LiveCall
    from evalkit.realtime.pacer import Pacing
    from evalkit.realtime.uplink import PlacedClip
    from evalkit.records.json import JsonObject
    from evalkit.simulator.behaviour import PlannedAct
    from evalkit.simulator.hesitation import HeldPause
    from evalkit.tool_host.hosted_call import HostedAnswer


@dataclass
class TurnEvidence:
    """The data of one turn, collected while it lasts.

    Attributes:
        clean_wire: What the caller said, in the session's format.
        wire: The same behind the channel, as it went over the wire.
        said_pcm: What the speech role said, 24 kHz; None where there is none, or `wire` holds it sample for sample.
        heard: What the assistant's recogniser took his words for; None where it does not tell.
        said: What the caller said in it after its words, each with its time in milliseconds since the case began.
        hosted: The tools that the assistant called by itself in it.
        pauses: Those that he made on purpose in his words, in samples of `said_pcm`.
        pauses_left_out: Those for which there was no place.
        came_second: Whether the assistant spoke before the words of the turn, which then stand in `said`.

    """

    index: int
    user_text: str
    clean_wire: bytes
    wire: bytes
    channel_measures: Mapping[str, float]
    said_pcm: Pcm | None
    pacing: Pacing | None = None
    result: TurnResult = field(default_factory=lambda: TurnResult(()))
    outputs: list[ToolOutput] = field(default_factory=list)
    heard: str | None = None
    said: Sequence[tuple[float, CallerWords]] = ()
    hosted: Sequence[HostedAnswer] = ()
    pauses: tuple[HeldPause, ...] = ()
    pauses_left_out: tuple[PlannedAct, ...] = ()
    came_second: bool = False

    @property
    def first_words(self) -> str:
        """What was said before the assistant said anything in it: nothing where the assistant spoke first."""
        return "" if self.came_second else self.user_text

    @property
    def steps(self) -> tuple[Step, ...]:
        """What happened in it, in order."""
        return order_steps(self.result, self.outputs, self.said, self.hosted)

    def pauses_at(self, start: int, sample_rate_hz: int) -> list[JsonObject]:
        """Return the pauses that the caller made on purpose, in samples at another rate, counted from elsewhere."""
        from evalkit.simulator.caller import CALLER_FORMAT

        scale = sample_rate_hz / CALLER_FORMAT.sample_rate_hz
        return [
            {
                "duration_ms": pause.plan.duration_ms,
                "samples": [start + round(pause.start * scale), start + round(pause.end * scale)],
            }
            for pause in self.pauses
        ]


@dataclass(frozen=True, slots=True)
class HeldSilence:
    """A silence that the caller held before a turn, on the call's clock: from the last sound until he spoke."""

    turn_index: int
    plan: PlannedAct
    start_ms: float
    end_ms: float


@dataclass
class DuplexEvidence:
    """What a call in full duplex leaves beside its turns.

    Attributes:
        session: The assistant's; it knows what was sent, received and played.
        clips: Turn -> where the caller's sound lies.
        done: What the caller did beside his turns, as he did it.
        acts: What he was to do, turn by turn.
        silences: Where he let time pass before he spoke.
        cut_greeting: His first turn as it cut into the assistant's greeting; None: it did not.
        tool_times_ms: When each round of tool calls was taken and answered, since the case began.
        hosted: The tools that the assistant called by itself, in the order in which they were answered.
        until_ms: When the call ended, on the call's clock.
        ended_waiting: Whether it ended because the assistant said nothing any more.

    """

    session: LiveCall
    clips: dict[int, PlacedClip] = field(default_factory=dict)
    done: list[DoneAct] = field(default_factory=list)
    acts: list[TurnActs] = field(default_factory=list)
    silences: list[HeldSilence] = field(default_factory=list)
    cut_greeting: DoneAct | None = None
    tool_times_ms: list[tuple[float, float]] = field(default_factory=list)
    hosted: list[HostedAnswer] = field(default_factory=list)
    until_ms: float = 0.0
    ended_waiting: bool = False
