"""A server of Gemini Live in a process of its own, in front of a realtime model: one protocol put into the other.

``python gemini_application.py --service http://127.0.0.1:8080/v1`` prints its address and serves until its standard
input ends. The model's prompt, tools and detection are what the client sets up; sound goes in at 16 kHz and comes out
at 24 kHz. With ``--key`` it takes no session without it, in the header or behind the address. What it does wrong on
purpose, ``--defect`` says.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import re
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

DEFECTS = ("deaf", "wrong_rate", "cancels", "leaves", "drops", "garbled", "odd_chunks")
_FIELDS = frozenset(
    {
        "realtime_input", "tool_response", "function_responses", "client_content", "turn_complete", "mime_type",
        "automatic_activity_detection", "prefix_padding_ms", "silence_duration_ms",
    }
)  # fmt: skip
_PCM = {"type": "audio/pcm", "rate": 24000}


class GeminiSide:
    """One session."""

    def __init__(self, line: ServerConnection, model: ClientConnection, defect: str) -> None:
        self._line, self._model, self._defect = line, model, defect
        self._detects = False
        self._names: dict[str, str] = {}
        self._played_until_s = 0.0
        self._playing: asyncio.Task[None] | None = None
        self._last_sample = np.zeros(1, dtype=np.int16)

    async def hear(self) -> None:
        """Take what the client says, to its end."""
        async for frame in self._line:
            message = _camel(json.loads(frame))
            if "setup" in message:
                await self._set_up(message["setup"])
            elif "realtimeInput" in message:
                await self._take_input(message["realtimeInput"])
            elif "clientContent" in message:
                await self._take_content(message["clientContent"])
            elif "toolResponse" in message:
                await self._take_outputs(message["toolResponse"]["functionResponses"])

    async def speak(self) -> None:
        """Take what the model says, to its end."""
        async for frame in self._model:
            event = json.loads(frame)
            kind = event["type"]
            if kind == "session.updated" and self._defect != "deaf":
                await self._say({"setupComplete": {}})
            elif kind == "response.output_audio.delta":
                await self._play(base64.b64decode(event["delta"]))
            elif kind == "response.output_audio_transcript.delta":
                await self._say({"serverContent": {"outputTranscription": {"text": event["delta"]}}})
            elif kind == "conversation.item.input_audio_transcription.completed":
                await self._say({"serverContent": {"inputTranscription": {"text": event["transcript"]}}})
            elif kind == "input_audio_buffer.speech_started":
                await self._stop_playing()
            elif kind == "response.done":
                await self._finish(event["response"])

    async def _set_up(self, setup: Mapping[str, Any]) -> None:
        detection = setup.get("realtimeInputConfig", {}).get("automaticActivityDetection", {})
        self._detects = not detection.get("disabled", False)
        asked = {"type": "server_vad"}
        for key, name in (("prefixPaddingMs", "prefix_padding_ms"), ("silenceDurationMs", "silence_duration_ms")):
            asked |= {name: detection[key]} if key in detection else {}
        declared = [each for tool in setup.get("tools", []) for each in tool["functionDeclarations"]]
        prompt = setup.get("systemInstruction", {"parts": []})
        session = {
            "type": "realtime",
            "instructions": "".join(part.get("text", "") for part in prompt["parts"]),
            "tools": [_tool(each) for each in declared],
            "audio": {
                "input": {
                    "format": _PCM,
                    "turn_detection": asked if self._detects else None,
                    "transcription": {"model": "local-transcription"},
                },
                "output": {"format": _PCM},
            },
        }
        await self._tell("session.update", session=session)

    async def _take_input(self, told: Mapping[str, Any]) -> None:
        if "audio" in told:
            assert told["audio"]["mimeType"] == "audio/pcm;rate=16000"
            wire = self._resample(base64.urlsafe_b64decode(told["audio"]["data"]))
            await self._tell("input_audio_buffer.append", audio=base64.b64encode(wire).decode())
        elif "activityEnd" in told:
            await self._tell("input_audio_buffer.commit")
            await self._tell("response.create")

    async def _take_content(self, content: Mapping[str, Any]) -> None:
        for turn in content.get("turns", []):
            parts = [{"type": "input_text", "text": part["text"]} for part in turn["parts"]]
            await self._tell("conversation.item.create", item={"type": "message", "role": "user", "content": parts})
        if content.get("turnComplete"):
            await self._tell("response.create")

    async def _take_outputs(self, responses: list[dict[str, Any]]) -> None:
        for response in responses:
            assert response["name"] == self._names[response["id"]]
            output = response["response"].get("output", response["response"])
            item = {"type": "function_call_output", "call_id": response["id"], "output": json.dumps(output)}
            await self._tell("conversation.item.create", item=item)
        await self._tell("response.create")

    async def _finish(self, response: Mapping[str, Any]) -> None:
        if response["status"] == "cancelled":
            self._played_until_s = 0.0
            await self._say({"serverContent": {"interrupted": True}})
            await self._say({"serverContent": {"turnComplete": True}})
            return
        usage = {"usageMetadata": _usage(response["usage"])} if response.get("usage") else {}
        calls = [item for item in response["output"] if item["type"] == "function_call"]
        if calls:
            self._names |= {call["call_id"]: call["name"] for call in calls}
            told = [{"id": c["call_id"], "name": c["name"], "args": json.loads(c["arguments"])} for c in calls]
            await self._say({"toolCall": {"functionCalls": told}, **usage})
            if self._defect == "cancels":
                await self._say({"toolCallCancellation": {"ids": [call["call_id"] for call in calls]}})
            return
        if self._defect == "leaves":
            await self._say({"goAway": {"timeLeft": "1s"}})
            await self._line.close(1001)
        elif self._defect == "garbled":
            await self._line.send(b'{"serverContent": {')
        await self._say({"serverContent": {"generationComplete": True}})
        if self._detects:
            self._playing = asyncio.create_task(self._end_when_played(usage))
        else:
            await self._say({"serverContent": {"turnComplete": True}, **usage})

    async def _end_when_played(self, usage: Mapping[str, Any]) -> None:
        """End the turn when its sound is taken to have been heard."""
        await asyncio.sleep(self._played_until_s - asyncio.get_running_loop().time())
        with contextlib.suppress(ConnectionClosed):
            await self._say({"serverContent": {"turnComplete": True}, **usage})

    async def _stop_playing(self) -> None:
        """Say that the caller cut in, where a whole answer is still taken to be heard."""
        if self._playing is not None and not self._playing.done():
            self._playing.cancel()
            await self._say({"serverContent": {"interrupted": True}})
            await self._say({"serverContent": {"turnComplete": True}})

    async def _play(self, wire: bytes) -> None:
        if self._defect == "drops":
            self._line.transport.abort()
        rate = 16000 if self._defect == "wrong_rate" else 24000
        now_s = asyncio.get_running_loop().time()
        self._played_until_s = max(now_s, self._played_until_s) + len(wire) / 48000
        size = 1001 if self._defect == "odd_chunks" else 9600
        for begin in range(0, len(wire), size):
            data = base64.b64encode(wire[begin : begin + size]).decode()
            part = {"inlineData": {"mimeType": f"audio/pcm;rate={rate}", "data": data}}
            await self._say({"serverContent": {"modelTurn": {"role": "model", "parts": [part]}}})

    def _resample(self, wire: bytes) -> bytes:
        """Return PCM16 of 16 kHz at 24 kHz: three samples for two, on straight lines."""
        pcm = np.concatenate([self._last_sample, np.frombuffer(wire, dtype="<i2")])
        self._last_sample = pcm[-1:]
        places = np.arange(1, (pcm.size - 1) * 3 // 2 + 1) * 2 / 3
        return np.interp(places, np.arange(pcm.size), pcm).astype("<i2").tobytes()

    async def _say(self, message: Mapping[str, Any]) -> None:
        await self._line.send(json.dumps(message).encode())

    async def _tell(self, event_type: str, **fields: Any) -> None:
        await self._model.send(json.dumps({"type": event_type, **fields}))


def _camel(value: Any) -> Any:
    """Return a message with the names of its fields as the protocol writes them: clients may write them otherwise."""
    if isinstance(value, dict):
        return {
            re.sub("_([a-z])", lambda m: m[1].upper(), key) if key in _FIELDS else key: _camel(inner)
            for key, inner in value.items()
        }
    return [_camel(each) for each in value] if isinstance(value, list) else value


def _tool(declared: Mapping[str, Any]) -> dict[str, Any]:
    parameters = _lower(declared.get("parameters", {"type": "OBJECT", "properties": {}}))
    described = {"name": declared["name"], "description": declared.get("description", "")}
    return {"type": "function", **described, "parameters": parameters}


def _lower(schema: Mapping[str, Any]) -> dict[str, Any]:
    lowered = dict(schema)
    if isinstance(schema.get("type"), str):
        lowered["type"] = schema["type"].lower()
    if "properties" in schema:
        lowered["properties"] = {name: _lower(each) for name, each in schema["properties"].items()}
    return lowered


def _usage(told: Mapping[str, Any]) -> dict[str, Any]:
    asked, made = told.get("input_token_details") or {}, told.get("output_token_details") or {}

    def by_modality(details: Mapping[str, Any]) -> list[dict[str, Any]]:
        named = {"TEXT": details.get("text_tokens"), "AUDIO": details.get("audio_tokens")}
        return [{"modality": key, "tokenCount": count} for key, count in named.items() if count]

    return {
        "promptTokenCount": told["input_tokens"],
        "responseTokenCount": told["output_tokens"],
        "totalTokenCount": told["total_tokens"],
        "promptTokensDetails": by_modality(asked),
        "responseTokensDetails": by_modality(made),
    }


async def answer(line: ServerConnection, chosen: argparse.Namespace) -> None:
    """Hold one session."""
    url = chosen.service.replace("http", "ws", 1) + "/realtime?model=local-agent"
    async with connect(url, compression=None, max_size=None) as model:
        side = GeminiSide(line, model, chosen.defect)
        with contextlib.suppress(ConnectionClosed):
            tasks = [asyncio.create_task(side.hear()), asyncio.create_task(side.speak())]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            for task in done:
                task.result()


def guard(chosen: argparse.Namespace, line: ServerConnection, request: Request) -> Response | None:
    """Refuse who does not have the key."""
    offered = {request.headers.get("x-goog-api-key"), *parse_qs(urlsplit(request.path).query).get("key", [])}
    return None if chosen.key in (None, *offered) else line.respond(HTTPStatus.FORBIDDEN, "a key is needed\n")


async def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", required=True)
    parser.add_argument("--key")
    parser.add_argument("--defect", choices=DEFECTS, default="")
    chosen = parser.parse_args()
    async with serve(
        lambda line: answer(line, chosen), "127.0.0.1", 0, max_size=None,
        process_request=lambda line, request: guard(chosen, line, request),
    ) as server:  # fmt: skip
        sys.stdout.write(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        server.close(close_connections=True)


if __name__ == "__main__":
    asyncio.run(main())
