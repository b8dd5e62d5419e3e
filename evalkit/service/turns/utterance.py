"""What is known of an utterance while it is heard: how long, how loud, over whose words. No I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from evalkit.service.input_buffer import TICKS_PER_MS
from evalkit.service.turns.silero import FRAME_MS
from evalkit.service.turns.turn_detector import TurnGoesOn

ASIDE_BELOW = 10 ** (-8 / 10)
"""So much of the power of what was said to the agent has who speaks to somebody else at most: 8 dB less."""
_RECENT_FRAMES = 12


@dataclass
class Loudness:
    """The mean power of frames in which somebody speaks."""

    total: float = 0.0
    frames: int = 0

    def add(self, other: Loudness) -> None:
        """Take in the frames of `other`."""
        self.total += other.total
        self.frames += other.frames

    def is_beyond(self, power: float) -> bool:
        """Whether `power` is that of somebody who speaks to others; never while nothing has been said."""
        return bool(self.frames) and power < ASIDE_BELOW * self.total / self.frames


@dataclass
class Utterance:
    """Something said, from its first sound on.

    Attributes:
        item_id: The id of the item that it becomes.
        start: Where it begins, the padding included, in ticks.
        begins: Where its first sound is, in ticks.
        over_answer: Whether an answer was heard when it began.
        is_told: Whether the client knows of it.
        has_cut: Whether an answer was cut because of it.
        is_answered: Whether an answer to it has begun, as far as its words were known.
        takes_floor: Whether a short word of it asked for silence.
        voice_ms: How long there was a voice in it, without its silences.
        span_ms: How long it was from the first sound that may mean something to the last one.
        loudness: How loud that voice is.

    """

    item_id: str
    start: int
    begins: int
    over_answer: bool
    is_told: bool = False
    has_cut: bool = False
    is_answered: bool = False
    takes_floor: bool = False
    voice_ms: int = 0
    span_ms: int = 0
    loudness: Loudness = field(default_factory=Loudness)
    age_ms: int = 0
    _burst_from: int = 0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT_FRAMES))

    def take(self, frame: TurnGoesOn) -> None:
        """Take its next frame."""
        self.age_ms = (frame.end - self.begins) // TICKS_PER_MS
        if frame.silence_ms == 0:
            self.voice_ms += FRAME_MS
            self._burst_from = self._burst_from or frame.end - FRAME_MS * TICKS_PER_MS
            self.span_ms = (frame.end - self._burst_from) // TICKS_PER_MS
            self.loudness.add(Loudness(frame.power, 1))
            self._recent.append(frame.power)

    def forget_span(self) -> None:
        """Take it that what was said so far means nothing."""
        self.span_ms = self._burst_from = 0

    @property
    def power(self) -> float:
        """The mean power of its voice."""
        return self.loudness.total / max(self.loudness.frames, 1)

    @property
    def recent_power(self) -> float:
        """The mean power of its voice of late."""
        return sum(self._recent) / max(len(self._recent), 1)
