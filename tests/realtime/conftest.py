"""A scripted peer on a real loopback socket, a clock that tests advance, and scripts of valid responses."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response


class Peer:
    """The server's side of one connection: reads and writes JSON, and can misbehave.

    What it reads that ends an utterance it acknowledges, as the protocol has it, unless `is_silent_of_input`.
    """

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.is_silent_of_input = False
        self.heard: list[dict[str, Any]] = []
        self._sent = 0

    async def hear(self, event_type: str) -> dict[str, Any]:
        """Read up to the next event of that type."""
        while True:
            event: dict[str, Any] = json.loads(await self.socket.recv())
            self.heard.append(event)
            if event["type"] == "input_audio_buffer.commit" and not self.is_silent_of_input:
                await self.say("input_audio_buffer.committed")
            if event["type"] == event_type:
                return event

    async def say(self, event_type: str, **fields: Any) -> None:
        self._sent += 1
        await self.socket.send(json.dumps({"type": event_type, "event_id": f"event_{self._sent}", **fields}))

    async def accept_session(self) -> dict[str, Any]:
        """Say hello and take the client's session."""
        await self.say("session.created", session={"type": "realtime", "model": "peer-1"})
        update = await self.hear("session.update")
        await self.say("session.updated", session={**update["session"], "model": "peer-1"})
        return update

    async def begin_response(self, response_id: str = "resp_1") -> None:
        await self.hear("response.create")
        await self.say("response.created", response={"id": response_id, "status": "in_progress"})

    async def say_audio(self, audio: bytes, transcript: str, response_id: str = "resp_1") -> None:
        """Speak: one audio delta and one transcript delta."""
        ids = {"response_id": response_id, "item_id": "item_1", "output_index": 0, "content_index": 0}
        await self.say("response.output_audio_transcript.delta", delta=transcript, **ids)
        await self.say("response.output_audio.delta", delta=base64.b64encode(audio).decode(), **ids)

    async def end_response(self, response_id: str = "resp_1", **fields: Any) -> None:
        await self.say("response.done", response={"id": response_id, "status": "completed", "output": [], **fields})


Script = Callable[[Peer], Awaitable[None]]
Gate = Callable[[ServerConnection, Request], Response | None]
StartPeer = Callable[..., Awaitable[str]]


@pytest.fixture
async def start_peer() -> AsyncIterator[StartPeer]:
    """Start a peer that plays `script` on each connection; returns its address. A peer that ends its script stays."""
    servers: list[Server] = []

    async def start(script: Script, *, gate: Gate | None = None) -> str:
        async def play(socket: ServerConnection) -> None:
            with contextlib.suppress(ConnectionClosed):
                await script(Peer(socket))
                await socket.wait_closed()

        server = await serve(play, "127.0.0.1", 0, process_request=gate, max_size=None, close_timeout=1)
        servers.append(server)
        return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/realtime?model=m&key=query-secret"

    yield start
    for server in servers:
        server.close(close_connections=True)
        await server.wait_closed()
