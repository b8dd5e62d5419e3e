"""What a server's turn detection reports of the caller: when it heard speech begin and end. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from evalkit.realtime.events import ServerEvent

SPEECH_STARTED = "input_audio_buffer.speech_started"
_SPEECH_STOPPED = "input_audio_buffer.speech_stopped"
_COMMITTED = "input_audio_buffer.committed"
_TIMEOUT = "input_audio_buffer.timeout_triggered"


@dataclass(frozen=True, slots=True)
class Detected:
    """One report.

    Attributes:
        at_ms: When it came, in milliseconds since the case began.
        audio_ms: The place in the audio that it speaks of, in milliseconds of all audio sent; None where it names none.

    """

    at_ms: float
    audio_ms: float | None


class DetectedSpeech:
    """The reports of one session. Feed it every event; it picks its own.

    Attributes:
        started: When it heard speech begin.
        stopped: When it heard speech end.
        committed: When it took what was said for a turn; not the silence that it takes when nobody speaks for long.
        timeouts: How often nobody spoke for long.

    """

    def __init__(self) -> None:
        self.started: list[Detected] = []
        self.stopped: list[Detected] = []
        self.committed: list[Detected] = []
        self.timeouts = 0
        self._is_speaking = self._is_timeout = False

    @property
    def is_speaking(self) -> bool:
        """Whether the server hears the caller speak, as far as it has said."""
        return self._is_speaking

    @property
    def last_started_at_ms(self) -> float | None:
        """When the server last said that the caller had begun to speak; None: never."""
        return self.started[-1].at_ms if self.started else None

    @property
    def last_report_at_ms(self) -> float:
        """When the last of the reports of speech came; 0 before there was any."""
        return max((each.at_ms for each in (*self.started[-1:], *self.stopped[-1:])), default=0.0)

    def feed(self, event: ServerEvent, at_ms: float) -> bool:
        """Take one event that came at `at_ms`; return whether it was a report."""
        if event.type == SPEECH_STARTED:
            self.started.append(Detected(at_ms, _number(event, "audio_start_ms")))
            self._is_speaking = True
        elif event.type in (_SPEECH_STOPPED, _TIMEOUT):
            self.timeouts += event.type == _TIMEOUT
            self._is_timeout = event.type == _TIMEOUT
            if event.type == _SPEECH_STOPPED:
                self.stopped.append(Detected(at_ms, _number(event, "audio_end_ms")))
            self._is_speaking = False
        elif event.type == _COMMITTED:
            # A server that reports no end of speech has heard one all the same when it takes what was said.
            if not self._is_timeout:
                self.committed.append(Detected(at_ms, None))
            self._is_speaking = self._is_timeout = False
        else:
            return False
        return True


def _number(event: ServerEvent, key: str) -> float | None:
    value = event.payload.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
