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
the server objects to what we sent else      ``stream_audio``             the server's code
an error for ``response.create``, or for     ``response_error``           the server's code
nothing in particular while we wait for it
no ``response.done`` in time                 ``response_timeout``         ``timeout``
the connection ends before it, or the peer   ``response_missing_done``    ``connection_closed``, ``session_expired``…
answers no ping when time is up
a frame that is not an event                     that of the call under way   ``invalid_event``
============================================ ============================ ==========================================

A response that ends as failed, cancelled or incomplete *has* ended: it is a result, whose `failure` says so. After any
failure :meth:`RealtimeSession.turn_result` still holds what had been heard by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson

from evalkit.audio.formats import AudioFormat
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.connection import Connection, ConnectionLimits, ConnectionLost, connect
from evalkit.realtime.events import (
    ClientEvents,
    InvalidEvent,
    ServerError,
    ServerEvent,
    SessionSpec,
    parse_frame,
    server_error,
)
from evalkit.realtime.pacer import Pacing, send_paced, split_chunks
from evalkit.realtime.rate_limits import OnRateLimits, read_rate_limits
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import AudioRef, Direction, Trace
from evalkit.realtime.transcripts import InputTranscripts
from evalkit.realtime.turn_taking import TURN_DETECTION_KEPT, TurnTaking
from evalkit.realtime.turns import BENIGN_ERRORS, AudioPiece, ResponseCollector, response_id_of
from evalkit.records.faults import Stage
from evalkit.records.json import Json
from evalkit.records.record import ToolOutput

_RAW_FRAME_KEPT = 4096
_PING_PATIENCE_S = 2.0


@dataclass(frozen=True)
class _Trouble:
    """What ended the session's usefulness. `stage` None: that of whatever was under way."""

    stage: Stage | None
    error_type: str
    message: str
    lost: bool = False


@dataclass
class _Turn:
    """The turn under way: what was sent and heard in it, and the files that will hold its audio."""

    index: int = 0
    input_wav: str | None = None
    output_wav: str | None = None
    input_bytes: int = 0
    output_bytes: int = 0


class RealtimeSession:
    """A session with one server, as an async context manager.

    Args:
        url: The final ``ws://`` or ``wss://`` address, model and all.
        headers: Sent with the handshake; credentials go here and are kept nowhere else.
        source: Whose connection it is, in the trace: ``assistant`` or ``simulator``.
        trace: Where events are written; shared by the connections of a case.
        timeline: The case's clock; shared as well.
        limits: Of the connection.
        on_rate_limits: Told of the server's rate limits whenever it says them.

    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        source: str,
        trace: Trace,
        timeline: Timeline,
        limits: ConnectionLimits | None = None,
        on_rate_limits: OnRateLimits = lambda _: None,
    ) -> None:
        self._on_rate_limits = on_rate_limits
        self._url, self._headers, self._limits = url, headers, limits
        self._source, self._trace, self._timeline = source, trace, timeline
        self._events = ClientEvents()
        self._transcripts = InputTranscripts()
        self._turn_taking = TurnTaking()
        self._input_format = self._output_format = AudioFormat.PCM16
        self._connection: Connection | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._trouble: _Trouble | None = None
        self._update_event_id = self._create_event_id = ""
        self._is_configured = False
        self._served_model: str | None = None
        self._utterances = 0
        self._turn = _Turn()
        self._responses: list[ResponseResult] = []
        self._collector: ResponseCollector | None = None
        self._past_response_ids: set[str] = set()

    async def __aenter__(self) -> Self:
        """Connect. Raises CaseFailure at stage ``connect``."""
        self._connection = await connect(self._url, self._headers, self._limits, self._hear)
        self._receiver = asyncio.create_task(self._receive(self._connection))
        self._receiver.add_done_callback(lambda _: self._news.set())
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection; what the server still says until then is traced.

        Raises CaseFailure where that shows, after a good end, that the server takes turns by itself.
        """
        if self._connection is not None and self._receiver is not None:
            try:
                await self._connection.close()
                await self._receiver
            finally:
                self._receiver.cancel()
        if exc is None:
            self._raise_kept_detection()

    @property
    def served_model(self) -> str | None:
        """The model the server says it serves, once it has."""
        return self._served_model

    def begin_turn(self, turn_index: int, *, input_wav: str | None = None, output_wav: str | None = None) -> None:
        """Begin turn `turn_index` (from 1): audio sent and received from now on will stand in these files."""
        self._turn = _Turn(turn_index, input_wav, output_wav)
        self._responses = []

    def turn_result(self) -> TurnResult:
        """Return what the assistant did since the turn began, a response that was cut off included."""
        under_way = (self._collector.result(),) if self._collector is not None else ()
        return TurnResult((*self._responses, *under_way))

    async def configure(self, spec: SessionSpec, *, timeout_s: float) -> None:
        """Send ``session.update`` and wait until the server has taken it."""
        self._input_format, self._output_format = spec.input_format, spec.output_format
        event = self._events.session_update(spec)
        self._update_event_id, self._is_configured = event["event_id"], False
        await self._send(event, Stage.SESSION_UPDATE)
        if not await self._await(lambda: self._is_configured, timeout_s, Stage.SESSION_UPDATE):
            raise CaseFailure(Stage.SESSION_UPDATE, "session_timeout", f"no session.updated within {timeout_s:g} s")

    async def send_audio(self, wire: bytes, *, chunk_ms: float, real_time: bool) -> Pacing:
        """Send one utterance in the session's input format, exactly these bytes, and commit it."""
        chunks = split_chunks(wire, self._input_format, chunk_ms)
        pacing = await send_paced(
            chunks, chunk_ms=chunk_ms, real_time=real_time, clock=self._timeline, send=self._append
        )
        self._utterances += 1
        self._turn_taking.note_commit()
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
        return self._responses[-1]

    async def _require_line(self, silent_s: float) -> None:
        """Tell a model that says nothing from a line that is dead: raise CaseFailure for the latter."""
        if self._connection is None or await self._connection.answers_ping(_PING_PATIENCE_S):
            return
        message = f"no response.done within {silent_s:g} s, and the peer answers no ping: the connection is dead"
        raise CaseFailure(Stage.RESPONSE_MISSING_DONE, "connection_closed", message)

    async def heard(self, *, timeout_s: float) -> str | None:
        """Return the server's transcript of the last utterance sent; None when it makes none, or not in time."""
        utterance = self._utterances
        with suppress(CaseFailure):
            await self._await(lambda: self._transcripts.is_settled(utterance), timeout_s, Stage.STREAM_AUDIO)
        return self._transcripts.of(utterance)

    async def _append(self, chunks: Sequence[bytes]) -> None:
        self._raise_trouble(Stage.STREAM_AUDIO)
        turn = self._turn
        frames = [self._events.append_audio_frame(chunk) for chunk in chunks]
        self._trace.record_sent_audio(
            frames, source=self._source, turn_index=turn.index, at_ms=self._timeline.now_ms(),
            wav=turn.input_wav, offset=turn.input_bytes,
        )  # fmt: skip
        turn.input_bytes += sum(map(len, chunks))
        await self._send_frames([frame.text for frame in frames], Stage.STREAM_AUDIO)

    async def _send(self, event: dict[str, Any], stage: Stage, *, at_ms: float | None = None) -> None:
        self._raise_trouble(stage)
        self._record(Direction.SENT, self._timeline.now_ms() if at_ms is None else at_ms, event)
        await self._send_frames([orjson.dumps(event)], stage)

    async def _send_frames(self, frames: Sequence[bytes], stage: Stage) -> None:
        self._raise_trouble(stage)
        if self._connection is None or self._receiver is None:
            raise ProtocolError("the session was used before it was entered")
        try:
            await self._connection.send(*frames)
        except ConnectionLost as lost:
            # What the server said before it hung up is still in the queue, and explains more.
            await asyncio.wait({self._receiver})
            self._note(_Trouble(None, lost.error_type, lost.message, lost=True))
            self._raise_trouble(stage)

    async def _await(self, ready: Callable[[], bool], timeout_s: float, stage: Stage) -> bool:
        """Return True as soon as `ready` holds, False after `timeout_s`. Raises CaseFailure for trouble."""
        alarm = asyncio.ensure_future(self._timeline.sleep_until(self._timeline.now() + timeout_s))
        alarm.add_done_callback(lambda _: self._news.set())
        try:
            while not ready():
                self._raise_trouble(stage)
                if alarm.done():
                    return False
                self._news.clear()
                await self._news.wait()
        finally:
            alarm.cancel()
        self._raise_kept_detection()
        return True

    def _note(self, trouble: _Trouble) -> None:
        """Remember the first trouble; what follows from it says less."""
        self._trouble = self._trouble or trouble
        self._news.set()

    def _raise_kept_detection(self) -> None:
        """Raise CaseFailure when the server takes turns by itself: what it answered is not an answer to us."""
        if self._trouble is not None and self._trouble.error_type == TURN_DETECTION_KEPT:
            self._raise_trouble(Stage.SESSION_UPDATE)

    def _raise_trouble(self, stage: Stage) -> None:
        trouble = self._trouble
        if trouble is not None:
            if trouble.lost and stage is Stage.RESPONSE_ERROR:
                stage = Stage.RESPONSE_MISSING_DONE
            raise CaseFailure(trouble.stage or stage, trouble.error_type, trouble.message)
        if self._receiver is not None and self._receiver.done():
            self._receiver.result()

    def _record(
        self, direction: Direction, at_ms: float, payload: Mapping[str, Any], audio: AudioRef | None = None
    ) -> None:
        self._trace.record(
            source=self._source,
            direction=direction,
            turn_index=self._turn.index,
            at_ms=at_ms,
            payload=payload,
            audio=audio,
        )

    async def _receive(self, connection: Connection) -> None:
        """Take what does not come as whole text messages, until there is no more of anything."""
        try:
            while True:
                self._hear(await connection.receive())
        except ConnectionLost as lost:
            self._note(_Trouble(None, lost.error_type, lost.message, lost=True))

    def _hear(self, frame: str | bytes) -> None:
        """Take one message, on its arrival."""
        at_ms = self._timeline.now_ms()
        try:
            event = parse_frame(frame)
        except InvalidEvent as error:
            kept = frame[:_RAW_FRAME_KEPT] if isinstance(frame, str) else frame[:_RAW_FRAME_KEPT].hex()
            self._record(Direction.RECEIVED, at_ms, {"type": "invalid_event", "frame": kept})
            self._note(_Trouble(None, "invalid_event", f"the server sent {error}"))
        else:
            self._take(event, at_ms)

    def _take(self, event: ServerEvent, at_ms: float) -> None:
        audio = None
        breach = self._turn_taking.find_breach(event)
        if breach is not None:
            self._note(_Trouble(Stage.SESSION_UPDATE, TURN_DETECTION_KEPT, breach))
        if event.type == "error":
            self._take_error(event, at_ms)
        elif self._collector is not None:
            piece = self._collector.feed(event, at_ms)
            audio = self._place(piece) if piece is not None else None
        elif event.type.startswith("response."):
            self._past_response_ids.add(response_id_of(event))
        self._record(Direction.RECEIVED, at_ms, event.payload, audio)
        if event.type in ("session.created", "session.updated"):
            self._take_session(event)
        elif event.type == "rate_limits.updated":
            self._on_rate_limits(read_rate_limits(event.payload))
        elif event.type == "response.done" or self._transcripts.feed(event) or self._is_refused():
            self._news.set()

    def _is_refused(self) -> bool:
        return self._collector is not None and self._collector.refused

    def _place(self, piece: AudioPiece) -> AudioRef:
        return AudioRef(
            piece.data,
            self._turn.output_bytes + piece.offset,
            self._turn.output_wav,
            stored_as_ulaw_samples=self._output_format is AudioFormat.G711_ULAW,
        )

    def _take_session(self, event: ServerEvent) -> None:
        session = event.payload.get("session")
        model = session.get("model") if isinstance(session, dict) else None
        self._served_model = model if isinstance(model, str) and model else self._served_model
        if event.type == "session.updated" and self._update_event_id:
            self._is_configured = True
        self._news.set()

    def _take_error(self, event: ServerEvent, at_ms: float) -> None:
        error = server_error(event.payload.get("error"))
        if error.error_type in BENIGN_ERRORS:
            return
        stage = self._stage_of(error)
        if stage is None and self._collector is not None:
            self._collector.feed(event, at_ms)
            self._news.set()
        else:
            self._note(_Trouble(stage, error.error_type, error.message))

    def _stage_of(self, error: ServerError) -> Stage | None:
        """Return the stage of what the server objects to; None: the response it is asked for, or nothing it names."""
        if error.event_id is not None and error.event_id == self._update_event_id:
            return Stage.SESSION_UPDATE
        is_ours = error.event_id is not None and self._events.issued(error.event_id)
        if is_ours and error.event_id != self._create_event_id:
            return Stage.STREAM_AUDIO
        # Some servers name no event; these codes can only mean one.
        return Stage.STREAM_AUDIO if error.error_type.startswith("input_audio_buffer") else None
