"""The SDK of Gemini's makers, against a server of Gemini Live: ``google_genai.py URL KEY QUESTION``.

It holds two sessions, one in which it says when it speaks, one in which the server finds that out, asks the question
(raw PCM16 of 16 kHz), answers the tool, and prints what it got. The SDK speaks to ``wss://`` only, so address and
encryption are set where it makes them; nothing else of it is touched.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from google import genai
from google.genai import types

TOOL = types.FunctionDeclaration(
    name="get_order_status",
    description="Look up where an order is and when it will arrive.",
    parameters=types.Schema(
        type=types.Type.OBJECT,
        properties={"order_id": types.Schema(type=types.Type.STRING, description="Order number.")},
        required=["order_id"],
    ),
)
CHUNK = 640  # 20 ms


def config(*, ours: bool) -> types.LiveConnectConfig:
    """Return what a session is set up with. `ours`: the client says when it speaks."""
    detection = types.AutomaticActivityDetection(disabled=True if ours else None)
    return types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        system_instruction="You are the assistant of a shop. Look orders up.",
        tools=[types.Tool(function_declarations=[TOOL])],
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        realtime_input_config=types.RealtimeInputConfig(automatic_activity_detection=detection),
    )


async def speak(session: Any, sound: bytes, *, ours: bool) -> None:
    """Say `sound` at the speed of speech, and silence behind it where the server is to find its end."""
    if ours:
        await session.send_realtime_input(activity_start=types.ActivityStart())
    whole = sound if ours else sound + bytes(CHUNK * 100)
    for begin in range(0, len(whole), CHUNK):
        blob = types.Blob(data=whole[begin : begin + CHUNK], mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=blob)
        await asyncio.sleep(0.02)
    if ours:
        await session.send_realtime_input(activity_end=types.ActivityEnd())


async def listen(session: Any) -> dict[str, Any]:
    """Hear the answer out, and return what came."""
    got: dict[str, Any] = {"calls": [], "words": "", "heard": "", "sound_s": 0.0, "tokens": 0}
    async for message in session.receive():
        if message.tool_call:
            got["calls"] += [{"name": call.name, "args": call.args} for call in message.tool_call.function_calls]
            answer = {"status": "out for delivery", "expected_delivery": "Tuesday, March 3rd"}
            await session.send_tool_response(
                function_responses=[
                    types.FunctionResponse(id=call.id, name=call.name, response={"output": answer})
                    for call in message.tool_call.function_calls
                ]
            )
        if message.data:
            got["sound_s"] += len(message.data) / 48000
        if message.usage_metadata:
            got["tokens"] += message.usage_metadata.total_token_count
        content = message.server_content
        if content and content.output_transcription:
            got["words"] += content.output_transcription.text or ""
        if content and content.input_transcription:
            got["heard"] += content.input_transcription.text or ""
    return got


async def main(url: str, key: str, question: bytes) -> None:
    """Hold both sessions."""
    client = genai.Client(api_key=key)
    client._api_client._websocket_base_url = lambda *_: url.removesuffix("/ws")
    client._api_client._websocket_ssl_ctx = {}
    for ours in (True, False):
        async with client.aio.live.connect(model="gemini-live-2.5-flash-preview", config=config(ours=ours)) as session:
            speaking = asyncio.create_task(speak(session, question, ours=ours))
            got = await listen(session)
            await speaking
        sys.stdout.write(json.dumps({"turns": "client" if ours else "server", **got}) + "\n")
        sys.stdout.flush()


asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_bytes()))
