"""One connection to a Realtime server from handshake to goodbye: what sessions of either kind of turn-taking share.

What arrives is taken at once, so that both directions flow together and times are those of the arrival; a subclass
says what an event means to it (:meth:`ServerLink._take`). What is sent and received is traced. The first trouble is
kept, and raised as a :class:`~evalkit.errors.CaseFailure` by whoever sends or waits next.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson

from evalkit.audio.formats import AudioFormat
from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.connection import Connection, ConnectionLimits, ConnectionLost, connect
from evalkit.realtime.events import ClientEvents, InvalidEvent, ServerEvent, SessionSpec, parse_frame
from evalkit.realtime.rate_limits import OnRateLimits, read_rate_limits
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import AudioRef, Direction, Trace
from evalkit.records.faults import Stage

_RAW_FRAME_KEPT = 4096
_PING_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Trouble:
    """What ended a session's usefulness. `stage` None: that of whatever was under way."""

    stage: Stage | None
    error_type: str
    message: str
    lost: bool = False


class ServerLink(ABC):
    """A connection to one server, as an async context manager.

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
        self._input_format = self._output_format = AudioFormat.PCM16
        self._connection: Connection | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._trouble: Trouble | None = None
        self._update_event_id = ""
        self._is_configured = False
        self._served_model: str | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises CaseFailure at stage ``connect``."""
        self._connection = await connect(self._url, self._headers, self._limits, self._hear)
        self._receiver = asyncio.create_task(self._receive(self._connection))
        self._receiver.add_done_callback(lambda _: self._news.set())
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connection; what the server still says until then is traced."""
        if self._connection is not None and self._receiver is not None:
            try:
                await self._connection.close()
                await self._receiver
            finally:
                self._receiver.cancel()

    @property
    def served_model(self) -> str | None:
        """The model the server says it serves, once it has."""
        return self._served_model

    async def configure(self, spec: SessionSpec, *, timeout_s: float) -> None:
        """Send ``session.update`` and wait until the server has taken it."""
        self._input_format, self._output_format = spec.input_format, spec.output_format
        event = self._events.session_update(spec)
        self._update_event_id, self._is_configured = event["event_id"], False
        await self._send(event, Stage.SESSION_UPDATE)
        if not await self._await(lambda: self._is_configured, timeout_s, Stage.SESSION_UPDATE):
            raise CaseFailure(Stage.SESSION_UPDATE, "session_timeout", f"no session.updated within {timeout_s:g} s")

    @property
    @abstractmethod
    def _turn_index(self) -> int:
        """The turn that events belong to now."""

    @abstractmethod
    def _take(self, event: ServerEvent, at_ms: float) -> None:
        """Take one event that arrived at `at_ms` since the case began: record it, and do what it means."""

    async def _require_line(self, silent_s: float) -> None:
        """Tell a model that says nothing from a line that is dead: raise CaseFailure for the latter."""
        if self._connection is None or await self._connection.answers_ping(_PING_PATIENCE_S):
            return
        message = f"no response.done within {silent_s:g} s, and the peer answers no ping: the connection is dead"
        raise CaseFailure(Stage.RESPONSE_MISSING_DONE, "connection_closed", message)

    async def _append(self, chunks: Sequence[bytes], *, wav: str | None, offset: int) -> None:
        """Send `chunks`, which begin at byte `offset` of what `wav` will hold."""
        self._raise_trouble(Stage.STREAM_AUDIO)
        frames = [self._events.append_audio_frame(chunk) for chunk in chunks]
        self._trace.record_sent_audio(
            frames, source=self._source, turn_index=self._turn_index, at_ms=self._timeline.now_ms(),
            wav=wav, offset=offset,
        )  # fmt: skip
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
            self._note(Trouble(None, lost.error_type, lost.message, lost=True))
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
        return True

    def _note(self, trouble: Trouble) -> None:
        """Remember the first trouble; what follows from it says less."""
        self._trouble = self._trouble or trouble
        self._news.set()

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
            turn_index=self._turn_index,
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
            self._note(Trouble(None, lost.error_type, lost.message, lost=True))

    def _hear(self, frame: str | bytes) -> None:
        """Take one message, on its arrival."""
        at_ms = self._timeline.now_ms()
        try:
            event = parse_frame(frame)
        except InvalidEvent as error:
            kept = frame[:_RAW_FRAME_KEPT] if isinstance(frame, str) else frame[:_RAW_FRAME_KEPT].hex()
            self._record(Direction.RECEIVED, at_ms, {"type": "invalid_event", "frame": kept})
            self._note(Trouble(None, "invalid_event", f"the server sent {error}"))
        else:
            self._take(event, at_ms)

    def _take_common(self, event: ServerEvent) -> bool:
        """Take what means the same in any session; return whether `event` was that."""
        if event.type in ("session.created", "session.updated"):
            self._take_session(event)
        elif event.type == "rate_limits.updated":
            self._on_rate_limits(read_rate_limits(event.payload))
        else:
            return False
        return True

    def _take_session(self, event: ServerEvent) -> None:
        session = event.payload.get("session")
        model = session.get("model") if isinstance(session, dict) else None
        self._served_model = model if isinstance(model, str) and model else self._served_model
        if event.type == "session.updated" and self._update_event_id:
            self._is_configured = True
        self._news.set()
