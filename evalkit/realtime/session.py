"""One Realtime session from handshake to goodbye: what the modes drive.

::

    timeline = Timeline.begin(clock)
    async with RealtimeSession(url, headers, source="assistant", trace=trace, timeline=timeline) as session:
        await session.configure(spec, timeout_s=10)
        session.begin_turn(1, input_wav="audio/c1/input.wav", output_wav="audio/c1/output.wav")
        pacing = await session.send_audio(wire, chunk_ms=20, real_time=True)
        response = await session.respond(timeout_s=30)
        await session.answer_tools(outputs)
        response = await session.respond(timeout_s=30)
    turn = session.turn_result()

What arrives is taken at once, so that both directions flow together and times are those of the arrival; the
methods send, and wait for what they need. Every method but :meth:`begin_turn` raises
:class:`~evalkit.errors.CaseFailure`:

============================================ ============================ ==========================================
what happened                                stage                        error_type
============================================ ============================ ==========================================
the handshake failed                         ``connect``                  see :mod:`evalkit.realtime.connection`
an error, or silence, for ``session.update`` ``session_update``           the server's code, ``session_timeout``
the server takes turns by itself, whenever   ``session_update``           ``turn_detection_kept``
that shows
the server speaks where it is to write,      ``session_update``           ``output_modality_refused``
whenever that shows
the server objects to what we sent else      ``stream_audio``             the server's code
an error for ``response.create``, or for     ``response_error``           the server's code
nothing in particular while we wait for it
an answer, and no sign that the server took  ``stream_audio``             ``input_not_taken``
what was said
no ``response.done`` in time                 ``response_timeout``         ``timeout``
the connection ends before it, or the peer   ``response_missing_done``    ``connection_closed``, ``session_expired``…
answers no ping when time is up
a frame that is not an event                     that of the call under way   ``invalid_event``
============================================ ============================ ==========================================

A response that ends as failed, cancelled or incomplete *has* ended: it is a result, whose `failure` says so. After any
failure :meth:`RealtimeSession.turn_result` still holds what had been heard by then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Unpack

from evalkit.audio.formats import AudioFormat
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.events import ServerError, ServerEvent, SessionSpec, server_error
from evalkit.realtime.input_receipts import INPUT_NOT_TAKEN, InputReceipts
from evalkit.realtime.link import ServerLink, ServerLinkOptions
from evalkit.realtime.pacer import Pacing, send_paced, split_chunks
from evalkit.realtime.peer_link import Trouble
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.realtime.trace import AudioRef
from evalkit.realtime.transcripts import InputTranscripts
from evalkit.realtime.turn_taking import TURN_DETECTION_KEPT, TurnTaking
from evalkit.realtime.turns import AUDIO_DELTAS, BENIGN_ERRORS, ResponseCollector, response_id_of
from evalkit.realtime.written_answers import OUTPUT_MODALITY_REFUSED, find_spoken
from evalkit.records.faults import Stage
from evalkit.records.json import Json
from evalkit.records.record import ToolOutput

_REFUSED = frozenset({TURN_DETECTION_KEPT, OUTPUT_MODALITY_REFUSED})


@dataclass
class _Turn:
    """The turn under way: what was sent and heard in it, and the files that will hold its audio."""

    index: int = 0
    input_wav: str | None = None
    output_wav: str | None = None
    input_bytes: int = 0
    output_bytes: int = 0


class RealtimeSession(ServerLink):
    """A session with one server in which the client takes the turns; see :class:`ServerLink` for its arguments.

    It is held in sound (:meth:`send_audio`) or in writing (:meth:`add_user_text`), as it was configured.
    """

    def __init__(self, url: str, headers: Mapping[str, str], **options: Unpack[ServerLinkOptions]) -> None:
        super().__init__(url, headers, **options)
        self._transcripts = InputTranscripts()
        self._turn_taking = TurnTaking()
        self._in_writing = False
        self._receipts = InputReceipts()
        self._create_event_id = ""
        self._utterances = 0
        self._turn = _Turn()
        self._responses: list[ResponseResult] = []
        self._collector: ResponseCollector | None = None
        self._past_response_ids: set[str] = set()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection; what the server still says until then is traced.

        Raises CaseFailure where that shows, after a good end, that the server did not do as it was asked.
        """
        await super().__aexit__(exc_type, exc, traceback)
        if exc is None:
            self._raise_refused()

    async def configure(self, spec: SessionSpec, *, timeout_s: float) -> None:
        """Send ``session.update`` and wait until the server has taken it."""
        self._in_writing = spec.in_writing
        self._turn_taking = TurnTaking(in_writing=spec.in_writing)
        await super().configure(spec, timeout_s=timeout_s)

    def begin_turn(self, turn_index: int, *, input_wav: str | None = None, output_wav: str | None = None) -> None:
        """Begin turn `turn_index` (from 1): audio sent and received from now on will stand in these files."""
        self._turn = _Turn(turn_index, input_wav, output_wav)
        self._responses = []

    def turn_result(self) -> TurnResult:
        """Return what the assistant did since the turn began, a response that was cut off included."""
        under_way = (self._collector.result(),) if self._collector is not None else ()
        return TurnResult((*self._responses, *under_way))

    async def send_audio(self, wire: bytes, *, chunk_ms: float, real_time: bool) -> Pacing:
        """Send one utterance in the session's input format, exactly these bytes, and commit it."""
        chunks = split_chunks(wire, self._input_format, chunk_ms)
        pacing = await send_paced(
            chunks, chunk_ms=chunk_ms, real_time=real_time, clock=self._timeline, send=self._append_to_turn
        )
        self._utterances += 1
        self._turn_taking.note_commit()
        self._receipts.note_commit()
        await self._send(self._events.commit_audio(), Stage.STREAM_AUDIO)
        return pacing

    async def add_user_text(self, text: str) -> None:
        """Add what the user says in writing."""
        await self._send(self._events.user_text(text), Stage.STREAM_AUDIO)

    async def answer_tools(self, outputs: Sequence[ToolOutput]) -> None:
        """Give the tools' answers; the assistant takes them up at the next :meth:`respond`."""
        for output in outputs:
            await self._send(self._events.function_call_output(output.call_id, output.output), Stage.STREAM_AUDIO)

    async def respond(self, *, timeout_s: float, **options: Json) -> ResponseResult:
        """Ask for a response and wait for its end; `options` override the session's settings for this one."""
        if self._collector is not None:
            raise ProtocolError("respond() was called while a response is under way")
        self._raise_trouble(Stage.RESPONSE_ERROR)
        event = self._events.create_response(**options)
        self._create_event_id = event["event_id"]
        self._turn_taking.note_request()
        collector = self._collector = ResponseCollector(
            self._create_event_id,
            self._timeline.now_ms(),
            past_response_ids=self._past_response_ids,
            served_model=self._served_model,
        )
        try:
            await self._send(event, Stage.RESPONSE_ERROR, at_ms=collector.created_at_ms)
            ended = await self._await(lambda: collector.done or collector.refused, timeout_s, Stage.RESPONSE_ERROR)
            if not ended:
                await self._require_line(timeout_s)
                with suppress(CaseFailure):
                    await self._send(self._events.cancel_response(), Stage.RESPONSE_TIMEOUT)
                raise CaseFailure(Stage.RESPONSE_TIMEOUT, "timeout", f"no response.done within {timeout_s:g} s")
            if collector.refused and collector.error is not None:
                raise CaseFailure(Stage.RESPONSE_ERROR, collector.error.error_type, collector.error.message)
        finally:
            self._collector = None
            self._past_response_ids.add(collector.response_id)
            self._responses.append(collector.result())
            self._turn.output_bytes += len(self._responses[-1].audio)
        self._require_receipt(self._responses[-1])
        return self._responses[-1]

    async def heard(self, *, timeout_s: float) -> str | None:
        """Return the server's transcript of the last utterance sent; None when it makes none, or not in time."""
        utterance = self._utterances
        with suppress(CaseFailure):
            await self._await(lambda: self._transcripts.is_settled(utterance), timeout_s, Stage.STREAM_AUDIO)
        return self._transcripts.of(utterance)

    @property
    def _turn_index(self) -> int:
        return self._turn.index

    def _append_to_turn(self, chunks: Sequence[bytes]) -> Awaitable[None]:
        turn = self._turn
        offset = turn.input_bytes
        turn.input_bytes += sum(map(len, chunks))
        return self._append(chunks, wav=turn.input_wav, offset=offset)

    async def _await(self, ready: Callable[[], bool], timeout_s: float, stage: Stage) -> bool:
        is_ready = await super()._await(ready, timeout_s, stage)
        if is_ready:
            self._raise_refused()
        return is_ready

    def _require_receipt(self, answer: ResponseResult) -> None:
        """Raise CaseFailure when `answer` came from a server that shows no sign of having taken what was said."""
        if answer.failure is not None or not self._receipts.is_missing(answer.usage):
            return
        raise CaseFailure(
            Stage.STREAM_AUDIO,
            INPUT_NOT_TAKEN,
            "the server answered, but nothing shows that it took what was said: no input_audio_buffer.committed, item "
            "or transcript of it, and no audio tokens; expected one of them. A server that keeps its own turn "
            f"detection or cannot read {self._input_format} does so: try audio.input_format=pcm16, or talk to it in "
            "full duplex: turn_detection=server_vad",
        )

    def _raise_refused(self) -> None:
        """Raise CaseFailure when the server does not do as it was asked: what it answered is not an answer to us."""
        if self._trouble is not None and self._trouble.error_type in _REFUSED:
            self._raise_trouble(Stage.SESSION_UPDATE)

    def _take(self, event: ServerEvent, at_ms: float) -> None:
        spoken = find_spoken(event) if self._in_writing else None
        if spoken is not None:
            self._note(Trouble(Stage.SESSION_UPDATE, OUTPUT_MODALITY_REFUSED, spoken))
        if event.type in AUDIO_DELTAS and self._collector is not None:
            self._take_audio(self._collector, event, at_ms)
            return
        self._receipts.feed(event)
        breach = self._turn_taking.find_breach(event)
        if breach is not None:
            self._note(Trouble(Stage.SESSION_UPDATE, TURN_DETECTION_KEPT, breach))
        if event.type == "error":
            self._take_error(event, at_ms)
        elif self._collector is not None:
            self._collector.feed(event, at_ms)
        elif event.type.startswith("response."):
            self._past_response_ids.add(response_id_of(event))
        self._record_event(event, at_ms, None)
        if self._take_common(event):
            return
        is_refused = self._collector is not None and self._collector.refused
        if event.type == "response.done" or self._transcripts.feed(event) or is_refused:
            self._news.set()

    def _take_audio(self, collector: ResponseCollector, event: ServerEvent, at_ms: float) -> None:
        """Take a piece of the response's sound: nine of ten events are one, and nothing else is to be learnt of it."""
        piece = collector.feed(event, at_ms)
        if piece is None:
            self._record_event(event, at_ms, None)
            if collector.refused:
                self._news.set()
            return
        turn, is_ulaw = self._turn, self._output_format is AudioFormat.G711_ULAW
        audio = AudioRef(piece.data, turn.output_bytes + piece.offset, turn.output_wav, is_ulaw)
        self._record_event(event, at_ms, audio)

    def _take_error(self, event: ServerEvent, at_ms: float) -> None:
        error = server_error(event.payload.get("error"))
        if error.error_type in BENIGN_ERRORS:
            return
        stage = self._stage_of(error)
        if stage is None and self._collector is not None:
            self._collector.feed(event, at_ms)
            self._news.set()
        else:
            self._note(Trouble(stage, error.error_type, error.message))

    def _stage_of(self, error: ServerError) -> Stage | None:
        """Return the stage of what the server objects to; None: the response it is asked for, or nothing it names."""
        if error.event_id is not None and error.event_id == self._update_event_id:
            return Stage.SESSION_UPDATE
        is_ours = error.event_id is not None and self._events.issued(error.event_id)
        if is_ours and error.event_id != self._create_event_id:
            return Stage.STREAM_AUDIO
        # Some servers name no event; these codes can only mean one.
        return Stage.STREAM_AUDIO if error.error_type.startswith("input_audio_buffer") else None
