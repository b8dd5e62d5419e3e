"""What a session does about turns that it detects itself: the events of the input audio buffer, and what they start.

============================ =================================================================================
what happens in the audio    what follows
============================ =================================================================================
somebody begins to speak     ``speech_started``; the answer under way is cancelled (``interrupt_response``)
they have finished           ``speech_stopped``, the commit, the user's item, an answer (``create_response``)
they stay silent             ``timeout_triggered``, the commit, the user's item, an answer (``idle_timeout_ms``)
============================ =================================================================================

The silence of an idle timeout is counted from where the last answer's audio has been played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evalkit.audio.formats import AudioFormat
from evalkit.service.events_out import Events, Ids
from evalkit.service.input_buffer import TICKS_PER_MS, InputBuffer
from evalkit.service.turns.detection import TurnDetection
from evalkit.service.turns.finished import sounds_finished
from evalkit.service.turns.silero import Probabilities
from evalkit.service.turns.turn_detector import TurnBegins, TurnDetector, TurnEnds, TurnPauses
from evalkit.service.work import FindVoice, LetTimePass, Recognise, SessionStep

_PAUSE_TICKET = "pause"
MAX_SILENCE_MS = 30_000
"""Of a silence that lasts longer only so much is kept."""


@dataclass(frozen=True)
class Consequences:
    """What a session does when turns begin and end.

    Attributes:
        interrupt: Cancel the answer under way.
        commit: Make a user's item of that id, of audio (wire bytes and their count).
        answer: Create a response.

    """

    interrupt: Callable[[SessionStep], None]
    commit: Callable[[str, tuple[bytes, int], SessionStep], None]
    answer: Callable[[SessionStep], None]


class Listener:
    """The turn detection of a session; off until it is configured.

    Args:
        ids: Where ids come from.
        buffer: The session's input audio buffer.
        consequences: What the session does.
        hears_nothing: Take every pause for an end: words are not understood.

    """

    def __init__(self, ids: Ids, buffer: InputBuffer, consequences: Consequences, *, hears_nothing: bool) -> None:
        self._ids = ids
        self._events = Events(ids)
        self._buffer = buffer
        self._do = consequences
        self._hears_nothing = hears_nothing
        self._detector: TurnDetector | None = None
        self._item_id = ""
        # Tickets of what is under way; "" where nothing is.
        self._judging = ""
        self._asking = ""
        self._idle = ""
        self._idle_from = 0

    @property
    def is_on(self) -> bool:
        """Whether turns are detected."""
        return self._detector is not None

    def configure(self, detection: TurnDetection | None, audio_format: AudioFormat) -> None:
        """Detect turns as `detection` says, in audio of that format, from now on; None: detect none."""
        known = self._detector
        if known is None or (known.detection, known.audio_format) != (detection, audio_format):
            self._idle = ""
            self._listen_anew(None if detection is None else TurnDetector(detection, audio_format, self._buffer.end))

    def restart(self) -> str | None:
        """Take it that the client emptied the buffer, and return the id of the item whose turn was under way."""
        known = self._detector
        if known is None:
            return None
        self._listen_anew(TurnDetector(known.detection, known.audio_format, self._buffer.end))
        return self._item_id if known.is_speaking else None

    def hear(self, audio: bytes, step: SessionStep) -> None:
        """Take audio that was appended to the buffer."""
        detector = self._detector
        if detector is None:
            return
        detector.append(audio)
        if not detector.is_speaking:
            silent_until = detector.position - detector.detection.prefix_padding_ms * TICKS_PER_MS
            self._buffer.drop_until(min(silent_until, self._buffer.end - MAX_SILENCE_MS * TICKS_PER_MS))
        self._go_on(detector, step)

    def judged(self, ticket: str, probabilities: Probabilities, step: SessionStep) -> None:
        """Take the probabilities that `ticket` stands for; those of audio that was emptied away count no more."""
        if self._detector is not None and ticket == self._judging:
            self._judging = ""
            self._detector.judged(probabilities)
            self._go_on(self._detector, step)

    def not_judged(self, ticket: str) -> bool:
        """Take it that the detector cannot judge: it is off. Returns whether the ticket still counted."""
        counts = self._detector is not None and ticket == self._judging
        if counts:
            self._listen_anew(None)
        return counts

    def recognised(self, ticket: str, text: str | None, step: SessionStep) -> bool:
        """Take the words before a pause, None when they cannot be had. Returns whether the ticket was for that.

        Words of audio that was emptied away meanwhile count no more.
        """
        if not ticket.startswith(_PAUSE_TICKET):
            return False
        if self._detector is not None and ticket == self._asking:
            self._asking = ""
            self._resume(self._detector, step, is_whole=text is None or sounds_finished(text))
            self._go_on(self._detector, step)
        return True

    def answered(self, played_ms: float, step: SessionStep) -> None:
        """Take it that an answer has been sent that plays for so long; the silence after it may be idle."""
        detector = self._detector
        if detector is None or detector.detection.idle_timeout_ms is None or detector.is_speaking:
            return
        self._idle = self._ids.new("idle")
        self._idle_from = self._buffer.end + round(played_ms * TICKS_PER_MS)
        step.work.append(LetTimePass(self._idle, (played_ms + detector.detection.idle_timeout_ms) / 1000))

    def busy(self) -> None:
        """Take it that an answer is under way: the silence so far is not idle."""
        self._idle = ""

    def waited(self, ticket: str, step: SessionStep) -> None:
        """Take it that the time of `ticket` is over."""
        detector = self._detector
        if detector is None or ticket != self._idle:
            return
        self._idle = ""
        end = self._buffer.end
        start = min(self._idle_from, end)
        item_id = self._ids.new("item")
        place = {"audio_start_ms": start // TICKS_PER_MS, "audio_end_ms": end // TICKS_PER_MS, "item_id": item_id}
        step.events.append(self._events.make("input_audio_buffer.timeout_triggered", **place))
        self._buffer.drop_until(start)
        self._commit(detector, item_id, end, step)

    def _listen_anew(self, detector: TurnDetector | None) -> None:
        self._detector = detector
        self._judging = self._asking = ""

    def _go_on(self, detector: TurnDetector, step: SessionStep) -> None:
        while (happens := detector.next()) is not None:
            match happens:
                case TurnBegins(start):
                    self._begin(detector, start, step)
                case TurnPauses(end):
                    self._ask(detector, end, step)
                case TurnEnds(end):
                    self._end(detector, end, step)
        pcm = detector.due()
        if pcm is not None:
            self._judging = self._ids.new("judge")
            step.work.append(FindVoice(self._judging, detector.stream, pcm))

    def _begin(self, detector: TurnDetector, start: int, step: SessionStep) -> None:
        self._idle = ""
        self._buffer.drop_until(start)
        self._item_id = self._ids.new("item")
        start_ms = self._buffer.start // TICKS_PER_MS
        step.events.append(
            self._events.make("input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=self._item_id)
        )
        if detector.detection.interrupt_response:
            self._do.interrupt(step)

    def _ask(self, detector: TurnDetector, end: int, step: SessionStep) -> None:
        if self._hears_nothing:
            self._resume(detector, step, is_whole=True)
            return
        self._asking = self._ids.new(_PAUSE_TICKET)
        pcm = detector.audio_format.from_wire(self._buffer.peek(end))
        step.work.append(Recognise(self._asking, pcm, detector.audio_format.sample_rate_hz))

    def _resume(self, detector: TurnDetector, step: SessionStep, *, is_whole: bool) -> None:
        ends = detector.resume(is_whole=is_whole)
        if ends is not None:
            self._end(detector, ends.end, step)

    def _end(self, detector: TurnDetector, end: int, step: SessionStep) -> None:
        end_ms = end // TICKS_PER_MS
        step.events.append(
            self._events.make("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=self._item_id)
        )
        self._commit(detector, self._item_id, end, step)

    def _commit(self, detector: TurnDetector, item_id: str, end: int, step: SessionStep) -> None:
        self._do.commit(item_id, self._buffer.take_until(end), step)
        if detector.detection.create_response:
            self._do.answer(step)
