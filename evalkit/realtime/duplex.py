"""A Realtime session in full duplex: the server hears all the time, and decides itself when it is its turn.

::

    async with DuplexSession(url, headers, source="assistant", trace=…, timeline=…, stream=CallStream(20)) as session:
        await session.configure(spec, timeout_s=10)       # spec.turn_detection is not None
        session.begin()
        session.begin_turn(1)
        clip = session.say(wire)
        while calls := await session.listen(clip, timeout_s=30):
            await session.answer_tools(outputs)
    session.playout.pcm(…), session.responses, session.uplink.clips …

One uplink begins with the call and never stops: a chunk is sent at each of its absolute deadlines, silence where nobody
speaks. What the server says is played in real time (:mod:`evalkit.realtime.playout`); when it reports that the caller
began to speak while anything is playing or on its way, playing stops, the server is told what was heard of each item
(``conversation.item.truncate``), and what still arrives of it is dropped.

Nothing here waits for a response that it asked for. Responses begin when the server thinks fit, more than one for a
turn if it likes. The only ones asked for are those behind the answers of tools, which no turn detection begins: they
are asked for while the server hears nobody and does nothing, and whatever response comes next is taken for what it is.

What ends a session as a :class:`~evalkit.errors.CaseFailure`, beside what :mod:`evalkit.realtime.session` lists:

================================================ ========================= ==========================================
what happened                                    stage                     error_type
================================================ ========================= ==========================================
``session.updated`` names no or another detection ``session_update``       ``turn_detection_refused``
no response to what was said                     ``response_timeout``      ``timeout``
a response without end                           ``response_timeout``      ``timeout``
nobody heard all the time, in G.711              ``stream_audio``          ``input_not_taken``
================================================ ========================= ==========================================
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Unpack

from evalkit.audio.formats import AudioFormat
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.detected_speech import SPEECH_STARTED
from evalkit.realtime.events import ServerEvent, SessionSpec, server_error
from evalkit.realtime.input_receipts import INPUT_NOT_TAKEN
from evalkit.realtime.link import ServerLink
from evalkit.realtime.live_call import ANSWERLESS_MS, QUIET_MS, RESUME_MS, CallStream, LiveCall
from evalkit.realtime.peer_link import LinkOptions, Trouble
from evalkit.realtime.playout import Playout
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.realtime.response_log import ArrivedSound, LoggedResponse, ResponseLog
from evalkit.realtime.trace import AudioRef
from evalkit.realtime.transcripts import InputTranscripts
from evalkit.realtime.turn_taking import TURN_DETECTION_REFUSED, find_detection_refusal
from evalkit.realtime.turns import BENIGN_ERRORS
from evalkit.realtime.uplink import PlacedClip, Uplink
from evalkit.records.faults import Stage
from evalkit.records.json import JsonObject
from evalkit.records.record import ToolOutput

_BUSY = "conversation_already_has_active_response"
# So long after a call a server may take to put into words what it heard last.
_LATEST_TRANSCRIPT_S = 5.0


class DuplexSession(LiveCall, ServerLink):
    """A session with one server that takes the turns; see :class:`LiveCall` and :class:`ServerLink` for the arguments.

    The assistant has finished with what was said to it when that is over, the server hears nobody, no response is under
    way or owed, the last one began after what was said and was not cut short by the caller, and nobody was heard for
    :data:`QUIET_MS`. Where it stopped for a sound that wants no answer, it has :data:`RESUME_MS` to go on.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        stream: CallStream,
        on_rate_limits: OnRateLimits = lambda _: None,
        **options: Unpack[LinkOptions],
    ) -> None:
        super().__init__(url, headers, stream=stream, **options)
        self._on_rate_limits = on_rate_limits
        self._asked_for = ""
        self._stopped_at_ms = 0.0
        self.refused_truncations = 0
        self._log = ResponseLog()
        self._transcripts, self._is_transcribed = InputTranscripts(), False
        self._places: dict[tuple[int, int], int] = {}
        self._content_index: dict[str, int] = {}
        self._truncations: set[str] = set()
        self._errands: deque[tuple[dict[str, Any], Stage]] = deque()
        self._has_errands = asyncio.Event()
        self._create_event_id = ""
        # After the answers of tools a response is owed until it is asked for, and expected until one begins.
        self._owed = self._expected = self._waits_for_other = False
        self._expected_since_ms = 0.0

    @property
    def responses(self) -> tuple[LoggedResponse, ...]:
        """All responses by now, in the order in which they began."""
        return self._log.responses

    async def configure(self, spec: SessionSpec, *, timeout_s: float) -> None:
        """Send ``session.update`` and wait until the server has taken it, its turn detection included."""
        if spec.turn_detection is None:
            raise ProtocolError("a duplex session needs a turn detection")
        self._asked_for = spec.turn_detection.kind
        self._is_transcribed = spec.transcription_model is not None
        self.uplink = Uplink(spec.input_format, self._stream.chunk_ms)
        self.playout = Playout(spec.output_format)
        await super().configure(spec, timeout_s=timeout_s)
        self._raise_trouble(Stage.SESSION_UPDATE)

    def begin(self) -> None:
        """Begin the call: from now on the server hears the caller, be it silence."""
        super().begin()
        self._keep_running(self._run_errands())

    async def ask_to_speak(self) -> None:
        """Ask the assistant to speak first, if it has not begun to by itself; do not wait for it."""
        if not self._log.responses:
            self._owed, self._expected_since_ms = True, self._timeline.now_ms()
            await self._ask_for_owed()

    async def answer_tools(self, outputs: Sequence[ToolOutput]) -> None:
        """Give the tools' answers, and ask for the response that takes them up; do not wait for it."""
        self._owed, self._expected_since_ms = True, self._timeline.now_ms()
        for output in outputs:
            await self._send(self._events.function_call_output(output.call_id, output.output), Stage.STREAM_AUDIO)
        await self._ask_for_owed()

    def heard_between(self, from_ms: float, until_ms: float) -> str | None:
        """Return what the server's recogniser took the caller's words for in a time; None: it did not tell."""
        return self._transcripts.between(from_ms, until_ms)

    def describe_peer(self) -> JsonObject:
        """Return what the server's turn detection reported, in seconds since the case began."""
        speech = self.speech
        return {
            "server": {
                "speech_started_s": [round(each.at_ms / 1000, 4) for each in speech.started],
                "speech_stopped_s": [round(each.at_ms / 1000, 4) for each in speech.stopped],
                "committed_s": [round(each.at_ms / 1000, 4) for each in speech.committed],
                "idle_timeouts": speech.timeouts,
                "refused_truncations": self.refused_truncations,
            }
        }

    async def _send_chunk(self, chunk: bytes, offset: int) -> None:
        await self._append([chunk], wav=self._stream.uplink_wav, offset=offset)

    async def _attend(self) -> None:
        await self._ask_for_owed()

    async def _hear_last_reports(self) -> None:
        if self._is_transcribed:
            with suppress(CaseFailure):  # it has hung up
                await self._await(lambda: self._transcripts.are_settled, _LATEST_TRANSCRIPT_S, Stage.RESPONSE_ERROR)

    async def _run_errands(self) -> None:
        with suppress(CaseFailure):
            while True:
                await self._has_errands.wait()
                self._has_errands.clear()
                while self._errands:
                    await self._send(*self._errands.popleft())

    async def _ask_for_owed(self) -> None:
        """Ask for the response that takes up the answers of tools, as soon as nobody speaks and none is under way."""
        is_free = not (self.speech.is_speaking or self._log.under_way or self._waits_for_other)
        if self._owed and is_free:
            self._owed, self._expected = False, True
            event = self._events.create_response()
            self._create_event_id = event["event_id"]
            await self._send(event, Stage.RESPONSE_ERROR)

    def _is_busy(self) -> bool:
        is_under_way = self._owed or self._expected or bool(self._log.under_way) or bool(self._to_answer)
        return is_under_way or self.playout.is_playing(self.playout.sample_at(self.now_ms))

    def _has_finished(self, clip: PlacedClip) -> bool:
        last, said = self._log.last, self._last_said(clip)
        if self.now_ms < said.end_ms or self.speech.is_speaking or self._is_busy() or last is None:
            return False
        if any(self.now_ms < aside.end_ms + ANSWERLESS_MS for aside in self._asides):
            return False
        said_at_ms = max(self.began_at_ms + said.start_ms, self._last_heard_at_ms())
        was_stopped = last.was_interrupted or last.began_at_ms < self._stopped_at_ms
        if last.began_at_ms < said_at_ms or last.done_at_ms is None or (was_stopped and not self._asides):
            return False
        # What was said last may not have been reported yet, by a server that is still answering what came before.
        over_ms = self.began_at_ms + max(self.playout.end_ms, said.end_ms)
        quiet_since_ms = max(last.done_at_ms, over_ms, self._stopped_at_ms)
        failed = last.result.failure is not None and not was_stopped
        return failed or self._timeline.now_ms() >= quiet_since_ms + (RESUME_MS if was_stopped else QUIET_MS)

    def _last_heard_at_ms(self) -> float:
        """Return when the server last reported that it heard what was said to it; 0: never.

        What it reports after a sound that wants no answer it reports of that.
        """
        until_ms = self.began_at_ms + self._asides[0].start_ms if self._asides else math.inf
        return max((each.at_ms for each in self.speech.started if each.at_ms < until_ms), default=0.0)

    def _is_overdue(self, clip: PlacedClip, timeout_s: float) -> bool:
        """Whether the assistant had its time: for the responses under way, or for beginning one."""
        now_ms, limit_ms = self._timeline.now_ms(), timeout_s * 1000.0
        under_way = self._log.under_way
        if under_way:
            return any(each.is_cut_off or now_ms > each.began_at_ms + limit_ms for each in under_way)
        last = self._log.last
        last_done_ms = last.done_at_ms if last is not None and last.done_at_ms is not None else 0.0
        waited_since_ms = max(
            self.began_at_ms + self._last_said(clip).end_ms,
            self.began_at_ms + self.playout.end_ms,
            self.speech.last_report_at_ms,
            self._expected_since_ms,
            last_done_ms,
        )
        return now_ms > waited_since_ms + limit_ms

    def _describe_delay(self, timeout_s: float) -> CaseFailure:
        """Return, in a sentence, what was waited for in vain."""
        within = f"within {timeout_s:g} s"
        cut_off = next((each.collector.error for each in self._log.under_way if each.is_cut_off), None)
        if cut_off is not None:
            return CaseFailure(Stage.RESPONSE_ERROR, cut_off.error_type, cut_off.message)
        if self._log.under_way:
            message = f"no response.done {within} of the response's beginning"
        elif self._expected or self._owed:
            message = f"no response {within} of the answers to its tool calls"
        elif self.speech.is_speaking:
            message = f"the server's turn detection heard no end of what was said {within}"
        elif not self.speech.started and not self.speech.committed:
            message = f"the server's turn detection heard nobody speak, and it answered nothing {within}"
            if self._input_format is not AudioFormat.PCM16:
                # It may have agreed to a format that it cannot read: then it is not the assistant that was measured.
                message += (
                    f"; if it cannot read the {self._input_format} that it was sent, try audio.input_format=pcm16"
                )
                return CaseFailure(Stage.STREAM_AUDIO, INPUT_NOT_TAKEN, message)
        else:
            message = f"the server heard what was said, and answered nothing {within}"
        return CaseFailure(Stage.RESPONSE_TIMEOUT, "timeout", message)

    def _take(self, event: ServerEvent, at_ms: float) -> None:
        known = len(self._log.responses)
        sound = self._log.feed(event, at_ms, turn_index=max(1, self._turn), served_model=self._served_model)
        audio = self._receive_sound(sound, at_ms) if sound is not None else None
        self._record_event(event, at_ms, audio)
        if len(self._log.responses) > known:
            # Whoever began it: it is shown all that had been given by then.
            self._owed, self._expected, self._waits_for_other = self._waits_for_other, False, False
        if self._transcripts.feed(event, at_ms):
            self._news.set()
        if self._take_common(event):
            self._check_detection(event)
        elif event.type == "error":
            self._take_error(event)
        elif event.type == "response.done":
            self._take_calls()
            self._news.set()
        elif self.speech.feed(event, at_ms):
            if event.type == SPEECH_STARTED:
                self._stop_playing(at_ms)
            self._news.set()

    def _take_calls(self) -> None:
        for response in self._log.responses:
            if response.calls and not response.is_handled:
                response.is_handled = True
                self._to_answer.append(response.calls)

    def _receive_sound(self, sound: ArrivedSound, at_ms: float) -> AudioRef:
        key = sound.response.number, sound.offset
        if sound.is_new:
            self._places[key] = len(self._downlink)
            self._downlink += sound.data
            self._content_index[sound.item_id] = sound.content_index
            self.playout.receive(
                sound.data,
                response_id=sound.response.playout_id,
                item_id=sound.item_id,
                at=self.playout.sample_at(at_ms - self.began_at_ms),
            )
        return AudioRef(
            sound.data,
            self._places.get(key, 0),
            self._stream.downlink_wav,
            stored_as_ulaw_samples=self._output_format is AudioFormat.G711_ULAW,
        )

    def _stop_playing(self, at_ms: float) -> None:
        """Stop at once because the caller cut in, and have the server told what was heard."""
        under_way = [response.playout_id for response in self._log.under_way]
        is_playing = self.playout.is_playing(self.playout.sample_at(at_ms - self.began_at_ms))
        if under_way or is_playing:
            self._stopped_at_ms = at_ms
        for item in self.playout.stop(self.playout.sample_at(at_ms - self.began_at_ms), response_ids=under_way):
            if item.item_id:
                content_index = self._content_index.get(item.item_id, 0)
                event = self._events.truncate_item(item.item_id, content_index, item.played_ms)
                self._truncations.add(event["event_id"])
                self._errands.append((event, Stage.STREAM_AUDIO))
        self._has_errands.set()

    def _check_detection(self, event: ServerEvent) -> None:
        """Note a server that does not detect turns as it was asked to: what it did would be measured as another's."""
        if event.type != "session.updated":
            return
        refusal = find_detection_refusal(self._asked_for, event.payload.get("session"))
        if refusal is not None:
            self._note(Trouble(Stage.SESSION_UPDATE, TURN_DETECTION_REFUSED, refusal))

    def _speaks_of_truncation(self, message: str) -> bool:
        """Whether an error that names no event is about one of our truncations: their item may be shorter than ours."""
        return bool(self._truncations) and ("already shorter" in message or "truncat" in message.lower())

    def _take_error(self, event: ServerEvent) -> None:
        error = server_error(event.payload.get("error"))
        if error.error_type in BENIGN_ERRORS:
            return
        is_unnamed = error.event_id is None
        if error.event_id in self._truncations or (is_unnamed and self._speaks_of_truncation(error.message)):
            self.refused_truncations += 1
        elif error.event_id == self._update_event_id or (is_unnamed and not self._is_configured):
            self._note(Trouble(Stage.SESSION_UPDATE, error.error_type, error.message))
        elif error.error_type == _BUSY:
            # It has begun one by itself, before it had the answers of the tools: that is to end first.
            self._owed, self._expected, self._waits_for_other = True, False, not self._log.under_way
        elif error.event_id in (None, self._create_event_id):
            self._note(Trouble(Stage.RESPONSE_ERROR, error.error_type, error.message))
        else:
            self._note(Trouble(Stage.STREAM_AUDIO, error.error_type, error.message))
