"""What a session does about turns that it detects itself: the events of the input audio buffer, and what they start.

============================ =================================================================================
what happens in the audio    what follows
============================ =================================================================================
somebody begins to speak     ``speech_started``; the answer under way is cancelled (``interrupt_response``)
they have finished           ``speech_stopped``, the commit, the user's item, an answer (``create_response``)
they stay silent             ``timeout_triggered``, the commit, the user's item, an answer (``idle_timeout_ms``)
============================ =================================================================================

The silence of an idle timeout is counted from where the last answer's audio has been played.

That is all for a model that hears nothing. The others have :class:`~evalkit.service.turns.manners.Manners`:

- **While an answer is heard** (and ``interrupt_response`` is true) a sound is no turn before it is known to be one:
  after :data:`INTERRUPTS_MS` of a voice about as loud as the caller's, or a word that asks for silence ("Wait!").
  ``speech_started`` says then where it began. Of a murmur, a cough, a voice in the background nothing is told.
- **While the model is silent** everything is told. What turns out to be no more than "um", a cough or said to somebody
  else becomes an item as well, which no model is shown, and gets no answer; an answer that was due is still given.
- **Who has stopped for nothing goes on**: the answer that follows says what was not heard of the one that was cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evalkit.audio.formats import AudioFormat
from evalkit.service.events_out import Events, Ids
from evalkit.service.input_buffer import TICKS_PER_MS, InputBuffer
from evalkit.service.turns.detection import TurnDetection
from evalkit.service.turns.finished import sounds_finished
from evalkit.service.turns.manners import Manners
from evalkit.service.turns.playback import Playback
from evalkit.service.turns.remarks import only_agrees, says_something, takes_the_floor
from evalkit.service.turns.silero import FRAME_MS, Probabilities
from evalkit.service.turns.turn_detector import TurnBegins, TurnDetector, TurnEnds, TurnGoesOn, TurnPauses
from evalkit.service.turns.utterance import Loudness, Utterance
from evalkit.service.turns.words_alone import words_alone
from evalkit.service.work import FindVoice, LetTimePass, Recognise, SessionStep

_PAUSE_TICKET = "pause"
INTERRUPTS_MS = 640
"""So much of a voice over an answer is an interruption; less of it may be an "mm-hmm"."""
SURELY_WORDS_MS = 1216
"""So much of a voice is answered without waiting for its words: no cough lasts so long."""
_SOUND_OVER_MS = 192
_IN_A_PAUSE_MS = 128
_FILLER = "Mm-hmm."
_INTERJECTION = "Yes, I know what you mean."
MAX_SILENCE_MS = 30_000
"""Of a silence that lasts longer only so much is kept."""


@dataclass(frozen=True)
class Consequences:
    """What a session does when turns begin and end.

    Attributes:
        interrupt: Cancel the answer under way; returns whether any of it was being heard.
        commit: Make a user's item of that id, of audio (wire bytes and their count).
        answer: Create a response.
        disregard: Show the item of that id to no model.
        go_on: Give the answer that is still due, after something that wants none; True: go on with the one that was
            cut.
        interject: Say that, without being asked.

    """

    interrupt: Callable[[SessionStep], bool]
    commit: Callable[[str, tuple[bytes, int], SessionStep], None]
    answer: Callable[[SessionStep], None]
    disregard: Callable[[str], None]
    go_on: Callable[[bool, SessionStep], None]
    interject: Callable[[str, SessionStep], None]


class Listener:
    """The turn detection of a session; off until it is configured.

    Args:
        ids: Where ids come from.
        buffer: The session's input audio buffer.
        playback: What the client hears.
        consequences: What the session does.
        manners: How turns are taken; None: every sound is a turn and every pause an end, since nothing is understood.

    """

    def __init__(
        self,
        ids: Ids,
        buffer: InputBuffer,
        playback: Playback,
        consequences: Consequences,
        *,
        manners: Manners | None,
    ) -> None:
        self._ids = ids
        self._events = Events(ids)
        self._buffer = buffer
        self._playback = playback
        self._do = consequences
        self._manners = manners
        self._detector: TurnDetector | None = None
        self._utterance: Utterance | None = None
        self._usual = Loudness()
        self._has_stopped = False
        self._undecided: dict[str, Utterance] = {}
        self._overheard: list[tuple[Utterance, int, tuple[bytes, int]]] = []
        # Tickets of what is under way; "" where nothing is.
        self._judging = ""
        self._asking = ""
        self._idle = ""
        self._idle_from = 0
        self._answering = ""

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
        known, utterance = self._detector, self._utterance
        if known is None:
            return None
        self._listen_anew(TurnDetector(known.detection, known.audio_format, self._buffer.end))
        return utterance.item_id if utterance is not None and utterance.is_told else None

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
            self._weigh(self._detector, text, step)
            self._go_on(self._detector, step)
        return True

    def understood(self, item_id: str, text: str | None, step: SessionStep) -> None:
        """Take the words of a user's item, None when they cannot be had."""
        utterance = self._undecided.pop(item_id, None)
        if utterance is None:
            return
        if text is None or self._wants_answer(utterance, text):
            self._usual.add(utterance.loudness)
            self._has_stopped = False
            if self._utterance is not None and self._utterance.is_told:
                self._utterance.has_cut = False
            elif not utterance.is_answered:
                self._answer(step)
        else:
            self._do.disregard(item_id)
            if not utterance.is_answered:
                self._go_on_after(utterance, step)

    def take_up(self, step: SessionStep) -> None:
        """Take up what was said over an answer, if that has been played; to be called while nothing is under way."""
        detector = self._detector
        if detector is None or not self._overheard or self._playback.is_playing(self._buffer.end) or self._is_spoken_to:
            return
        overheard, self._overheard = self._overheard, []
        for utterance, end, audio in overheard:
            self._tell_of(utterance, utterance.start, step)
            self._tell_end(utterance, end, audio, step)
        last = overheard[-1][0]
        if detector.detection.create_response:
            self._undecided[last.item_id] = last

    def answered(self, played_ms: float, step: SessionStep) -> None:
        """Take it that an answer has been sent that plays for so long; the silence after it may be idle."""
        detector = self._detector
        if detector is None or detector.detection.idle_timeout_ms is None or self._is_spoken_to:
            return
        self._idle = self._ids.new("idle")
        self._idle_from = self._buffer.end + round(played_ms * TICKS_PER_MS)
        step.work.append(LetTimePass(self._idle, (played_ms + detector.detection.idle_timeout_ms) / 1000))

    def busy(self, *, answers: bool) -> None:
        """Take it that a response is under way, which may answer what was said: the silence so far is not idle."""
        self._idle = self._answering = ""
        self._has_stopped = False
        for utterance in self._undecided.values():
            utterance.is_answered = utterance.is_answered or answers

    def waited(self, ticket: str, step: SessionStep) -> None:
        """Take it that the time of `ticket` is over."""
        detector = self._detector
        if detector is not None and ticket == self._answering:
            self._answering = ""
            self._do.answer(step)
            return
        if detector is None or ticket != self._idle:
            return
        self._idle = ""
        end = self._buffer.end
        start = min(self._idle_from, end)
        item_id = self._ids.new("item")
        place = {"audio_start_ms": start // TICKS_PER_MS, "audio_end_ms": end // TICKS_PER_MS, "item_id": item_id}
        step.events.append(self._events.make("input_audio_buffer.timeout_triggered", **place))
        self._buffer.drop_until(start)
        self._do.commit(item_id, self._buffer.take_until(end), step)
        if detector.detection.create_response:
            self._do.answer(step)

    @property
    def _is_spoken_to(self) -> bool:
        """Whether somebody speaks, as far as the client knows."""
        return self._utterance is not None and self._utterance.is_told

    def _listen_anew(self, detector: TurnDetector | None) -> None:
        self._detector = detector
        self._utterance = None
        self._judging = self._asking = self._answering = ""
        self._undecided.clear()
        self._overheard.clear()

    def _go_on(self, detector: TurnDetector, step: SessionStep) -> None:
        while (happens := detector.next()) is not None:
            match happens:
                case TurnBegins(start):
                    self._begin(detector, start, step)
                case TurnGoesOn():
                    self._listen_on(detector, happens, step)
                case TurnPauses(end):
                    self._pause(detector, end, step)
                case TurnEnds(end):
                    self._end(detector, end, step)
        pcm = detector.due()
        if pcm is not None:
            self._judging = self._ids.new("judge")
            step.work.append(FindVoice(self._judging, detector.stream, pcm))

    def _begin(self, detector: TurnDetector, start: int, step: SessionStep) -> None:
        begins = detector.position - FRAME_MS * TICKS_PER_MS
        over_answer = (
            self._manners is not None and detector.detection.interrupt_response and self._playback.is_heard(begins)
        )
        self._utterance = Utterance(self._ids.new("item"), start, begins, over_answer)
        if self._manners is None or not over_answer or self._manners.stops_for_any_sound:
            self._tell(detector, self._utterance, step)

    def _listen_on(self, detector: TurnDetector, frame: TurnGoesOn, step: SessionStep) -> None:
        utterance, manners = self._utterance, self._manners
        if utterance is None or manners is None:
            return
        utterance.take(frame)
        if utterance.is_told:
            self._speak_up(manners, utterance, frame, step)
        elif manners.yields and self._interrupts(utterance):
            if utterance.age_ms >= INTERRUPTS_MS + manners.yield_delay_ms or utterance.takes_floor:
                self._tell(detector, utterance, step)
        elif self._must_be_weighed(detector.detection, utterance, frame):
            detector.hold()
            self._ask(detector, frame.end, step)

    def _must_be_weighed(self, detection: TurnDetection, utterance: Utterance, frame: TurnGoesOn) -> bool:
        """Whether a short sound over an answer has ended; with semantic_vad the pause asks."""
        after_ms = max(min(_SOUND_OVER_MS, detection.pause_ms - FRAME_MS), FRAME_MS)
        has_ended = frame.silence_ms == -(-after_ms // FRAME_MS) * FRAME_MS
        is_new = bool(utterance.span_ms) and not utterance.takes_floor and not self._interrupts(utterance)
        return detection.max_wait_ms is None and has_ended and is_new and not self._is_aside(utterance.recent_power)

    def _interrupts(self, utterance: Utterance) -> bool:
        lasts = utterance.span_ms >= INTERRUPTS_MS and not self._is_aside(utterance.recent_power)
        return lasts or utterance.takes_floor

    def _is_aside(self, power: float) -> bool:
        return self._manners is not None and not self._manners.answers_asides and self._usual.is_beyond(power)

    def _speak_up(self, manners: Manners, utterance: Utterance, frame: TurnGoesOn, step: SessionStep) -> None:
        if utterance.over_answer or utterance.voice_ms < SURELY_WORDS_MS:
            return
        if manners.fills_pauses and frame.silence_ms == _IN_A_PAUSE_MS:
            self._do.interject(_FILLER, step)
        if manners.talks_over and frame.silence_ms == 0 and utterance.voice_ms == SURELY_WORDS_MS:
            self._do.interject(_INTERJECTION, step)

    def _tell(self, detector: TurnDetector, utterance: Utterance, step: SessionStep) -> None:
        """Tell the client of the utterance, and stop for it."""
        self._idle = self._answering = ""
        self._buffer.drop_until(utterance.start)
        self._tell_of(utterance, self._buffer.start, step)
        if detector.detection.interrupt_response:
            utterance.has_cut = self._do.interrupt(step) or self._has_stopped
            self._has_stopped = utterance.has_cut

    def _tell_of(self, utterance: Utterance, start: int, step: SessionStep) -> None:
        utterance.is_told = True
        place = {"audio_start_ms": start // TICKS_PER_MS, "item_id": utterance.item_id}
        step.events.append(self._events.make("input_audio_buffer.speech_started", **place))

    def _tell_end(self, utterance: Utterance, end: int, audio: tuple[bytes, int], step: SessionStep) -> None:
        place = {"audio_end_ms": end // TICKS_PER_MS, "item_id": utterance.item_id}
        step.events.append(self._events.make("input_audio_buffer.speech_stopped", **place))
        self._do.commit(utterance.item_id, audio, step)

    def _pause(self, detector: TurnDetector, end: int, step: SessionStep) -> None:
        utterance = self._utterance
        is_told = utterance is not None and utterance.is_told
        if self._manners is None or not (is_told or (utterance and not self._is_aside(utterance.recent_power))):
            self._resume(detector, step, is_whole=True)
        else:
            self._ask(detector, end, step)

    def _ask(self, detector: TurnDetector, end: int, step: SessionStep) -> None:
        self._asking = self._ids.new(_PAUSE_TICKET)
        rate_hz = detector.audio_format.sample_rate_hz
        pcm = detector.audio_format.from_wire(self._buffer.peek(end))
        step.work.append(Recognise(self._asking, words_alone(pcm, rate_hz), rate_hz))

    def _weigh(self, detector: TurnDetector, text: str | None, step: SessionStep) -> None:
        """Take the words before a pause."""
        utterance, manners = self._utterance, self._manners
        is_over = detector.detection.max_wait_ms is not None and (text is None or sounds_finished(text))
        if utterance is not None and manners is not None and not utterance.is_told and not self._interrupts(utterance):
            utterance.takes_floor = text is not None and takes_the_floor(text)
            if not utterance.takes_floor:
                utterance.forget_span()
                is_over = detector.detection.max_wait_ms is not None
            elif manners.yields and not manners.yield_delay_ms:
                self._tell(detector, utterance, step)
        self._resume(detector, step, is_whole=is_over)

    def _resume(self, detector: TurnDetector, step: SessionStep, *, is_whole: bool) -> None:
        ends = detector.resume(is_whole=is_whole)
        if ends is not None:
            self._end(detector, ends.end, step)

    def _end(self, detector: TurnDetector, end: int, step: SessionStep) -> None:
        utterance, manners, self._utterance = self._utterance, self._manners, None
        if utterance is None:
            return
        if not utterance.is_told:
            if not self._interrupts(utterance):
                return
            if manners is not None and not manners.yields:
                self._buffer.drop_until(utterance.start)
                utterance.start = self._buffer.start
                self._overheard.append((utterance, end, self._buffer.take_until(end)))
                return
            self._tell(detector, utterance, step)
        self._tell_end(utterance, end, self._buffer.take_until(end), step)
        if self._is_aside(utterance.power):
            self._do.disregard(utterance.item_id)
            if detector.detection.create_response:
                self._go_on_after(utterance, step)
        elif not detector.detection.create_response:
            self._usual.add(utterance.loudness)
        elif manners is None or (utterance.voice_ms >= SURELY_WORDS_MS and not utterance.has_cut):
            self._usual.add(utterance.loudness)
            self._answer(step)
        else:
            self._undecided[utterance.item_id] = utterance

    def _wants_answer(self, utterance: Utterance, text: str) -> bool:
        is_short = utterance.voice_ms < INTERRUPTS_MS
        is_deaf = self._manners is not None and not self._manners.yields
        if not utterance.has_cut and not (is_deaf and utterance.over_answer):
            return says_something(text) or not is_short
        return takes_the_floor(text) if is_short else not only_agrees(text)

    def _go_on_after(self, utterance: Utterance, step: SessionStep) -> None:
        if self._manners is None or (utterance.has_cut and not self._manners.resumes):
            return
        if self._is_spoken_to or self._undecided:  # what is said after it decides
            return
        self._do.go_on(utterance.has_cut, step)

    def _answer(self, step: SessionStep) -> None:
        if self._manners is None or not self._manners.answer_delay_ms:
            self._do.answer(step)
            return
        if self._answering:
            return
        self._answering = self._ids.new("answer")
        step.work.append(LetTimePass(self._answering, self._manners.answer_delay_ms / 1000))
