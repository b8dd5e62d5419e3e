"""A server of Gemini Live: turns are the client's, or go by how loud what it hears is; it can be odd in many ways."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from duplex_peer import LOUD, tone_wire
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from evalkit.audio.formats import AudioFormat

HEARD, SPOKEN = AudioFormat.PCM16_16KHZ, AudioFormat.PCM16
COUNTED = {
    "promptTokenCount": 30,
    "responseTokenCount": 12,
    "totalTokenCount": 42,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}, {"modality": "AUDIO", "tokenCount": 20}],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 12}],
}


@dataclass(frozen=True)
class Said:
    """An answer: its words, how long they sound, the tools it calls behind them."""

    text: str = "All right."
    audio_ms: float = 300.0
    calls: Sequence[Mapping[str, Any]] = ()


def call_of(name: str, call_id: str = "fc_1", **arguments: Any) -> dict[str, Any]:
    """Return a call as the protocol has it."""
    return {"id": call_id, "name": name, "args": arguments}


@dataclass
class GeminiPeer:
    """One server; its fields say what it does.

    Attributes:
        answers: One for each turn and each round of tools' answers, the last again and again.
        heard_text: What it takes the caller's words for, in pieces; empty: it does not tell.
        think_ms: How long it thinks.
        silence_ms: A silence so long ends what it hears, where it takes the turns.
        chunk_bytes: How much sound it sends in a message.
        parts: In how many parts of a message it sends that.
        is_binary: Whether its messages are binary, as the hosted ones are.
        mime_type: What it says that its sound is.
        playback_ms: It waits so long with the end of a turn, behind the end of what it makes.
        reason: Why it ends a turn.
        ends_again: Whether it ends a turn once more behind a call of tools.
        splits_calls: Whether each call comes in a message of its own.
        cancels: Whether it takes calls back as soon as it has made them.
        speaks_unasked: Whether it speaks as soon as it is set up.
        is_deaf: Whether it never answers the setup.
        refuses: It closes the connection instead of that: code and reason.
        leaves_in: It says that it will leave so soon, when it answers, and leaves before it has.
        breaks: Whether it breaks the connection in the middle of an answer.
        raw: Sent as they are before an answer.
        counted: The tokens of each answer; None: it counts none.
        counts_late: Whether they come in a message of their own, behind the end.

    """

    answers: Sequence[Said] = (Said(),)
    heard_text: Sequence[str] = ("where is ", "my order")
    think_ms: float = 20.0
    silence_ms: float = 200.0
    chunk_bytes: int = 4800
    parts: int = 1
    is_binary: bool = True
    mime_type: str = "audio/pcm;rate=24000"
    playback_ms: float = 0.0
    reason: str = ""
    ends_again: bool = False
    splits_calls: bool = False
    cancels: bool = False
    speaks_unasked: bool = False
    is_deaf: bool = False
    refuses: tuple[int, str] | None = None
    leaves_in: str = ""
    breaks: bool = False
    raw: Sequence[str | bytes] = ()
    counted: Mapping[str, Any] | None = field(default_factory=lambda: COUNTED)
    counts_late: bool = False
    heard: list[dict[str, Any]] = field(default_factory=list)
    sound: bytearray = field(default_factory=bytearray)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    _socket: ServerConnection | None = None
    _next: Iterator[Said] = field(default_factory=lambda: iter(()))
    _answering: asyncio.Task[None] | None = None
    _is_spoken_to: bool = False
    _silent_ms: float = 0.0
    _detects: bool = True
    _open_calls: list[str] = field(default_factory=list)

    def told(self, *keys: str) -> list[dict[str, Any]]:
        """Return what the client said that has these fields in each other."""
        found: list[Any] = self.heard
        for key in keys:
            found = [each[key] for each in found if key in each]
        return found

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[GeminiPeer]:
        """Serve on a loopback socket."""
        self._next = itertools.chain(self.answers, itertools.repeat(self.answers[-1]))
        async with serve(self.play, "127.0.0.1", 0, max_size=None) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/live"
            yield self
            server.close(close_connections=True)

    async def play(self, socket: ServerConnection) -> None:
        """Serve one session to its end."""
        self._socket = socket
        self.headers = dict(socket.request.headers) if socket.request else {}
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                message = json.loads(frame)
                self.heard.append(message)
                await self._do(message)
        if self._answering is not None:
            self._answering.cancel()

    async def _do(self, message: Mapping[str, Any]) -> None:
        if "setup" in message:
            await self._set_up(message["setup"])
        elif "toolResponse" in message:
            answered = [each["id"] for each in message["toolResponse"]["functionResponses"]]
            self._open_calls = [call_id for call_id in self._open_calls if call_id not in answered]
            if not self._open_calls:
                self._begin(hears=False)
        elif "clientContent" in message:
            self._begin()
        elif "realtimeInput" in message:
            await self._hear(message["realtimeInput"])

    async def _set_up(self, setup: Mapping[str, Any]) -> None:
        if self.refuses is not None:
            await self._require_socket().close(*self.refuses)
        elif not self.is_deaf:
            self._detects = not setup["realtimeInputConfig"]["automaticActivityDetection"].get("disabled", False)
            await self.say({"setupComplete": {}})
            if self.speaks_unasked:
                self._begin()

    async def _hear(self, told: Mapping[str, Any]) -> None:
        if "activityEnd" in told:
            self._begin()
        if "audio" not in told:
            return
        wire = base64.b64decode(told["audio"]["data"])
        self.sound += wire
        if not self._detects:
            return
        is_loud = bool(np.any(np.abs(HEARD.from_wire(wire).astype(np.int32)) > LOUD))
        if is_loud and not self._is_spoken_to:
            self._is_spoken_to = True
            await self._stop()
        self._silent_ms = 0.0 if is_loud else self._silent_ms + HEARD.duration_ms(len(wire))
        if self._is_spoken_to and self._silent_ms >= self.silence_ms:
            self._is_spoken_to = False
            self._begin()

    async def _stop(self) -> None:
        """Stop an answer because the caller was heard, and take its calls back."""
        under_way = self._answering is not None and not self._answering.done()
        if self._answering is not None:
            self._answering.cancel()
        if self._open_calls:
            await self.say({"toolCallCancellation": {"ids": self._open_calls}})
            self._open_calls = []
        if under_way:
            await self.say({"serverContent": {"interrupted": True}})
            await self.say({"serverContent": {"turnComplete": True}})

    def _begin(self, *, hears: bool = True) -> None:
        self._answering = asyncio.create_task(self._answer(self.heard_text if hears else ()))

    async def _answer(self, heard_text: Sequence[str]) -> None:
        await asyncio.sleep(self.think_ms / 1000)
        with contextlib.suppress(ConnectionClosed):
            for words in heard_text:
                await self.say({"serverContent": {"inputTranscription": {"text": words}}})
            for raw in self.raw:
                await self._require_socket().send(raw)
            if self.leaves_in:
                await self.say({"goAway": {"timeLeft": self.leaves_in}})
                await self._require_socket().close(1001, "")
                return
            await self._speak(next(self._next))

    async def _speak(self, said: Said) -> None:
        if said.text:
            await self.say({"serverContent": {"outputTranscription": {"text": said.text}}})
        wire = tone_wire(SPOKEN, said.audio_ms)
        for begin in range(0, len(wire), self.chunk_bytes):
            if self.breaks and begin > len(wire) / 2:
                self._require_socket().transport.abort()
                return
            await self.say({"serverContent": {"modelTurn": {"parts": self._parts(wire[begin:][: self.chunk_bytes])}}})
        usage = {} if self.counted is None else {"usageMetadata": self.counted}
        if said.calls:
            await self._call(said.calls, usage)
            return
        await self.say({"serverContent": {"generationComplete": True}})
        await asyncio.sleep(self.playback_ms / 1000)
        end = {"turnComplete": True, **({"turnCompleteReason": self.reason} if self.reason else {})}
        await self.say({"serverContent": end, **({} if self.counts_late else usage)})
        if self.counts_late:
            await self.say(usage)

    async def _call(self, calls: Sequence[Mapping[str, Any]], usage: Mapping[str, Any]) -> None:
        self._open_calls = [call["id"] for call in calls]
        for some in [[call] for call in calls] if self.splits_calls else [list(calls)]:
            await self.say({"toolCall": {"functionCalls": some}, **usage})
        if self.ends_again:
            await self.say({"serverContent": {"generationComplete": True}})
            await self.say({"serverContent": {"outputTranscription": {"finished": True}, "turnComplete": True}})
        if self.cancels:
            await self.say({"toolCallCancellation": {"ids": self._open_calls}})
            self._open_calls = []

    def _parts(self, wire: bytes) -> list[dict[str, Any]]:
        size = -(-len(wire) // self.parts)
        pieces = [wire[begin : begin + size] for begin in range(0, len(wire), size)]
        return [
            {"inlineData": {"mimeType": self.mime_type, "data": base64.b64encode(piece).decode()}} for piece in pieces
        ]

    async def say(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        text = json.dumps(message)
        await self._require_socket().send(text.encode() if self.is_binary else text)

    def _require_socket(self) -> ServerConnection:
        assert self._socket is not None
        return self._socket
