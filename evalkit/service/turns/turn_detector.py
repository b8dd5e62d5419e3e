"""The turns in one stream of audio: where each begins and ends. No I/O, no clock: only samples count.

The session appends audio, has frames judged by the voice detector, and asks for what follows::

    append ──> due ──> (judged elsewhere) ──> judged ──> next: TurnBegins, TurnGoesOn, TurnPauses, TurnEnds, None
                                                 ↑                         │
                                                 └──────── resume ─────────┘   was that a whole utterance?

While the question that a pause asks, or :meth:`TurnDetector.hold` asked, is open, nothing further is judged. So what is
decided depends on the audio alone, however long judging and recognising take. Positions are ticks of 1/48 ms, counted
over all audio of the session.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from evalkit.audio.formats import AudioFormat
from evalkit.audio.g711 import Pcm
from evalkit.service.input_buffer import TICKS_PER_MS
from evalkit.service.turns.detection import TurnDetection
from evalkit.service.turns.silero import FRAME_MS, Probabilities, VoiceStream
from evalkit.service.turns.speech_tracker import Edge, SpeechTracker

MAX_FRAMES = 32
"""So many frames are judged at once, about a second: whoever sends a whole call at once keeps nobody else waiting."""
_FRAME_TICKS = FRAME_MS * TICKS_PER_MS


@dataclass(frozen=True)
class TurnBegins:
    """Somebody begins to speak; their utterance begins at `start`, the padding included."""

    start: int


@dataclass(frozen=True)
class TurnGoesOn:
    """One frame of the utterance, the first one included.

    Attributes:
        end: Where it ends.
        silence_ms: For how long they have not spoken; 0: they speak.
        power: The mean square of its samples.

    """

    end: int
    silence_ms: int
    power: float


@dataclass(frozen=True)
class TurnPauses:
    """They have been silent for a moment, until `end`; :meth:`TurnDetector.resume` must say whether that was all."""

    end: int


@dataclass(frozen=True)
class TurnEnds:
    """The utterance is over, at `end`, the silence included."""

    end: int


class TurnDetector:
    """The turns in a session's audio, from `position` on.

    Args:
        detection: When a turn begins and ends.
        audio_format: The format of the audio.
        position: Where in the session's audio it begins to listen, in ticks.

    """

    def __init__(self, detection: TurnDetection, audio_format: AudioFormat, position: int) -> None:
        self.detection = detection
        self.audio_format = audio_format
        self.stream = VoiceStream(audio_format.sample_rate_hz)
        self.position = position
        """Up to where it has been decided what happens."""
        self._frame_bytes = audio_format.byte_count(FRAME_MS)
        self._tracker = SpeechTracker(detection.threshold, detection.pause_ms, detection.max_wait_ms)
        self._unjudged = bytearray()
        self._powers: deque[float] = deque()
        self._probabilities: deque[float] = deque()
        self._edge: Edge | None = None
        self._power = 0.0
        self._is_judging = False
        self._is_asking = False

    @property
    def is_speaking(self) -> bool:
        """Whether a turn has begun and not ended."""
        return self._tracker.is_speaking

    def append(self, audio: bytes) -> None:
        """Take audio in wire format."""
        self._unjudged += audio

    def due(self) -> Pcm | None:
        """Return the samples that must be judged next, whole frames; None when none are, or others still are judged."""
        frames = min(len(self._unjudged) // self._frame_bytes, MAX_FRAMES)
        if self._is_judging or self._is_asking or not frames:
            return None
        self._is_judging = True
        size = frames * self._frame_bytes
        audio = bytes(self._unjudged[:size])
        del self._unjudged[:size]
        pcm = self.audio_format.from_wire(audio)
        samples = pcm.reshape(frames, -1).astype(np.float32)
        self._powers.extend(np.einsum("ij,ij->i", samples, samples) / samples.shape[1])
        return pcm

    def judged(self, probabilities: Probabilities) -> None:
        """Take what was judged of the samples that were due."""
        self._is_judging = False
        self._probabilities.extend(probabilities.tolist())

    def next(self) -> TurnBegins | TurnGoesOn | TurnPauses | TurnEnds | None:
        """Return what happens next in what has been judged, None when nothing further does."""
        while not self._is_asking:
            edge, self._edge = self._edge, None
            if edge is Edge.BEGINS:
                return self._goes_on()
            if edge is Edge.PAUSES and self.detection.max_wait_ms is not None:
                self._is_asking = True
                return TurnPauses(self.position)
            if edge is not None:
                return self._ends()
            if not self._probabilities:
                break
            begins = self._take_frame()
            if begins is not None or self._tracker.is_speaking:
                return begins or self._goes_on()
        return None

    def _take_frame(self) -> TurnBegins | None:
        self._edge = self._tracker.take(self._probabilities.popleft())
        self._power = self._powers.popleft()
        self.position += _FRAME_TICKS
        if self._edge is not Edge.BEGINS:
            return None
        padding = self.detection.prefix_padding_ms * TICKS_PER_MS
        return TurnBegins(max(self.position - _FRAME_TICKS - padding, 0))

    def hold(self) -> None:
        """Judge nothing further until :meth:`resume`: something must be known of what has been said."""
        self._is_asking = True

    def resume(self, *, is_whole: bool) -> TurnEnds | None:
        """Take it whether the utterance before a pause is whole, and return its end if it is."""
        self._is_asking = False
        return self._ends() if is_whole else None

    def _goes_on(self) -> TurnGoesOn:
        return TurnGoesOn(self.position, self._tracker.silence_ms, self._power)

    def _ends(self) -> TurnEnds:
        self._edge = None
        self._tracker.stop()
        return TurnEnds(self.position)
