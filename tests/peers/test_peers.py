"""Who a run talks to: each role's address, key, engine and cache, from its settings."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from evalkit.compose.planning import plan
from evalkit.peers.peers import Peers, open_peers
from evalkit.peers.pricing import price_table
from evalkit.providers.cache import ContentCache, open_cache
from evalkit.providers.chat import ChatModel
from evalkit.providers.clients import Clients
from evalkit.providers.responses import ResponsesModel
from evalkit.providers.text_model import Answer
from evalkit.records.record import Usage
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings

KEY = "sk-secret-of-the-house"


def _peers(folder: Path, *overrides: str, url: str | None = "http://127.0.0.1:9/v1") -> Peers:
    _, settings = read_settings(plan(overrides, packaged_source()).jobs[0].config, Path.cwd())
    return Peers(settings, Clients({}), ContentCache(folder), price_table(settings), url)


class SpeakingServer:
    """Speaks a tenth of a second of silence, and counts."""

    def __init__(self) -> None:
        self.asked = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                owner.asked += 1
                body = bytes(4800)
                self.send_response(200)
                self.send_header("Content-Type", "audio/pcm")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def servers() -> Iterator[list[SpeakingServer]]:
    found = [SpeakingServer(), SpeakingServer()]
    yield found
    for server in found:
        server.close()


def test_a_realtime_model_is_where_its_role_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each role at its own provider, with that provider's key, which is never shown."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    peers = _peers(tmp_path, "mode=run", "provider@simulator.provider=openai")
    assistant, caller = peers.realtime("assistant", "a"), peers.realtime("simulator", "b")
    assert (assistant.url, dict(assistant.headers)) == ("ws://127.0.0.1:9/v1/realtime?model=a", {})
    assert caller.url == "wss://api.openai.com/v1/realtime?model=b"
    assert caller.headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(caller)


def test_a_judge_is_there_where_a_model_is_named(tmp_path: Path) -> None:
    """The embedded one is free and changes with the version, so its answers are not kept; a hosted one's are."""
    embedded = _peers(tmp_path, "judge.votes=3").judge()
    assert embedded is not None
    assert (embedded.model, embedded.votes, embedded.cache) == ("local-judge", 3, None)
    hosted = _peers(tmp_path, "provider@judge.provider=openai").judge()
    assert hosted is not None
    assert hosted.cache is not None
    assert hosted.identity == "https://api.openai.com/v1"
    azure = ("provider@judge.provider=azure", "judge.provider.base_url=https://house.example/openai/v1")
    assert _peers(tmp_path, *azure).judge() is None


def test_a_text_model_is_asked_through_the_api_of_its_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks does not care; a judge is a text model too. What the provider says an answer cost is its cost."""
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    spoken = _peers(tmp_path, "mode=run", "provider@judge.provider=openrouter", "judge.model=a/b")
    assert isinstance(spoken.text("simulator", "m"), ResponsesModel)
    assert isinstance(spoken.text("judge", "m"), ChatModel)
    judge = spoken.judge()
    assert judge is not None
    assert isinstance(judge.source, ChatModel)
    chatty = _peers(tmp_path, "provider.text_api=chat").judge()
    assert chatty is not None
    assert isinstance(chatty.source, ChatModel)
    usage = Usage(input_tokens=1_000_000, input_text_tokens=1_000_000, output_tokens=0)
    answer = Answer("", None, "", usage, "m")
    assert spoken.cost_usd(answer, "local-judge") == 0.0
    assert spoken.cost_usd(answer, "a/b") is None
    assert spoken.cost_usd(replace(answer, cost_usd=0.5), "a/b") == 0.5


def test_nobody_listens_where_the_provider_has_no_model_for_it(tmp_path: Path) -> None:
    """Whether that is a problem is the graders' business."""
    assert _peers(tmp_path).transcription() is not None
    assert _peers(tmp_path, "provider.models.transcription=null").transcription() is None


async def test_what_an_engine_has_spoken_is_known_wherever_it_runs(
    tmp_path: Path, servers: list[SpeakingServer]
) -> None:
    """The embedded provider's port is no part of what the cache knows; its engine is, and so is the voice."""
    first, second = servers
    lines = [
        (first, ("service.speech=pico",)),
        (second, ("service.speech=pico",)),
        (second, ("service.speech=hibari",)),
        (second, ("service.speech=hibari", "speech.voice=cedar")),
    ]
    cached = []
    for server, line in lines:
        peers = _peers(tmp_path, *line, url=server.url)
        settings = read_settings(plan(line, packaged_source()).jobs[0].config, Path.cwd())[1]
        cached.append((await peers.speech(settings.speech).synthesise("Hello.")).cached)
        await peers.clients.aclose()
    assert cached == [False, True, False, False]
    assert (first.asked, second.asked) == (1, 2)


async def test_a_voice_and_speed_may_be_another_than_the_roles(tmp_path: Path, servers: list[SpeakingServer]) -> None:
    """As a simulation's caller has one; what was spoken so is another sound."""
    peers = _peers(tmp_path, url=servers[0].url)
    role = read_settings(plan([], packaged_source()).jobs[0].config, Path.cwd())[1].speech
    spoken = [peers.speech(role), peers.speech(role, voice="cedar"), peers.speech(role, speed=1.5), peers.speech(role)]
    assert [(await speech.synthesise("Hello.")).cached for speech in spoken] == [False, False, False, True]
    await peers.clients.aclose()


async def test_clients_end_with_the_block(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And the run's own prices and cache are those of its settings and its environment."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path))
    closed: list[Clients] = []
    monkeypatch.setattr(Clients, "aclose", lambda clients: _remember(closed, clients))
    _, settings = read_settings(plan([], packaged_source()).jobs[0].config, Path.cwd())
    async with open_peers(settings, None) as peers:
        assert closed == []
        assert peers.cache.directory == tmp_path / "v1"
        assert peers.prices.as_of == price_table(settings).as_of
    assert closed == [peers.clients]


async def _remember(closed: list[Clients], clients: Clients) -> None:
    closed.append(clients)


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"EVALKIT_CACHE": "/chosen", "XDG_CACHE_HOME": "/xdg"}, "/chosen/v1"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/evalkit/v1"),
        ({"HOME": "/home/ann"}, "/home/ann/.cache/evalkit/v1"),
    ],
)
def test_the_cache_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], place: str
) -> None:
    """The user's own choice before the system's habit."""
    for name in ("EVALKIT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert open_cache().directory == Path(place)
