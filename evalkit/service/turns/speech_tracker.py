"""From probabilities to edges: where speech begins, where it pauses, where the pause has lasted too long. No I/O.

A frame begins speech when it reaches the threshold. Silence begins with a frame below a second, lower threshold and
ends with one that reaches the first: a voice that gets softer is no pause.
"""

from __future__ import annotations

from enum import Enum, auto

from evalkit.service.turns.silero import FRAME_MS

_EXIT_BELOW = 0.15
_MIN_EXIT = 0.01


class Edge(Enum):
    """What a frame changed."""

    BEGINS = auto()
    PAUSES = auto()
    WAITED_OUT = auto()


class SpeechTracker:
    """Whether somebody speaks, frame by frame.

    Args:
        threshold: The probability that begins speech.
        pause_ms: The silence that is a pause; told once for each silence.
        max_wait_ms: The silence that nobody waits beyond; None: it does not exist.

    """

    def __init__(self, threshold: float, pause_ms: int, max_wait_ms: int | None) -> None:
        self.is_speaking = False
        self.silence_ms = 0
        """For how long nobody has spoken in the utterance under way; 0 while somebody does."""
        self._threshold = threshold
        self._exit = max(threshold - _EXIT_BELOW, _MIN_EXIT)
        self._pause_ms = pause_ms
        self._max_wait_ms = max_wait_ms
        self._paused = False

    def take(self, probability: float) -> Edge | None:
        """Take one frame of 32 ms and return what it changed."""
        is_voice = probability >= self._threshold
        if not self.is_speaking:
            self.is_speaking = is_voice
            self.silence_ms, self._paused = 0, False
            return Edge.BEGINS if is_voice else None
        if is_voice:
            self.silence_ms, self._paused = 0, False
        elif self.silence_ms or probability < self._exit:
            self.silence_ms += FRAME_MS
        if not self._paused and self.silence_ms and self.silence_ms >= self._pause_ms:
            self._paused = True
            return Edge.PAUSES
        if self._paused and self._max_wait_ms is not None and self.silence_ms >= self._max_wait_ms:
            return Edge.WAITED_OUT
        return None

    def stop(self) -> None:
        """Take it that the utterance is over."""
        self.is_speaking = False
