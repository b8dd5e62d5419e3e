"""A call with the `openai` package: audio goes up, typed events come down, tools are answered by hand."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from open_line import ANSWER, INSTRUCTIONS, TOOL_DESCRIPTION, TOOL_NAME, OpenLine, tell
from openai import AsyncOpenAI

TOOL = {
    "type": "function",
    "name": TOOL_NAME,
    "description": TOOL_DESCRIPTION,
    "parameters": {"type": "object", "properties": {"product": {"type": "string"}}, "required": ["product"]},
}


async def call(line: OpenLine) -> None:
    """Hold the call."""
    async with AsyncOpenAI(base_url=line.url, api_key="none").realtime.connect(model="local-agent") as connection:
        session: Any = {"type": "realtime", "instructions": INSTRUCTIONS, "tools": [TOOL]}
        await connection.session.update(session=session)
        downlink = asyncio.create_task(listen(connection, line))
        line.say(line.question)
        async for chunk in line.chunks():
            await connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())
            if downlink.done():
                return await downlink
        downlink.cancel()
    return None


async def listen(connection: Any, line: OpenLine) -> None:
    """Take events until the objection has been answered."""
    called = objected = interrupted = False
    async for event in connection:
        match event.type:
            case "error":
                tell("error", event.error.message)
            case "response.output_audio.delta" if called and not objected:
                objected = True
                line.say(line.objection)
            case "input_audio_buffer.speech_started" if objected:
                interrupted = True
                tell("interrupted")
            case "response.done" if interrupted and event.response.status == "completed":
                tell("answer", event.response.output[0].content[0].transcript)
                return
            case "response.done":
                for item in event.response.output:
                    if item.type == "function_call" and item.status == "completed":
                        called = True
                        tell("tool", json.loads(item.arguments))
                        output: Any = {"type": "function_call_output", "call_id": item.call_id, "output": ANSWER}
                        await connection.conversation.item.create(item=output)
                        await connection.response.create()


asyncio.run(call(OpenLine()))
