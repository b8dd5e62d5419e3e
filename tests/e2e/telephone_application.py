"""A telephone bot in a process of its own: it bridges a media stream to a realtime model that takes the turns.

``python telephone_application.py --service http://127.0.0.1:8080/v1 --prompt FILE --tools FILE --answers FILE`` prints
its address and serves until its standard input ends. It is what people build from public examples: sound is handed
through in G.711, the line is cleared when the model hears the caller, tools are webhooks where the call was handed
their address, and answered from a file where it was not. What it does wrong on purpose, its further arguments say.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import soxr
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from evalkit.audio.formats import AudioFormat


class TelephoneBot:
    """One call."""

    def __init__(self, line: ServerConnection, model: ClientConnection, chosen: argparse.Namespace) -> None:
        self._line, self._model, self._chosen = line, model, chosen
        self._stream, self._handed = "", dict[str, str]()
        self._prompt = Path(chosen.prompt).read_text(encoding="utf-8")
        self._tools = json.loads(Path(chosen.tools).read_text(encoding="utf-8"))
        self._answers = json.loads(Path(chosen.answers).read_text(encoding="utf-8"))
        self._answered = 0
        self._waiting = asyncio.Queue[bytes]()
        self._keyed = ""
        self._resampler = soxr.ResampleStream(24_000, chosen.voice_rate, 1, dtype="int16")

    async def hear(self) -> None:
        """Take what the line says, to its end."""
        async for frame in self._line:
            message = json.loads(frame)
            if message["event"] == "start":
                self._stream, self._handed = message["streamSid"], message["start"]["customParameters"]
                await self._begin()
            elif message["event"] == "media":
                await self._tell("input_audio_buffer.append", audio=message["media"]["payload"])
            elif message["event"] == "dtmf":
                await self._take_key(message["dtmf"]["digit"])

    async def speak(self) -> None:
        """Take what the model says, to its end."""
        async for frame in self._model:
            event = json.loads(frame)
            if event["type"] == "response.output_audio.delta":
                pcm = np.frombuffer(base64.b64decode(event["delta"]), dtype="<i2")
                await self._play(self._encode(self._resampler.resample_chunk(pcm)))
            elif event["type"] == "response.output_audio.done":
                await self._play(self._encode(self._resampler.resample_chunk(np.zeros(0, np.int16), last=True)))
                self._resampler.clear()
            elif event["type"] == "input_audio_buffer.speech_started":
                self._resampler.clear()
                while not self._waiting.empty():
                    self._waiting.get_nowait()
                await self._send("clear")
            elif event["type"] == "response.done":
                await self._finish(event["response"])

    async def send_in_time(self) -> None:
        """Send what waits as it is to be heard, and what is wrong with that on purpose, to the end of the call."""
        clock, due_s, number = asyncio.get_running_loop().time, 0.0, 0
        stalls_at = 15 if self._chosen.starves else 0  # frames
        while True:
            had_none = self._waiting.empty()
            wire = await self._waiting.get()
            due_s, number = max(due_s, clock()) if had_none else due_s, number + 1
            is_late = self._chosen.jitters and number % 15 == 0
            await asyncio.sleep(due_s + (0.035 if is_late else 0.0) - clock())
            await self._send("media", media={"payload": base64.b64encode(wire).decode()})
            due_s += len(wire) / 8000 + (0.15 if stalls_at and number % stalls_at == 0 else 0.0)

    async def _begin(self) -> None:
        sound, spoken = {"type": "audio/pcmu"}, {"type": "audio/pcm", "rate": 24_000}
        detection = {"type": "server_vad", "silence_duration_ms": self._chosen.silence_ms}
        audio = {"input": {"format": sound, "turn_detection": detection}, "output": {"format": spoken}}
        session = {"type": "realtime", "instructions": self._prompt, "tools": self._tools, "audio": audio}
        await self._tell("session.update", session=session)
        if self._chosen.greets:
            await self._tell("response.create")

    async def _take_key(self, key: str) -> None:
        """Take what was keyed in up to a # for the order number, and have the model answer that."""
        if key != "#":
            self._keyed += key
            return
        content = [{"type": "input_text", "text": f"My order number is {self._keyed}."}]
        self._keyed = ""
        item = {"type": "message", "role": "user", "content": content}
        await self._tell("conversation.item.create", item=item)
        await self._tell("response.create")

    async def _finish(self, response: dict[str, Any]) -> None:
        calls = [item for item in response["output"] if item["type"] == "function_call"]
        for call in calls:
            for _ in range(2 if self._chosen.calls_twice else 1):
                output = await self._ask_tool(call["name"], call["arguments"])
            item = {"type": "function_call_output", "call_id": call["call_id"], "output": output}
            await self._tell("conversation.item.create", item=item)
        if calls:
            await self._tell("response.create")
            return
        self._answered += 1
        if self._chosen.dies_after and self._answered >= self._chosen.dies_after:
            self._line.transport.abort()
        if self._chosen.hangs_up_after and self._answered >= self._chosen.hangs_up_after:
            await asyncio.sleep(6)  # until it has been heard
            await self._line.close()

    async def _ask_tool(self, name: str, arguments: str) -> str:
        """Ask where the call said its tools are; where it did not, or where they are not to be, the file has them."""
        url = self._handed.get("evalkit_tools_url")
        if self._chosen.own_tools or url is None:
            return json.dumps(self._answers.get(name, {"error": "unknown tool"}))
        request = Request(f"{url}/{name}", arguments.encode(), {"content-type": "application/json"})  # noqa: S310

        def ask() -> str:
            with urlopen(request, timeout=20) as answer:  # noqa: S310
                return str(answer.read().decode())

        return await asyncio.to_thread(ask)

    def _encode(self, pcm: Any) -> bytes:
        formats = {"ulaw": AudioFormat.G711_ULAW, "alaw": AudioFormat.G711_ALAW, "pcm16": AudioFormat.PCM16}
        return formats[self._chosen.encoding].to_wire(pcm)

    async def _play(self, wire: bytes) -> None:
        is_timed = self._chosen.paced or self._chosen.jitters or self._chosen.starves
        frame_bytes = 160 if is_timed else self._chosen.frame_bytes
        for begin in range(0, len(wire), frame_bytes):
            frame = wire[begin : begin + frame_bytes]
            if is_timed:
                self._waiting.put_nowait(frame)
            else:
                await self._send("media", media={"payload": base64.b64encode(frame).decode()})

    async def _send(self, event: str, **fields: Any) -> None:
        await self._line.send(json.dumps({"event": event, "streamSid": self._stream, **fields}))

    async def _tell(self, event_type: str, **fields: Any) -> None:
        await self._model.send(json.dumps({"type": event_type, **fields}))


async def answer(line: ServerConnection, chosen: argparse.Namespace) -> None:
    """Answer one call."""
    url = chosen.service.replace("http", "ws", 1) + "/realtime?model=local-agent"
    async with connect(url, compression=None, max_size=None) as model:
        bot = TelephoneBot(line, model, chosen)
        with contextlib.suppress(ConnectionClosed):
            tasks = [asyncio.create_task(work()) for work in (bot.hear, bot.speak, bot.send_in_time)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()


async def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser()
    for name in ("service", "prompt", "tools", "answers"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--frame-bytes", type=int, default=1100)
    parser.add_argument("--silence-ms", type=int, default=500)
    parser.add_argument("--hangs-up-after", type=int, default=0)
    parser.add_argument("--dies-after", type=int, default=0)
    parser.add_argument("--voice-rate", type=int, default=8000, help="of the sound that is sent as if it were 8 kHz")
    parser.add_argument("--encoding", choices=("ulaw", "alaw", "pcm16"), default="ulaw", help="of what is sent")
    parser.add_argument("--paced", action="store_true", help="send 20 ms at a time, as it is heard")
    parser.add_argument("--jitters", action="store_true", help="so, but every 15th frame 35 ms late")
    parser.add_argument("--starves", action="store_true", help="so, but 150 ms too late after every 15th frame")
    parser.add_argument("--greets", action="store_true")
    parser.add_argument("--own-tools", action="store_true")
    parser.add_argument("--calls-twice", action="store_true")
    chosen = parser.parse_args()
    async with serve(lambda line: answer(line, chosen), "127.0.0.1", 0, max_size=None) as server:
        sys.stdout.write(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        server.close(close_connections=True)


if __name__ == "__main__":
    asyncio.run(main())
