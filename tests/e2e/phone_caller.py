"""A caller with an open line: a socket to a Realtime server, and audio that never stops while the line is open."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from evalkit.audio.formats import AudioFormat
from evalkit.audio.resample import resample

CHUNK_MS = 20
AUDIBLE = 300
PATIENCE_S = 60


def spoken(url: str, text: str, voice: str = "cedar") -> Any:
    """Return `text` in a voice of the service at `url`, from its first sound to its last: int16 at 24 kHz."""
    asked = {"model": "local-speech", "input": text, "voice": voice, "response_format": "pcm"}
    answer = httpx2.post(f"{url}/audio/speech", json=asked, timeout=PATIENCE_S)
    pcm = AudioFormat.PCM16.from_wire(answer.raise_for_status().content)
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > AUDIBLE)
    return pcm[loud[0] : loud[-1] + 1]


@dataclass
class PhoneCaller:
    """A caller on an open line, who hears events.

    Attributes:
        socket: The connection.
        audio_format: What is sent; the session must have been told.
        events: What has come so far.
        sent_ms: How much has been sent so far.

    """

    socket: ClientConnection
    audio_format: AudioFormat = AudioFormat.PCM16
    events: list[dict[str, Any]] = field(default_factory=list)
    sent_ms: int = 0
    _clips: deque[bytes] = field(default_factory=deque)

    def say(self, pcm: Any) -> None:
        """Say a clip (int16 at 24 kHz) from now on, 20 ms at a time."""
        wire = self.audio_format.to_wire(resample(pcm, 24_000, self.audio_format.sample_rate_hz))
        size = self.audio_format.byte_count(CHUNK_MS)
        self._clips.extend(wire[at : at + size] for at in range(0, len(wire), size))

    async def send(self, event_type: str, **fields: Any) -> None:
        """Send an event."""
        await self.socket.send(json.dumps({"type": event_type, **fields}))

    async def until(self, event_type: str, count: int = 1) -> dict[str, Any]:
        """Return the newest event when so many of that type have come."""
        async with asyncio.timeout(PATIENCE_S):
            while sum(event["type"] == event_type for event in self.events) < count:
                self.events.append(json.loads(await self.socket.recv()))
        return self.events[-1]

    async def during(self, seconds: float) -> list[str]:
        """Return the types of what comes within so long."""
        before = len(self.events)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self.events.append(json.loads(await self.socket.recv()))
        except TimeoutError:
            return self.types[before:]

    @property
    def types(self) -> list[str]:
        """The types of what has come so far."""
        return [event["type"] for event in self.events]

    def of(self, event_type: str) -> list[dict[str, Any]]:
        """Return the events of a type."""
        return [event for event in self.events if event["type"] == event_type]

    async def stream(self) -> None:
        """Send 20 ms every 20 ms, silence where nothing is to be said, until cancelled."""
        silence = bytes([self.audio_format.silence_byte]) * self.audio_format.byte_count(CHUNK_MS)
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            chunk = self._clips.popleft() if self._clips else silence
            await self.send("input_audio_buffer.append", audio=base64.b64encode(chunk).decode())
            self.sent_ms += CHUNK_MS
            due += CHUNK_MS / 1000
            await asyncio.sleep(due - loop.time())


@asynccontextmanager
async def calling(
    url: str, model: str, session: dict[str, Any] | None = None, audio_format: AudioFormat = AudioFormat.PCM16
) -> AsyncIterator[PhoneCaller]:
    """Call `model` of the service at `url`; the line is open, and streams, until the call ends."""
    address = url.replace("http", "ws", 1) + f"/realtime?model={model}"
    async with connect(address, compression=None, max_size=None) as socket:
        caller = PhoneCaller(socket, audio_format)
        await caller.until("conversation.created")
        if session is not None:
            await caller.send("session.update", session={"type": "realtime", **session})
            await caller.until("session.updated")
        streaming = asyncio.create_task(caller.stream())
        try:
            yield caller
        finally:
            streaming.cancel()
            await asyncio.gather(streaming, return_exceptions=True)
