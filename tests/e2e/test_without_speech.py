"""A walk needs an assistant that hears and speaks, and nobody who speaks texts: no speech endpoint, model or key."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
import pytest
import uvicorn
import yaml
from harness import Cli
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

QUICK = "report.plots=false"
_HOP_BY_HOP = ("host", "content-length", "connection", "transfer-encoding", "content-encoding", "date", "server")


@dataclass
class SpeechlessServer:
    """Passes everything on to a service, but for speech: that endpoint it has not. Remembers which paths were asked."""

    behind: str
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        """Return it as an application."""
        return Starlette(
            routes=[
                WebSocketRoute("/v1/realtime", self._converse),
                Route("/v1/audio/speech", self._refuse, methods=["POST"]),
                Route("/v1/{path:path}", self._pass_on, methods=["GET", "POST"]),
            ]
        )

    async def _refuse(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return JSONResponse({"error": {"message": "no such endpoint"}}, 404)

    async def _pass_on(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
        async with httpx2.AsyncClient(timeout=60) as client:
            url = f"{self.behind}/{request.path_params['path']}"
            answer = await client.request(request.method, url, content=await request.body(), headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
        return Response(answer.content, answer.status_code, kept)

    async def _converse(self, caller: WebSocket) -> None:
        self.asked.append(caller.url.path)
        await caller.accept()
        url = f"{self.behind.replace('http', 'ws', 1)}/realtime?{caller.url.query}"
        async with connect(url, max_size=None) as service:
            ways = [asyncio.create_task(_to_service(caller, service)), asyncio.create_task(_to_caller(service, caller))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)


async def _to_service(caller: WebSocket, service: ClientConnection) -> None:
    with suppress(WebSocketDisconnect, ConnectionClosed):
        while True:
            await service.send(await caller.receive_text())


async def _to_caller(service: ClientConnection, caller: WebSocket) -> None:
    with suppress(ConnectionClosed):
        async for message in service:
            await caller.send_text(str(message))


@pytest.fixture
def house(service_url: str) -> Iterator[SpeechlessServer]:
    """A server of one's own, without a speech endpoint."""
    speechless = SpeechlessServer(service_url)
    config = uvicorn.Config(speechless.app(), host="127.0.0.1", port=0, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    speechless.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1"
    yield speechless
    server.should_exit = True
    thread.join(timeout=20)


def test_a_walk_runs_against_a_server_that_cannot_speak_texts(cli: Cli, house: SpeechlessServer) -> None:
    """Recordings are played and answers are listened to; no speech role is in the config, and none was asked."""
    done = cli("mode=walk", "provider=compatible", f"provider.base_url={house.url}", "max_examples=2", QUICK)
    assert done.code == 0, done.err
    assert [row["status"] for row in done.rows] == ["ok", "ok"]
    assert {row["audio_text_mismatch_grade"] for row in done.rows} == {"1"}
    assert set(house.asked) == {"/v1/realtime", "/v1/audio/transcriptions"}
    config = yaml.safe_load((done.directory / "config.yaml").read_text(encoding="utf-8"))
    assert not {"speech", "simulator", "voice"} & set(config)
    assert set(config["provider"]["models"]) == {"assistant", "judge", "transcription"}


def test_a_crawl_against_it_loses_its_cases_to_infrastructure(cli: Cli, house: SpeechlessServer) -> None:
    """The server really has no speech, and whoever needs it is told at which stage."""
    done = cli("mode=crawl", "provider=compatible", f"provider.base_url={house.url}", "max_examples=1", QUICK)
    assert done.code == 3
    (row,) = done.rows
    assert (row["failure_stage"], row["fault"]) == ("speech", "infrastructure")
    assert "/v1/audio/speech" in house.asked
