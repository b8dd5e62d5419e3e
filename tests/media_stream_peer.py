"""A telephone application that speaks a media stream: it hears by loudness and answers with tones; it can be odd."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from duplex_peer import LOUD, tone_wire
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.media_stream.dialect import TWILIO, Dialect, find

ULAW = AudioFormat.G711_ULAW
SILENCE = bytes([ULAW.silence_byte])


def speech(*parts_ms: float) -> bytes:
    """Sound and silence in turns, beginning with sound, which fades as that of words does."""
    return b"".join(
        _fading(tone_wire(ULAW, part)) if number % 2 == 0 else SILENCE * int(part * 8)
        for number, part in enumerate(parts_ms)
    )


def _fading(wire: bytes) -> bytes:
    pcm = ULAW.from_wire(wire).astype(np.float64)
    length = min(1600, pcm.size // 2)
    pcm[pcm.size - length :] *= np.linspace(1, 0, length)
    return ULAW.to_wire(pcm.astype(np.int16))


@dataclass
class MediaStreamPeer:
    """One application; its fields say what it does.

    Attributes:
        answers: What it says to each thing that it hears, the last again and again.
        greeting: What it says when a call begins; empty: it waits.
        dialect: The words of the line.
        think_ms: How long it thinks.
        silence_ms: A silence so long ends what it hears.
        frame_bytes: How much sound it sends in a message.
        paced: Whether it sends in real time; else all at once.
        stalls: When it begins to send a frame of its sound (ms of that), it waits for so long (ms) first.
        fills_silence: Whether it sends silence all the time, where it has nothing to say.
        marks: Whether it asks after each answer when it has been heard.
        clears: It throws away what waits whenever the caller begins to speak.
        stops: Whether it stops speaking when the caller begins to.
        answers_key: It answers when the caller has pressed this key; empty: keys mean nothing to it.
        names_stream: Whether its messages say which stream they are for; a text: that one.
        raw: Sent as they are when a call begins.
        hangs_up_after: After so many answers it hangs up.
        close_code: With which code; 0: it breaks the connection.

    """

    answers: Sequence[bytes] = (speech(400),)
    greeting: bytes = b""
    dialect: Dialect = TWILIO
    think_ms: float = 30.0
    silence_ms: float = 200.0
    frame_bytes: int = 160
    paced: bool = False
    stalls: Mapping[int, float] = field(default_factory=dict)
    fills_silence: bool = False
    marks: bool = False
    clears: bool = False
    stops: bool = False
    answers_key: str = ""
    names_stream: bool | str = True
    raw: Sequence[str | bytes] = ()
    hangs_up_after: int = 0
    close_code: int = 1000
    heard: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    marked_at: dict[str, float] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _socket: ServerConnection | None = None
    _stream: str = ""
    _silent_ms: float = 0.0
    _is_spoken_to: bool = False
    _count: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return what the line said of that kind."""
        return [message for _, message in self.heard if message["event"] == event]

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[MediaStreamPeer]:
        """Serve on a loopback socket."""
        async with serve(self.play, "127.0.0.1", 0, max_size=None) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
            yield self
            server.close(close_connections=True)

    async def play(self, socket: ServerConnection) -> None:
        """Serve one call to its end."""
        self._socket = socket
        self.headers = dict(socket.request.headers) if socket.request else {}
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                message = json.loads(frame)
                self.heard.append((asyncio.get_running_loop().time(), message))
                await self._do(message)
        for task in self._tasks:
            task.cancel()

    async def _do(self, message: Mapping[str, Any]) -> None:
        event = message["event"]
        if event == "start":
            self._stream = find(message, self.dialect.stream_id) or find(message["start"], self.dialect.stream_id)
            for raw in self.raw:
                await self._require_socket().send(raw)
            if self.greeting:
                self._begin(self._say(self.greeting))
            if self.fills_silence:
                self._begin(self._fill())
        elif event == "media":
            await self._hear(base64.b64decode(message["media"]["payload"]))
        elif event == "dtmf" and message["dtmf"]["digit"] == self.answers_key:
            self._begin(self._answer())

    async def _hear(self, wire: bytes) -> None:
        is_loud = bool(np.any(np.abs(ULAW.from_wire(wire).astype(np.int32)) > LOUD))
        if is_loud and not self._is_spoken_to:
            self._is_spoken_to = True
            if self.stops:
                for task in self._tasks:
                    task.cancel()
            if self.clears:
                await self._send(self.dialect.clear_event)
        self._silent_ms = 0.0 if is_loud else self._silent_ms + len(wire) / 8
        if self._is_spoken_to and self._silent_ms >= self.silence_ms:
            self._is_spoken_to = False
            self._begin(self._answer())

    def answer_again(self) -> None:
        """Say the next thing, asked or not."""
        self._begin(self._answer())

    def _begin(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def _answer(self) -> None:
        await asyncio.sleep(self.think_ms / 1000)
        answer = self.answers[min(self._count, len(self.answers) - 1)]
        self._count += 1
        with contextlib.suppress(ConnectionClosed):
            await self._say(answer)
            if self.hangs_up_after and self._count >= self.hangs_up_after:
                await self._hang_up()

    async def _hang_up(self) -> None:
        if self.close_code:
            await self._require_socket().close(self.close_code)
        else:
            self._require_socket().transport.abort()

    async def _say(self, wire: bytes) -> None:
        began = asyncio.get_running_loop().time()
        for begin in range(0, len(wire), self.frame_bytes):
            stalls_ms = self.stalls.get(begin // 8, 0.0)
            if self.paced or stalls_ms:
                due = began + begin / 8000 + stalls_ms / 1000
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if stalls_ms:
                began += stalls_ms / 1000
            await self._play(wire[begin : begin + self.frame_bytes])
        if self.marks:
            name = f"said-{self._count}"
            self.marked_at[name] = asyncio.get_running_loop().time()
            await self._send(self.dialect.mark_event, **_at(self.dialect.mark_name, name))

    async def _fill(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._play(SILENCE * 160)
                await asyncio.sleep(0.02)

    async def _play(self, wire: bytes) -> None:
        payload = base64.b64encode(wire).decode()
        await self._send(self.dialect.media_event, **_at(self.dialect.payload, payload))

    async def _send(self, event: str, **fields: Any) -> None:
        named = self._stream if self.names_stream is True else self.names_stream
        stream = _at(self.dialect.stream_id, named) if named else {}
        await self._require_socket().send(json.dumps({"event": event, **stream, **fields}))

    def _require_socket(self) -> ServerConnection:
        assert self._socket is not None
        return self._socket


def _at(path: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a value at the place that some keys lead to."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)
