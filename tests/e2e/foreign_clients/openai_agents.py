"""A call with `openai-agents`: its runner holds the session, calls the tool and cuts the answer where it was heard."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner
from open_line import ANSWER, INSTRUCTIONS, TOOL_DESCRIPTION, TOOL_NAME, OpenLine, tell


@function_tool(name_override=TOOL_NAME, description_override=TOOL_DESCRIPTION)
def check_stock(product: str) -> str:
    """Answer about the stock."""
    tell("tool", {"product": product})
    return ANSWER


async def call(line: OpenLine) -> None:
    """Hold the call."""
    agent = RealtimeAgent(name="Shop", instructions=INSTRUCTIONS, tools=[check_stock])
    runner = RealtimeRunner(agent, config={"tracing_disabled": True, "model_settings": {"model_name": "local-agent"}})
    url = line.url.replace("http", "ws", 1) + "/realtime?model=local-agent"
    async with await runner.run(model_config={"url": url, "api_key": "none"}) as session:
        downlink = asyncio.create_task(listen(session, line))
        line.say(line.question)
        async for chunk in line.chunks():
            await session.send_audio(chunk)
            if downlink.done():
                return await downlink
        downlink.cancel()
    return None


async def listen(session: Any, line: OpenLine) -> None:
    """Take events until the objection has been answered."""
    called = objected = interrupted = answering = False
    answer = ""
    async for event in session:
        match event.type:
            case "error":
                tell("error", str(event.error))
            case "tool_end":
                called = True
            case "audio" if called and not objected:
                objected = True
                line.say(line.objection)
            case "audio_interrupted" if objected and not interrupted:
                interrupted = True
                tell("interrupted")
            case "agent_start":
                answering = interrupted
            case "history_updated" | "history_added":
                answer = words(event) or answer
            case "agent_end" if answering:
                tell("answer", answer)
                return


def words(event: Any) -> str:
    """Return what the agent said last, as the history in `event` has it; "" where it does not say."""
    items = event.history if event.type == "history_updated" else [event.item]
    said = [item for item in items if getattr(item, "role", "") == "assistant"]
    return " ".join(part.transcript or "" for part in said[-1].content) if said else ""


asyncio.run(call(OpenLine()))
