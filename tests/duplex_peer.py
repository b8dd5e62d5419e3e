"""A realtime server that takes the turns itself, by the loudness of what it hears; it can be odd in many ways."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from evalkit.audio.formats import AudioFormat

LOUD = 500
_BETA_NAMES = {
    "response.output_audio.delta": "response.audio.delta",
    "response.output_audio.done": "response.audio.done",
    "response.output_audio_transcript.delta": "response.audio_transcript.delta",
    "response.output_audio_transcript.done": "response.audio_transcript.done",
    "conversation.item.added": "conversation.item.created",
}


def tone_wire(audio_format: AudioFormat, duration_ms: float, level: int = 8000) -> bytes:
    """Return a sound that counts as speech, as it goes over the wire."""
    times = np.arange(int(duration_ms * audio_format.sample_rate_hz / 1000)) / audio_format.sample_rate_hz
    return audio_format.to_wire((level * np.sin(2 * np.pi * 300 * times)).astype(np.int16))


@dataclass(frozen=True)
class Reply:
    """A response: its words, how long they sound, the tools it calls."""

    text: str = "All right."
    audio_ms: float = 300.0
    calls: Sequence[tuple[str, Any]] = ()
    think_ms: float = 20.0
    status: str = "completed"


@dataclass
class DuplexPeer:
    """One server; its fields say what is odd about it.

    Attributes:
        replies: One for each response.
        detection: What ``session.updated`` says; "asked": what it was asked for; "absent": nothing.
        has_beta_names: Events are named, and the session shaped, as before general availability.
        says_speech: Whether it reports speech.
        says_places: Whether its reports name the places in the sound that they speak of.
        reports_late: It tells that speech ended only when it begins its answer.
        says_created: Whether it says that a response has begun.
        repeats_done: It says twice that a response has ended.
        chatters: It sends events that no protocol knows between the others.
        refuses_session: It objects to the session's settings by this code, and names no event.
        has_ids: Whether responses and items have ids.
        has_transcript: Whether words come with the sound.
        has_usage: Whether tokens are told.
        answers: How many responses it gives to a turn.
        never_ends: It speaks for ever, and does not say that it has ended.
        is_deaf: It hears nothing.
        refuses_truncation: It answers every truncation with an error.
        names_events: Its errors name the event that they are about.
        greets: It speaks first.
        is_busy: How often it says that it has begun a response by itself when it is asked for one, and does so.
        goes_silent: It answers the first thing it hears, and nothing after that.
        sends_late: How many pieces of a cancelled response still come.
        hears: What its recogniser takes each utterance for, in order; None: it fails; empty: there is none.
        hears_after_ms: How long that takes from the end of the utterance.

    """

    replies: Iterator[Reply]
    silence_ms: float = 200.0
    detection: str | None = "asked"
    has_beta_names: bool = False
    says_speech: bool = True
    says_places: bool = True
    reports_late: bool = False
    says_created: bool = True
    repeats_done: bool = False
    chatters: bool = False
    refuses_session: str = ""
    has_ids: bool = True
    has_transcript: bool = True
    has_usage: bool = True
    answers: int = 1
    never_ends: bool = False
    is_deaf: bool = False
    refuses_truncation: bool = False
    names_events: bool = True
    greets: bool = False
    is_busy: int = 0
    goes_silent: bool = False
    sends_late: int = 0
    hears: Sequence[str | None] = ()
    hears_after_ms: float = 0.0
    heard: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    _socket: ServerConnection | None = None
    _format: AudioFormat = AudioFormat.PCM16
    _output_format: AudioFormat = AudioFormat.PCM16
    _samples: int = 0
    _last_loud: int = -1
    _is_speaking: bool = False
    _count: int = 0
    _answer: asyncio.Task[None] | None = None
    _utterances: int = 0
    _hearing: list[asyncio.Task[None]] = field(default_factory=list)

    def sent(self, event_type: str) -> list[dict[str, Any]]:
        """Return what the client sent of that type."""
        return [event for event in self.heard if event["type"] == event_type]

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[DuplexPeer]:
        """Serve on a loopback socket."""
        async with serve(self.play, "127.0.0.1", 0, max_size=None) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime?model=m"
            yield self
            server.close(close_connections=True)

    async def play(self, socket: ServerConnection) -> None:
        """Serve one connection to its end."""
        self._socket = socket
        self._samples, self._last_loud, self._is_speaking = 0, -1, False
        with contextlib.suppress(ConnectionClosed):
            await self._say("session.created", session={"type": "realtime", "model": "peer-1"})
            async for frame in socket:
                event = json.loads(frame)
                self.heard.append(event)
                await self._do(event)
        if self._answer is not None:
            self._answer.cancel()

    async def _do(self, event: Mapping[str, Any]) -> None:
        kind = event["type"]
        if kind == "session.update" and self.refuses_session:
            await self._say("error", error={"code": self.refuses_session, "message": "not like that"})
        elif kind == "session.update":
            await self._say("session.updated", session=self._session(event["session"]))
            if self.greets:
                self._begin_answer()
        elif kind == "input_audio_buffer.append":
            await self._hear(base64.b64decode(event["audio"]))
        elif kind == "response.create" and self.is_busy:
            self.is_busy -= 1
            code = "conversation_already_has_active_response"
            await self._say("error", error={"code": code, "message": "busy", "event_id": event["event_id"]})
            self._begin_answer()
        elif kind == "response.create":
            self._begin_answer()
        elif kind == "conversation.item.truncate":
            await self._truncate(event)

    def _session(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        audio = asked["audio"]
        formats = {"audio/pcm": AudioFormat.PCM16, "audio/pcmu": AudioFormat.G711_ULAW}
        self._format = formats[audio["input"]["format"]["type"]]
        self._output_format = formats[audio["output"]["format"]["type"]]
        wanted = audio["input"]["turn_detection"]
        told = {"turn_detection": wanted if self.detection == "asked" else self.detection and {"type": self.detection}}
        if self.detection == "absent":
            told = {}
        if self.has_beta_names:
            return {"model": "peer-1", **told}
        return {**asked, "model": "peer-1", "audio": {**audio, "input": {"format": audio["input"]["format"], **told}}}

    async def _hear(self, wire: bytes) -> None:
        if self.is_deaf:
            return
        pcm = self._format.from_wire(wire).astype(np.int32)
        loud = np.flatnonzero(np.abs(pcm) > LOUD)
        if loud.size:
            if not self._is_speaking:
                await self._start_listening(self._samples + int(loud[0]))
            self._last_loud = self._samples + int(loud[-1])
        self._samples += pcm.size
        silent_ms = (self._samples - self._last_loud) / self._format.sample_rate_hz * 1000
        if self._is_speaking and silent_ms >= self.silence_ms:
            await self._stop_listening()

    async def _start_listening(self, sample: int) -> None:
        self._is_speaking = True
        if self.says_speech:
            start_ms = max(0, sample * 1000 // self._format.sample_rate_hz - 300)
            place = {"audio_start_ms": start_ms} if self.says_places else {}
            await self._say("input_audio_buffer.speech_started", **place, item_id="user")
        if self._answer is not None and not self._answer.done():
            self._answer.cancel()
            await asyncio.wait({self._answer})
            await self._end_cancelled()

    async def _end_cancelled(self) -> None:
        ids = self._ids()
        for _ in range(self.sends_late):
            late = base64.b64encode(tone_wire(self._output_format, 100)).decode()
            await self._say("response.output_audio.delta", delta=late, **ids)
        details = {"type": "cancelled", "reason": "turn_detected"}
        response = {"id": f"resp_{self._count}", "status": "cancelled", "status_details": details, "output": []}
        await self._say("response.done", response=response)

    async def _stop_listening(self) -> None:
        self._is_speaking = False
        if not self.reports_late:
            await self._report_end()
        if not (self.goes_silent and self._count):
            self._begin_answer(self.answers)

    async def _report_end(self) -> None:
        if self.says_speech:
            end_ms = self._samples * 1000 // self._format.sample_rate_hz
            place = {"audio_end_ms": end_ms} if self.says_places else {}
            await self._say("input_audio_buffer.speech_stopped", **place, item_id="user")
            item_id = f"user_{self._utterances}" if self.hears else "user"
            await self._say("input_audio_buffer.committed", item_id=item_id)
            await self._say("conversation.item.added", item={"id": item_id, "type": "message"})
        if self._utterances < len(self.hears):
            self._hearing.append(asyncio.create_task(self._transcribe(self._utterances)))
        self._utterances += 1

    async def _transcribe(self, utterance: int) -> None:
        await asyncio.sleep(self.hears_after_ms / 1000)
        words, item_id = self.hears[utterance], f"user_{utterance}"
        what, told = ("failed", {"error": {"code": "x"}}) if words is None else ("completed", {"transcript": words})
        with contextlib.suppress(ConnectionClosed):
            await self._say(f"conversation.item.input_audio_transcription.{what}", item_id=item_id, **told)

    def _begin_answer(self, times: int = 1) -> None:
        self._answer = asyncio.create_task(self._respond(times))

    async def _respond(self, times: int) -> None:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(times):
                reply = next(self.replies)
                self._count += 1
                await asyncio.sleep(reply.think_ms / 1000)
                await self._speak(reply)

    async def _speak(self, reply: Reply) -> None:
        ids = self._ids()
        if self.reports_late:
            await self._report_end()
        if self.says_created:
            await self._say("response.created", response={"id": ids.get("response_id"), "status": "in_progress"})
        output = [
            {"type": "function_call", "id": f"fc_{self._count}_{number}", "call_id": f"call_{self._count}_{number}",
             "name": name, "arguments": json.dumps(arguments)}
            for number, (name, arguments) in enumerate(reply.calls)
        ]  # fmt: skip
        for number, item in enumerate(output):
            await self._say("response.output_item.done", item=item, output_index=number + 1,
                            response_id=ids.get("response_id"))  # fmt: skip
        if self.has_transcript and reply.text:
            await self._say("response.output_audio_transcript.delta", delta=reply.text, **ids)
        left_ms = reply.audio_ms
        while left_ms > 0 or self.never_ends:
            piece = tone_wire(self._output_format, 100 if self.never_ends else min(100, left_ms))
            await self._say("response.output_audio.delta", delta=base64.b64encode(piece).decode(), **ids)
            left_ms -= 100
            await asyncio.sleep(0.01)
        usage = {"usage": {"input_tokens": 10, "output_tokens": 5}} if self.has_usage else {}
        response = {"id": ids.get("response_id"), "status": reply.status, "output": output, **usage}
        for _ in range(2 if self.repeats_done else 1):
            await self._say("response.done", response=response)

    def _ids(self) -> dict[str, Any]:
        if not self.has_ids:
            return {}
        return {
            "response_id": f"resp_{self._count}", "item_id": f"item_{self._count}", "output_index": 0,
            "content_index": 0,
        }  # fmt: skip

    async def _truncate(self, event: Mapping[str, Any]) -> None:
        if self.refuses_truncation:
            error = {"code": "invalid_value", "message": "Audio content of 100ms is already shorter than 200ms"}
            named = {"event_id": event["event_id"]} if self.names_events else {}
            await self._say("error", error={**error, **named})
        else:
            await self._say("conversation.item.truncated", item_id=event["item_id"])

    async def _say(self, event_type: str, **fields: Any) -> None:
        name = _BETA_NAMES.get(event_type, event_type) if self.has_beta_names else event_type
        assert self._socket is not None
        if self.chatters:
            await self._socket.send(json.dumps({"type": "engine.heartbeat", "load": 0.5, "item_id": "user"}))
        await self._socket.send(json.dumps({"type": name, **fields}))
