"""One connection to a server of Gemini Live, for sessions of either kind of turn-taking.

::

    session ──events──> GeminiRequests ──messages──> server ──messages──> GeminiReplies ──events──> session

The sessions are those of the Realtime protocol; here stands between them and the wire what puts the one protocol into
the other. What is traced is what went over the wire.

What ends a session as a :class:`~evalkit.errors.CaseFailure`, beside what :mod:`evalkit.realtime.session` lists:

================================================ ========================= ==========================================
what happened                                    stage                     error_type
================================================ ========================= ==========================================
no ``setupComplete`` in time                     ``session_update``        ``session_timeout``
the server closed the connection instead of it   ``session_update``        ``authentication_failed``,
                                                                           ``model_not_found``, ``invalid_request``
a message that is not JSON, or not as the        that under way            ``invalid_event``
protocol has it
sound that says it has another rate than 24 kHz  ``response_error``        ``wrong_sample_rate``
the server went after it had said so (``goAway``) that under way           ``session_expired``
it closed the connection for want of quota       that under way            ``insufficient_quota``
================================================ ========================= ==========================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from evalkit.errors import CaseFailure
from evalkit.realtime.connection import ConnectionLost
from evalkit.realtime.events import InvalidEvent, ServerEvent, SessionSpec
from evalkit.realtime.gemini_live.replies import GeminiReplies, Place, UnusableSound, read_message
from evalkit.realtime.gemini_live.requests import GeminiRequests
from evalkit.realtime.link import ServerLink
from evalkit.realtime.peer_link import RAW_FRAME_KEPT, Trouble
from evalkit.realtime.trace import AudioRef, Direction
from evalkit.records.faults import Stage

# What the reason of a close says -> what it is; the code alone says less.
_CLOSE_REASONS = {
    "api key": "authentication_failed",
    "authentication": "authentication_failed",
    "permission": "authentication_failed",
    "quota": "insufficient_quota",
    "resource_exhausted": "rate_limit_exceeded",
    "is not found": "model_not_found",
    "invalid argument": "invalid_request",
}
_INTERNAL_ERROR = 1011


class GeminiLink(ServerLink):
    """A connection to one server; see :class:`~evalkit.realtime.link.ServerLink` for the arguments."""

    def __init__(self, url: str, headers: Mapping[str, str], **options: Any) -> None:  # as the session has them
        super().__init__(url, headers, **options)
        self._requests = GeminiRequests()
        self._replies = GeminiReplies()
        self._sound_place: Place | None = None
        self._refs: list[AudioRef] = []

    async def configure(self, spec: SessionSpec, *, timeout_s: float) -> None:
        """Set the session up, and wait until the server has."""
        try:
            await super().configure(spec, timeout_s=timeout_s)
        except CaseFailure as failure:
            if failure.error_type != "session_timeout":
                raise
            message = f"no setupComplete within {timeout_s:g} s; is it Gemini Live that is spoken at the address?"
            raise CaseFailure(failure.stage, failure.error_type, message) from None

    async def _send(self, event: dict[str, Any], stage: Stage, *, at_ms: float | None = None) -> None:
        if event["type"] == "response.create":
            self._replies.expect()
        for message in self._requests.of(event):
            await super()._send(message, stage, at_ms=at_ms)

    async def _append(self, chunks: Sequence[bytes], *, wav: str | None, offset: int) -> None:
        stage = Stage.STREAM_AUDIO
        self._raise_trouble(stage)
        opening = self._requests.before_sound()
        now_ms, frames = self._timeline.now_ms(), []
        for message in opening:
            self._record(Direction.SENT, now_ms, message)
            frames.append(orjson.dumps(message))
        for chunk in chunks:
            message = self._requests.sound(chunk)
            sound = AudioRef(chunk, offset, wav, place=("realtimeInput", "audio", "data"))
            self._record(Direction.SENT, now_ms, message, sound)
            frames.append(orjson.dumps(message))
            offset += len(chunk)
        await self._send_frames(frames, stage)

    def _hear(self, frame: str | bytes) -> None:
        at_ms = self._timeline.now_ms()
        try:
            message = read_message(frame)
        except InvalidEvent as error:
            kept = frame[:RAW_FRAME_KEPT] if isinstance(frame, str) else frame[:RAW_FRAME_KEPT].decode(errors="replace")
            self._record(Direction.RECEIVED, at_ms, {"type": "invalid_event", "frame": kept})
            self._note(Trouble(None, "invalid_event", f"the server sent {error}"))
        else:
            self._take_message(message, at_ms)

    def _take_message(self, message: dict[str, Any], at_ms: float) -> None:
        """Take a message, and record it, its sound by where that is kept; behind a trouble it is recorded only."""
        self._refs.clear()
        try:
            if self._trouble is None:
                self._read_message(message, at_ms)
        finally:
            self._record_message(message, at_ms)

    def _read_message(self, message: Mapping[str, Any], at_ms: float) -> None:
        """Take what a message stands for."""
        try:
            for read in self._replies.read(message, at_ms):
                self._sound_place = read.sound
                self._note_call(read.event)
                self._take(read.event, read.at_ms)
        except InvalidEvent as error:
            self._note(Trouble(None, "invalid_event", f"the server sent {error}"))
        except UnusableSound as unusable:
            self._note(Trouble(Stage.RESPONSE_ERROR, unusable.kind, unusable.message))

    def _record_message(self, message: Mapping[str, Any], at_ms: float) -> None:
        self._trace.record(
            source=self._source, direction=Direction.RECEIVED, turn_index=self._turn_index, at_ms=at_ms,
            payload=message, audio=self._refs,
        )  # fmt: skip

    def _record_event(self, event: ServerEvent, at_ms: float, audio: AudioRef | None) -> None:  # noqa: ARG002
        """Keep where the sound of the message is kept; the message itself is recorded."""
        if audio is not None and self._sound_place is not None:
            self._refs.append(audio._replace(place=self._sound_place))

    def _note_call(self, event: ServerEvent) -> None:
        if event.type == "response.output_item.done":
            self._requests.note_call(event.payload["item"]["call_id"], event.payload["item"]["name"])

    def _explain_loss(self, lost: ConnectionLost) -> Trouble:
        """Return what it means that the connection has ended: servers say why in the reason of the close."""
        leaves_in = self._replies.leaves_in
        if leaves_in is not None:
            message = f"{lost.message}, as it had said that it would in {leaves_in} (goAway)"
            return Trouble(None, "session_expired", message, lost=True)
        told = lost.message.lower()
        kind = next((kind for word, kind in _CLOSE_REASONS.items() if word in told), None) if lost.code else None
        if kind is None and lost.code == _INTERNAL_ERROR:
            kind = "internal_error"
        return Trouble(None, kind or lost.error_type, lost.message, lost=True)
