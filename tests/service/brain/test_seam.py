"""Any brain fits the seam, and a slow one holds up nobody but who asked it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator

import pytest
import uvicorn
from openai import AsyncOpenAI

from evalkit.service.app import create_app
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.brain.conversation import Conversation, Reply, Sentence, UserTurn
from evalkit.service.line import LineProtocol


class SlowBrain:
    """A brain that answers `slow` when it is told to, and `quick` at once."""

    models = ("slow", "quick")

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.asked = asyncio.Event()

    def knows(self, model: str) -> bool:
        """Whether it has it."""
        return model in self.models

    def thinks_elsewhere(self, model: str) -> bool:
        """Never."""
        return False

    async def think(self, model: str, conversation: Conversation) -> AsyncGenerator[Sentence | Reply, None]:
        """Yield who answers."""
        if model == "slow":
            self.asked.set()
            await self.may_answer.wait()
        assert isinstance(conversation.items[-1], UserTurn)
        yield Reply(f"This is {model}.")

    async def aclose(self) -> None:
        """Have nothing to let go."""


@pytest.fixture
async def served(fake_speech, fake_transcription) -> Iterator[tuple[SlowBrain, str]]:
    """A service whose brain is slow, and its address."""
    brain = SlowBrain()
    app = create_app(brain=brain, engines=AudioEngines(fake_speech, fake_transcription))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, ws=LineProtocol))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)
    yield brain, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    server.should_exit = True
    await serving


async def _answer(client: AsyncOpenAI, model: str) -> str:
    async with client.realtime.connect(model=model) as connection:
        message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello?"}]}
        await connection.conversation.item.create(item=message)
        await connection.response.create(response={"output_modalities": ["text"]})
        while True:
            event = json.loads(await connection.recv_bytes())
            if event["type"] == "response.done":
                return event["response"]["output"][0]["content"][0]["text"]


async def test_a_slow_brain_holds_up_no_other_session(served):
    """While one session waits for its reply, others are answered, over the socket and in text."""
    brain, url = served
    async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client, asyncio.timeout(20):
        waiting = asyncio.create_task(_answer(client, "slow"))
        await brain.asked.wait()
        assert await _answer(client, "quick") == "This is quick."
        assert (await client.responses.create(model="quick", input="Hello?")).output_text == "This is quick."
        assert not waiting.done()
        brain.may_answer.set()
        assert await waiting == "This is slow."
