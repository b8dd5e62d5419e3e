"""A call with `livekit-agents`, without a room: its agent session hears and plays through this file's line."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice import io
from livekit.plugins import openai
from open_line import ANSWER, INSTRUCTIONS, RATE_HZ, TOOL_DESCRIPTION, TOOL_NAME, OpenLine, tell


class Uplink(io.AudioInput):
    """What the caller says."""

    def __init__(self, line: OpenLine) -> None:
        super().__init__(label="line")
        self._chunks = line.chunks()

    async def __anext__(self) -> rtc.AudioFrame:
        chunk = await anext(self._chunks)
        return rtc.AudioFrame(chunk, RATE_HZ, 1, len(chunk) // 2)


class Downlink(io.AudioOutput):
    """What the caller hears, in real time."""

    def __init__(self, line: OpenLine) -> None:
        super().__init__(label="line", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE_HZ)
        self.line = line
        self.called = False
        self.objected = False
        self._begun: float | None = None
        self._length_s = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Play a frame after those before it."""
        await super().capture_frame(frame)
        if self._begun is None:
            self._begun = time.monotonic()
            self.on_playback_started(created_at=time.time())
        self._length_s += frame.duration
        if self.called and not self.objected:
            self.objected = True
            self.line.say(self.line.objection)

    def flush(self) -> None:
        """Finish when everything has been played."""
        super().flush()
        if self._begun is not None:
            left_s = max(self._begun + self._length_s - time.monotonic(), 0)
            self._end = asyncio.get_running_loop().call_later(left_s, lambda: self._finish(interrupted=False))

    def clear_buffer(self) -> None:
        """Stop playing."""
        if self._end is not None:
            self._end.cancel()
        if self._begun is not None:
            self._finish(interrupted=True)

    def _finish(self, *, interrupted: bool) -> None:
        begun, length_s = self._begun, self._length_s
        self._begun, self._length_s, self._end = None, 0.0, None
        if begun is not None:
            played_s = min(time.monotonic() - begun, length_s)
            self.on_playback_finished(playback_position=played_s, interrupted=interrupted)
        if interrupted and self.objected:
            tell("interrupted")


async def call(line: OpenLine) -> None:
    """Hold the call."""
    downlink = Downlink(line)
    answered = asyncio.Event()

    @function_tool(name=TOOL_NAME, description=TOOL_DESCRIPTION)
    async def check_stock(product: str) -> str:
        tell("tool", {"product": product})
        downlink.called = True
        return ANSWER

    session: AgentSession[Any] = AgentSession(
        llm=openai.realtime.RealtimeModel(model="local-agent", base_url=line.url, api_key="none"),
        aec_warmup_duration=None,  # else it sends silence for its first 3 s of speech: on this line nothing echoes
    )
    interrupted = False

    @session.on("conversation_item_added")
    def added(event: Any) -> None:
        nonlocal interrupted
        if getattr(event.item, "role", "") != "assistant" or not downlink.objected:
            return
        if event.item.interrupted:
            interrupted = True
        elif interrupted:
            tell("answer", event.item.text_content)
            answered.set()

    @session.on("error")
    def failed(event: Any) -> None:
        tell("error", str(event.error))

    session.input.audio = Uplink(line)
    session.output.audio = downlink
    await session.start(Agent(instructions=INSTRUCTIONS, tools=[check_stock]))
    line.say(line.question)
    await asyncio.wait_for(answered.wait(), 100)
    await session.aclose()


asyncio.run(call(OpenLine()))
