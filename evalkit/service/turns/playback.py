"""Which of an answer has been heard by now: a client plays what it is sent at once, and at the speed of speech.

Positions are ticks of 1/48 ms, counted over all audio that the client appended: its own clock.
"""

from __future__ import annotations

from evalkit.service.input_buffer import TICKS_PER_MS

REACTION_MS = 300
"""Who begins to speak so soon after an answer does not react to it: they had begun already."""


class Playback:
    """The sound of answers, as a client that plays at once has it."""

    def __init__(self) -> None:
        self._answer_id = ""
        self._sounds_since = self._start = self._end = 0

    def sent(self, answer_id: str, audio_ms: float, now: int) -> None:
        """Take it that of that answer so much has been sent by now; a new one is played behind the one before."""
        if not audio_ms:
            return
        if answer_id != self._answer_id:
            self._answer_id = answer_id
            if not self.is_playing(now):
                self._sounds_since = self._end = now
            self._start = self._end
        self._end = self._start + round(audio_ms * TICKS_PER_MS)

    def stop(self, now: int) -> None:
        """Take it that nothing is played any more."""
        self._end = min(self._end, now)

    def is_playing(self, position: int) -> bool:
        """Whether something sounds at `position`."""
        return self._sounds_since <= position < self._end

    def is_heard(self, position: int) -> bool:
        """Whether something sounds at `position` to which who is at the other end can have reacted."""
        return self.is_playing(position) and position >= self._sounds_since + REACTION_MS * TICKS_PER_MS

    def played_ms(self, now: int) -> float:
        """Return how much of the newest answer has been played."""
        return max(min(now, self._end) - self._start, 0) / TICKS_PER_MS
