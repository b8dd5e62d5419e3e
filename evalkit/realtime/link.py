"""One connection to a Realtime server: what sessions of either kind of turn-taking share.

A subclass says what an event means to it (:meth:`ServerLink._take`). What is sent and received is traced.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Mapping, Sequence
from typing import NotRequired, Unpack

from evalkit.audio.formats import AudioFormat
from evalkit.errors import CaseFailure
from evalkit.realtime.events import ClientEvents, InvalidEvent, ServerEvent, SessionSpec, parse_frame
from evalkit.realtime.peer_link import RAW_FRAME_KEPT, LinkOptions, PeerLink, Trouble
from evalkit.realtime.rate_limits import OnRateLimits, read_rate_limits
from evalkit.realtime.trace import AudioRef, Direction
from evalkit.records.faults import Stage


class ServerLinkOptions(LinkOptions):
    """What a connection to a server is part of.

    Attributes:
        on_rate_limits: Told of the server's rate limits whenever it says them.

    """

    on_rate_limits: NotRequired[OnRateLimits]


class ServerLink(PeerLink):
    """A connection to one Realtime server; see :class:`PeerLink` and :class:`ServerLinkOptions` for the arguments."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        on_rate_limits: OnRateLimits = lambda _: None,
        **options: Unpack[LinkOptions],
    ) -> None:
        super().__init__(url, headers, **options)
        self._on_rate_limits = on_rate_limits
        self._events = ClientEvents()
        self._input_format = self._output_format = AudioFormat.PCM16
        self._update_event_id = ""
        self._is_configured = False

    async def configure(self, spec: SessionSpec, *, timeout_s: float) -> None:
        """Send ``session.update`` and wait until the server has taken it."""
        self._input_format, self._output_format = spec.input_format, spec.output_format
        event = self._events.session_update(spec)
        self._update_event_id, self._is_configured = event["event_id"], False
        await self._send(event, Stage.SESSION_UPDATE)
        if not await self._await(lambda: self._is_configured, timeout_s, Stage.SESSION_UPDATE):
            raise CaseFailure(Stage.SESSION_UPDATE, "session_timeout", f"no session.updated within {timeout_s:g} s")

    @abstractmethod
    def _take(self, event: ServerEvent, at_ms: float) -> None:
        """Take one event that arrived at `at_ms` since the case began: record it, and do what it means."""

    def _append(self, chunks: Sequence[bytes], *, wav: str | None, offset: int) -> Awaitable[None]:
        """Send `chunks`, which begin at byte `offset` of what `wav` will hold; to be awaited at once."""
        self._raise_trouble(Stage.STREAM_AUDIO)
        frames = [self._events.append_audio_frame(chunk) for chunk in chunks]
        self._trace.record_sent_audio(
            frames, source=self._source, turn_index=self._turn_index, at_ms=self._timeline.now_ms(),
            wav=wav, offset=offset,
        )  # fmt: skip
        return self._send_frames([frame.text for frame in frames], Stage.STREAM_AUDIO)

    def _hear(self, frame: str | bytes) -> None:
        """Take one message, on its arrival."""
        at_ms = self._timeline.now_ms()
        try:
            event = parse_frame(frame)
        except InvalidEvent as error:
            kept = frame[:RAW_FRAME_KEPT] if isinstance(frame, str) else frame[:RAW_FRAME_KEPT].hex()
            self._record(Direction.RECEIVED, at_ms, {"type": "invalid_event", "frame": kept})
            self._note(Trouble(None, "invalid_event", f"the server sent {error}"))
        else:
            self._take(event, at_ms)

    def _record_event(self, event: ServerEvent, at_ms: float, audio: AudioRef | None) -> None:
        """Record an event that came, its sound by where that is kept."""
        self._trace.record(
            source=self._source, direction=Direction.RECEIVED, turn_index=self._turn_index, at_ms=at_ms,
            payload=event.payload, audio=audio,
        )  # fmt: skip

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
