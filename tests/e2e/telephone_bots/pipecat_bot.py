"""A telephone bot with `pipecat-ai`, as its users build one: a cascade that finds the turns by itself.

``python pipecat_bot.py --service http://127.0.0.1:8080/v1 --prompt FILE`` prints its address and serves until its
standard input ends. Speech is found by Silero and the ends of turns by Smart Turn, both from its wheel; ears, voice and
model are those of any server that has the endpoints of OpenAI; tools are what the MCP server offers whose address a
call brings with it (`evalkit_mcp_url`). Several calls are held at once. It hangs up behind its own goodbye.

``--defect`` has it do one thing wrong:

===================  ===================================================================================
wrong_rate           takes the voice, which speaks at 24 kHz, for one at 8 kHz
calls_twice          asks each tool twice
misreports           takes every Tuesday that a tool tells it for a Friday
never_hangs_up       stays on the line when all is said
hasty                begins to answer while the caller is still speaking
===================  ===================================================================================
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from mcp.client.session_group import StreamableHttpParameters
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import EndWorkerFrame, Frame, LLMFullResponseEndFrame, LLMTextFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.mcp_service import MCPClient
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

DEFECTS = ("wrong_rate", "calls_twice", "misreports", "never_hangs_up", "hasty")
GREETING = "Hello, this is Brightwell Home. How can I help you?"
NO_KEY = "none"
TELEPHONE_HZ = 8000
VOICE_HZ = 24000
HASTY_S = 1.5


class HangUp(FrameProcessor):
    """Ends the call behind the bot's own goodbye."""

    def __init__(self) -> None:
        super().__init__()
        self._says_goodbye = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame, and pass it on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        match frame:
            case LLMTextFrame():
                self._says_goodbye = self._says_goodbye or "goodbye" in frame.text.lower()
            case LLMFullResponseEndFrame() if self._says_goodbye:
                await self.push_frame(EndWorkerFrame())  # it is spoken before that


def asked_twice(tool: FunctionSchema) -> FunctionSchema:
    """Return the tool as one that is asked twice whenever it is called; the second answer counts."""

    async def ask(params: FunctionCallParams) -> None:
        await tool.handler(replace(params, result_callback=_drop))
        await tool.handler(params)

    return FunctionSchema(tool.name, tool.description, tool.properties, tool.required, handler=ask)


async def _drop(*_: Any, **__: Any) -> None:
    """Take an answer that nobody waits for."""


def misreported(tool: FunctionSchema) -> FunctionSchema:
    """Return the tool as one whose answers are read wrongly."""

    async def ask(params: FunctionCallParams) -> None:
        async def tell(answer: Any, **more: Any) -> None:
            await params.result_callback(str(answer).replace("Tuesday", "Friday"), **more)

        await tool.handler(replace(params, result_callback=tell))

    return FunctionSchema(tool.name, tool.description, tool.properties, tool.required, handler=ask)


WRONG_TOOLS = {"calls_twice": asked_twice, "misreports": misreported}


@dataclass(frozen=True)
class Chosen:
    """What the bot is told when it starts."""

    service: str
    prompt: str
    defect: str | None


async def answer(line: WebSocket, chosen: Chosen) -> None:
    """Answer one call, to its end."""
    _, call = await parse_telephony_websocket(line)
    no_account = TwilioFrameSerializer.InputParams(auto_hang_up=False)
    serializer = TwilioFrameSerializer(call.stream_id, call.call_id, params=no_account)
    params = FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=serializer)
    transport = FastAPIWebsocketTransport(websocket=line, params=params)

    server = {"api_key": NO_KEY, "base_url": chosen.service}
    ears = OpenAISTTService(**server, settings=OpenAISTTService.Settings(model="local-transcription"))
    voice = OpenAITTSService(**server, settings=OpenAITTSService.Settings(model="local-speech", voice="marin"))
    told = OpenAILLMService.Settings(model="local-agent", system_instruction=chosen.prompt)
    model = OpenAILLMService(**server, settings=told)

    tools = await MCPClient(StreamableHttpParameters(url=call.body["evalkit_mcp_url"])).tools()
    if chosen.defect in WRONG_TOOLS:
        tools = ToolsSchema([WRONG_TOOLS[chosen.defect](tool) for tool in tools.standard_tools])
    # Who looks for a number may be silent for a second; Smart Turn decides behind that.
    listening = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=1.0)))
    user, assistant = LLMContextAggregatorPair(LLMContext(tools=tools), user_params=listening)

    leaving = [] if chosen.defect == "never_hangs_up" else [HangUp()]
    stages = [transport.input(), ears, user, model, *leaving, voice, transport.output(), assistant]
    output_hz = TELEPHONE_HZ if chosen.defect == "wrong_rate" else VOICE_HZ
    worker = PipelineWorker(Pipeline(stages), params=PipelineParams(audio_out_sample_rate=output_hz))

    @transport.event_handler("on_client_connected")
    async def _greet(*_: Any) -> None:
        await worker.queue_frame(TTSSpeakFrame(GREETING))

    if chosen.defect == "hasty":

        @user.event_handler("on_user_turn_started")
        async def _answer_at_once(*_: Any) -> None:
            await asyncio.sleep(HASTY_S)
            await worker.queue_frame(TTSSpeakFrame("Sure, one moment.", append_to_context=False))

    @transport.event_handler("on_client_disconnected")
    async def _end(*_: Any) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


def read_command_line() -> Chosen:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    for name in ("service", "prompt"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--defect", choices=DEFECTS)
    words = parser.parse_args()
    return Chosen(words.service, Path(words.prompt).read_text(encoding="utf-8"), words.defect)


async def serve(chosen: Chosen) -> None:
    """Serve until the standard input ends."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    app = FastAPI()

    @app.websocket("/ws")
    async def _take(line: WebSocket) -> None:
        await line.accept()
        await answer(line, chosen)

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    sys.stdout.write(f"ws://127.0.0.1:{listening.getsockname()[1]}/ws\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    asyncio.run(serve(read_command_line()))
