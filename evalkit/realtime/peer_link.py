"""One connection to a peer from handshake to goodbye, whatever the two say to each other on it.

What arrives is taken at once, so that both directions flow together and times are those of the arrival; a subclass
says what a message means to it (:meth:`PeerLink._hear`). The first trouble is kept, and raised as a
:class:`~evalkit.errors.CaseFailure` by whoever sends or waits next.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NotRequired, Self, TypedDict, Unpack

import orjson

from evalkit.errors import CaseFailure, ProtocolError
from evalkit.realtime.connection import Connection, ConnectionLimits, ConnectionLost, connect
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import AudioRef, Direction, Trace
from evalkit.records.faults import Stage

RAW_FRAME_KEPT = 4096
"""So much of a message that cannot be read stands in the trace."""

_PING_PATIENCE_S = 2.0


@dataclass(frozen=True)
class Trouble:
    """What ended a session's usefulness. `stage` None: that of whatever was under way."""

    stage: Stage | None
    error_type: str
    message: str
    lost: bool = False


class LinkOptions(TypedDict):
    """What a connection is part of.

    Attributes:
        source: Whose connection it is, in the trace: ``assistant`` or ``simulator``.
        trace: Where events are written; shared by the connections of a case.
        timeline: The case's clock; shared as well.
        limits: Of the connection.

    """

    source: str
    trace: Trace
    timeline: Timeline
    limits: NotRequired[ConnectionLimits | None]


class PeerLink(ABC):
    """A connection to one peer, as an async context manager.

    Args:
        url: The final ``ws://`` or ``wss://`` address, model and all.
        headers: Sent with the handshake; credentials go here and are kept nowhere else.
        options: See :class:`LinkOptions`.

    """

    def __init__(self, url: str, headers: Mapping[str, str], **options: Unpack[LinkOptions]) -> None:
        self._url, self._headers, self._limits = url, headers, options.get("limits")
        self._source, self._trace, self._timeline = options["source"], options["trace"], options["timeline"]
        self._connection: Connection | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._trouble: Trouble | None = None
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

    @abstractmethod
    async def configure(self, spec: SessionSpec, *, timeout_s: float) -> None:
        """Have the peer take the settings of the session; raise CaseFailure where it does not, or not in time."""

    @property
    @abstractmethod
    def _turn_index(self) -> int:
        """The turn that events belong to now."""

    @abstractmethod
    def _hear(self, frame: str | bytes) -> None:
        """Take one message, on its arrival: record it, and do what it means."""

    async def _require_line(self, silent_s: float) -> None:
        """Tell a model that says nothing from a line that is dead: raise CaseFailure for the latter."""
        if self._connection is None or await self._connection.answers_ping(_PING_PATIENCE_S):
            return
        message = f"no response.done within {silent_s:g} s, and the peer answers no ping: the connection is dead"
        raise CaseFailure(Stage.RESPONSE_MISSING_DONE, "connection_closed", message)

    async def _send(self, event: dict[str, Any], stage: Stage, *, at_ms: float | None = None) -> None:
        self._raise_trouble(stage)
        self._record(Direction.SENT, self._timeline.now_ms() if at_ms is None else at_ms, event)
        await self._send_frames([orjson.dumps(event)], stage)

    async def _send_frames(self, frames: Sequence[bytes], stage: Stage) -> None:
        """Send `frames`; whether there is trouble already, the caller has looked."""
        if self._connection is None or self._receiver is None:
            raise ProtocolError("the session was used before it was entered")
        if self._connection.send_at_once(frames):
            return
        try:
            await self._connection.send(*frames)
        except ConnectionLost as lost:
            # What the server said before it hung up is still in the queue, and explains more.
            await asyncio.wait({self._receiver})
            self._note(self._explain_loss(lost))
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

    def _explain_loss(self, lost: ConnectionLost) -> Trouble:
        """Return what it means that the connection has ended."""
        return Trouble(None, lost.error_type, lost.message, lost=True)

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
            self._note(self._explain_loss(lost))
