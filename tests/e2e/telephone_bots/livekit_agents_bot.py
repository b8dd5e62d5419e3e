"""A telephone bot with `livekit-agents`, without a room: its agent session hears and speaks through a media stream.

``python livekit_agents_bot.py --service http://127.0.0.1:8080/v1 --prompt FILE`` prints its address and serves until
its standard input ends. `FromLine` and `ToLine` stand where LiveKit's room would be; the agent itself is as it is with
one. The model is that of any server that speaks the Realtime API; tools are what the MCP server offers whose address a
call brings with it (`evalkit_mcp_url`). Several calls are held at once. It hangs up behind its own goodbye.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import Agent, AgentSession, mcp
from livekit.agents.voice import io
from livekit.plugins import openai
from openai.types.realtime.realtime_audio_input_turn_detection import ServerVad
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

NO_KEY = "none"
LINE_HZ = 8000
# Who looks for a number may be silent for a second.
TURNS = ServerVad(type="server_vad", silence_duration_ms=1000, create_response=True, interrupt_response=True)


def _mu_law() -> np.ndarray:
    """Return the sample that each of the 256 codes of G.711 mu-law stands for, as int16."""
    bits = ~np.arange(256) & 0xFF
    magnitude = ((((bits & 0x0F) << 3) + 0x84) << ((bits & 0x70) >> 4)) - 0x84
    return np.where(bits & 0x80, -magnitude, magnitude).astype(np.int16)


SAMPLES = _mu_law()
CODES = np.argsort(SAMPLES).astype(np.uint8)
BORDERS = (SAMPLES[CODES][1:].astype(int) + SAMPLES[CODES][:-1]) / 2


class FromLine(io.AudioInput):
    """What the caller says."""

    def __init__(self) -> None:
        super().__init__(label="line")
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()

    def take(self, sound: bytes) -> None:
        """Hear some mu-law more."""
        self._heard.put_nowait(sound)

    async def __anext__(self) -> rtc.AudioFrame:
        pcm = SAMPLES[np.frombuffer(await self._heard.get(), np.uint8)]
        return rtc.AudioFrame(pcm.tobytes(), LINE_HZ, 1, len(pcm))


class ToLine(io.AudioOutput):
    """What the agent says. The line plays it, and echoes the mark at the end of a stretch when that has been heard."""

    def __init__(self, line: ServerConnection, stream: str) -> None:
        super().__init__(label="line", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=LINE_HZ)
        self._line, self._stream = line, stream
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._begun: float | None = None
        self._length_s = 0.0
        self._stretches = 0

    async def send(self) -> None:
        """Send what waits, to the line's end."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._line.send(await self._waiting.get())

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Play a frame after those before it."""
        await super().capture_frame(frame)
        if self._begun is None:
            self._begun = time.monotonic()
            self.on_playback_started(created_at=time.time())
        self._length_s += frame.duration
        wire = CODES[np.searchsorted(BORDERS, np.frombuffer(frame.data, np.int16), "right")]
        self._tell("media", media={"payload": base64.b64encode(wire.tobytes()).decode()})

    def flush(self) -> None:
        """Finish when everything has been played."""
        super().flush()
        if self._begun is not None:
            self._stretches += 1
            self._tell("mark", mark={"name": str(self._stretches)})

    def heard(self, mark: str) -> None:
        """Take the echo of a mark."""
        if mark == str(self._stretches):
            self._finish(interrupted=False)

    def clear_buffer(self) -> None:
        """Stop playing."""
        if self._begun is not None:
            self._stretches += 1  # the line echoes the marks of what it throws away too
            self._tell("clear")
            self._finish(interrupted=True)

    def _finish(self, *, interrupted: bool) -> None:
        begun, length_s = self._begun, self._length_s
        self._begun, self._length_s = None, 0.0
        if begun is not None:
            played_s = min(time.monotonic() - begun, length_s)
            self.on_playback_finished(playback_position=played_s, interrupted=interrupted)

    def _tell(self, event: str, **fields: Any) -> None:
        self._waiting.put_nowait(json.dumps({"event": event, "streamSid": self._stream, **fields}))


@dataclass(frozen=True)
class Chosen:
    """What the bot is told when it starts."""

    service: str
    prompt: str


async def answer(line: ServerConnection, chosen: Chosen) -> None:
    """Answer one call, to its end."""
    start = json.loads(await line.recv())
    while start["event"] != "start":
        start = json.loads(await line.recv())
    caller, voice = FromLine(), ToLine(line, start["streamSid"])
    server = mcp.MCPServerHTTP(
        start["start"]["customParameters"]["evalkit_mcp_url"],
        "streamable_http",  # an address that does not end in /mcp is else taken for that of the older transport
        tool_result_resolver=lambda answered: answered.result.content[0].text,  # else JSON around it is told too
    )
    model = openai.realtime.RealtimeModel(
        model="local-agent", base_url=chosen.service, api_key=NO_KEY, turn_detection=TURNS
    )
    # On this line nothing echoes: without that the caller is not heard while the agent first speaks.
    session: AgentSession[Any] = AgentSession(llm=model, aec_warmup_duration=None)
    leaving: list[asyncio.Task[None]] = []

    @session.on("conversation_item_added")
    def _hang_up_behind_goodbye(event: Any) -> None:
        said = event.item.text_content if getattr(event.item, "role", "") == "assistant" else None
        if "goodbye" in (said or "").lower() and not event.item.interrupted:
            leaving.append(asyncio.create_task(line.close()))

    session.input.audio, session.output.audio = caller, voice
    sending = asyncio.create_task(voice.send())
    tools = mcp.MCPToolset(id="tools", mcp_server=server)
    await session.start(Agent(instructions=chosen.prompt, tools=[tools]))
    session.generate_reply()  # it greets
    with contextlib.suppress(ConnectionClosed):
        async for frame in line:
            message = json.loads(frame)
            if message["event"] == "media":
                caller.take(base64.b64decode(message["media"]["payload"]))
            elif message["event"] == "mark":
                voice.heard(message["mark"]["name"])
    await session.aclose()
    sending.cancel()


def read_command_line() -> Chosen:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    for name in ("service", "prompt"):
        parser.add_argument(f"--{name}", required=True)
    words = parser.parse_args()
    return Chosen(words.service, Path(words.prompt).read_text(encoding="utf-8"))


async def main(chosen: Chosen) -> None:
    """Serve until the standard input ends."""
    async with serve(lambda line: answer(line, chosen), "127.0.0.1", 0) as server:
        sys.stdout.write(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        server.close()


if __name__ == "__main__":
    asyncio.run(main(read_command_line()))
