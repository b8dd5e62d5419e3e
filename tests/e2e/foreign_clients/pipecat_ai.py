"""A call with `pipecat-ai`: a default bot, whose realtime service leaves turns to the server."""

from __future__ import annotations

import asyncio
from typing import Any

from loguru import logger
from open_line import ANSWER, INSTRUCTIONS, RATE_HZ, TOOL_DESCRIPTION, TOOL_NAME, OpenLine, tell
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

TOOL = FunctionSchema(TOOL_NAME, TOOL_DESCRIPTION, properties={"product": {"type": "string"}}, required=["product"])


class Listener(FrameProcessor):
    """What comes out of the bot."""

    def __init__(self, line: OpenLine) -> None:
        super().__init__()
        self.line = line
        self.called = False
        self.done = asyncio.Event()
        self._objected = False
        self._interrupted = False
        self._words: list[str] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame, and pass it on."""
        await super().process_frame(frame, direction)
        match frame:
            case ErrorFrame():
                tell("error", str(frame.error))
            case TTSAudioRawFrame() if self.called and not self._objected:
                self._objected = True
                self.line.say(self.line.objection)
            case InterruptionFrame() if self._objected and not self._interrupted:
                self._interrupted = True
                self._words.clear()
                tell("interrupted")
            case TTSTextFrame():
                self._words.append(frame.text)
            case LLMFullResponseEndFrame() if self._interrupted and self._words:
                tell("answer", "".join(self._words))
                self.done.set()
        await self.push_frame(frame, direction)


async def call(line: OpenLine) -> None:
    """Hold the call."""
    settings = OpenAIRealtimeLLMService.Settings(model="local-agent", system_instruction=INSTRUCTIONS)
    url = line.url.replace("http", "ws", 1) + "/realtime"
    llm = OpenAIRealtimeLLMService(api_key="none", base_url=url, settings=settings)
    listener = Listener(line)

    async def check_stock(params: Any) -> None:
        tell("tool", dict(params.arguments))
        listener.called = True
        await params.result_callback({"answer": ANSWER})

    llm.register_function(TOOL_NAME, check_stock)
    context = LLMContext(tools=ToolsSchema(standard_tools=[TOOL]))
    user, assistant = LLMContextAggregatorPair(context)
    rates = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
    worker = PipelineWorker(Pipeline([user, llm, listener, assistant]), params=rates)

    async def talk() -> None:
        await worker.queue_frame(LLMRunFrame())
        line.say(line.question)
        async for chunk in line.chunks():
            await worker.queue_frame(InputAudioRawFrame(audio=chunk, sample_rate=RATE_HZ, num_channels=1))
            if listener.done.is_set():
                break
        await worker.cancel()

    talking = asyncio.create_task(talk())
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
    await talking


logger.remove()
asyncio.run(call(OpenLine()))
