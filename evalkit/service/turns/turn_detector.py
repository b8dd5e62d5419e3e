"""The turns in one stream of audio: where each begins and ends. No I/O, no clock: only samples count.

The session appends audio, has frames judged by the voice detector, and asks for what follows::

    append ──> due ──> (judged elsewhere) ──> judged ──> next: TurnBegins, TurnPauses, TurnEnds, None
                                                 ↑                         │
                                                 └──────── resume ─────────┘   was that a whole utterance?

While the question that a pause asks is open, nothing further is judged. So what is decided depends on the audio alone,
however long judging and recognising take. Positions are ticks of 1/48 ms, counted over all audio of the session.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

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
        self._probabilities: deque[float] = deque()
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
        return self.audio_format.from_wire(audio)

    def judged(self, probabilities: Probabilities) -> None:
        """Take what was judged of the samples that were due."""
        self._is_judging = False
        self._probabilities.extend(probabilities.tolist())

    def next(self) -> TurnBegins | TurnPauses | TurnEnds | None:
        """Return what happens next in what has been judged, None when nothing further does."""
        while self._probabilities and not self._is_asking:
            edge = self._tracker.take(self._probabilities.popleft())
            self.position += _FRAME_TICKS
            match edge:
                case Edge.BEGINS:
                    padding = self.detection.prefix_padding_ms * TICKS_PER_MS
                    return TurnBegins(max(self.position - _FRAME_TICKS - padding, 0))
                case Edge.PAUSES if self.detection.max_wait_ms is not None:
                    self._is_asking = True
                    return TurnPauses(self.position)
                case Edge.PAUSES | Edge.WAITED_OUT:
                    return self._ends()
        return None

    def resume(self, *, is_whole: bool) -> TurnEnds | None:
        """Take it whether the utterance before a pause is whole, and return its end if it is."""
        self._is_asking = False
        return self._ends() if is_whole else None

    def _ends(self) -> TurnEnds:
        self._tracker.stop()
        return TurnEnds(self.position)
