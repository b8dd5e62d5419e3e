"""A telephone bot with `openai-agents`, as its users build one: a media stream in front of a realtime session.

``python openai_agents_bot.py --service http://127.0.0.1:8080/v1 --prompt FILE`` prints its address and serves until its
standard input ends. The model of any server that speaks the Realtime API hears, speaks and takes the turns; sound is
handed through in G.711. Marks say what has been played, so that the model learns how much of an answer was heard where
the caller cuts in. Tools are what the MCP server offers whose address a call brings with it (`evalkit_mcp_url`).
Several calls are held at once. It hangs up behind its own goodbye.

``--defect`` has it do one thing wrong:

===================  ===================================================================================
never_clears         lets the caller who cuts in hear the rest of what was sent ahead
===================  ===================================================================================
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.mcp import MCPServerStreamableHttp
from agents.realtime import (
    RealtimeAgent,
    RealtimeModelSendRawMessage,
    RealtimePlaybackTracker,
    RealtimeRunner,
    RealtimeSession,
)
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

DEFECTS = ("never_clears",)
NO_KEY = "none"
FRAME_BYTES = 400  # 50 ms of G.711
# Who looks for a number may be silent for a second.
TURNS = {"type": "server_vad", "silence_duration_ms": 1000, "interrupt_response": True}
SETTINGS = {
    "model_name": "local-agent",
    "audio": {
        "input": {"format": "g711_ulaw", "turn_detection": TURNS},
        "output": {"format": "g711_ulaw", "voice": "marin"},
    },
}


@dataclass(frozen=True)
class Chosen:
    """What the bot is told when it starts."""

    service: str
    prompt: str
    defect: str | None


class Bridge:
    """One call: the line on one side, the model on the other."""

    def __init__(
        self, line: ServerConnection, stream: str, session: RealtimeSession, played: RealtimePlaybackTracker
    ) -> None:
        self._line, self._stream, self._session, self._played = line, stream, session, played
        self._sent = 0
        self._unheard: dict[str, tuple[str, int, bytes]] = {}  # mark -> item, part of it, sound
        self._said, self._is_over = "", False

    async def hear(self) -> None:
        """Take what the line says, to its end."""
        with contextlib.suppress(ConnectionClosed):
            async for frame in self._line:
                message = json.loads(frame)
                if message["event"] == "media":
                    await self._session.send_audio(base64.b64decode(message["media"]["payload"]))
                elif message["event"] == "mark" and (heard := self._unheard.pop(message["mark"]["name"], None)):
                    self._played.on_play_bytes(*heard)
                    await self._hang_up_when_heard()

    async def speak(self, *, clears: bool) -> None:
        """Take what the model says, to its end."""
        with contextlib.suppress(ConnectionClosed):
            async for event in self._session:
                match event.type:
                    case "audio":
                        await self._play(event.item_id, event.content_index, event.audio.data)
                    case "audio_interrupted" if clears:
                        self._unheard.clear()  # the line echoes the marks of what it throws away too
                        await self._send("clear")
                    case "raw_model_event" if event.data.type == "transcript_delta":
                        self._said += event.data.delta
                    case "agent_end":
                        self._is_over, self._said = "goodbye" in self._said.lower(), ""
                        await self._hang_up_when_heard()
                    case "error":
                        sys.stderr.write(f"{event.error}\n")

    async def _play(self, item: str, part: int, sound: bytes) -> None:
        for begin in range(0, len(sound), FRAME_BYTES):
            frame = sound[begin : begin + FRAME_BYTES]
            self._sent += 1
            self._unheard[str(self._sent)] = (item, part, frame)
            await self._send("media", media={"payload": base64.b64encode(frame).decode()})
            await self._send("mark", mark={"name": str(self._sent)})

    async def _hang_up_when_heard(self) -> None:
        if self._is_over and not self._unheard:
            await self._line.close()

    async def _send(self, event: str, **fields: Any) -> None:
        await self._line.send(json.dumps({"event": event, "streamSid": self._stream, **fields}))


async def answer(line: ServerConnection, chosen: Chosen) -> None:
    """Answer one call, to its end."""
    start = json.loads(await line.recv())
    while start["event"] != "start":
        start = json.loads(await line.recv())
    played = RealtimePlaybackTracker()
    model = {
        "url": chosen.service.replace("http", "ws", 1) + "/realtime?model=local-agent",
        "api_key": NO_KEY,
        "playback_tracker": played,
        "initial_model_settings": SETTINGS,
    }
    address = start["start"]["customParameters"]["evalkit_mcp_url"]
    # Else the model is told {"type": "text", "text": …} around each answer.
    async with MCPServerStreamableHttp({"url": address}, use_structured_content=True) as tools:
        agent = RealtimeAgent(name="Brightwell", instructions=chosen.prompt, mcp_servers=[tools])
        runner = RealtimeRunner(agent, config={"tracing_disabled": True})
        async with await runner.run(model_config=model) as session, asyncio.TaskGroup() as both:
            bridge = Bridge(line, start["streamSid"], session, played)
            speaking = both.create_task(bridge.speak(clears=chosen.defect != "never_clears"))
            await session.model.send_event(RealtimeModelSendRawMessage(message={"type": "response.create"}))  # greet
            await bridge.hear()
            speaking.cancel()


def read_command_line() -> Chosen:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    for name in ("service", "prompt"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--defect", choices=DEFECTS)
    words = parser.parse_args()
    return Chosen(words.service, Path(words.prompt).read_text(encoding="utf-8"), words.defect)


async def main(chosen: Chosen) -> None:
    """Serve until the standard input ends."""
    async with serve(lambda line: answer(line, chosen), "127.0.0.1", 0) as server:
        sys.stdout.write(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        server.close()


if __name__ == "__main__":
    asyncio.run(main(read_command_line()))
