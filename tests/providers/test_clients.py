"""Requests over HTTP: asked once, no keys from elsewhere, and what goes wrong as our failures."""

from __future__ import annotations

import asyncio
import gzip
import random
import socket
import traceback
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from evalkit.errors import CaseFailure, ConfigError
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import ProviderEndpoint, request_url
from evalkit.records.faults import Failure, Fault, Stage, decide_fault

if TYPE_CHECKING:
    from conftest import FakeEndpoint

CANARY = "sk-canary-0123456789abcdef"
ENVIRON = {"TEST_KEY": CANARY}


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    instance = Clients(ENVIRON, timeout_s=0.5)
    yield instance
    await instance.aclose()


async def speak(clients: Clients, endpoint: ProviderEndpoint) -> bytes:
    url = request_url(endpoint, "/audio/speech", "m")
    async with clients.ask(Stage.SPEECH, endpoint, url, json={"input": "hi", "model": "m", "voice": "v"}) as answer:
        return await answer.aread()


async def failure_of(clients: Clients, endpoint: ProviderEndpoint) -> CaseFailure:
    with pytest.raises(CaseFailure) as caught:
        await speak(clients, endpoint)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(vars(caught.value))
    assert CANARY not in shown
    return caught.value


def keyed(server: FakeEndpoint, **options: Any) -> ProviderEndpoint:
    return ProviderEndpoint("compatible", server.base_url, "TEST_KEY", **options)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"message": "bad voice", "code": "invalid_voice"}, "invalid_voice"),
        (400, {"message": "bad voice"}, "invalid_request"),
        (401, {"message": f"Incorrect API key provided: {CANARY}"}, "authentication_failed"),
        (403, {"message": "no access"}, "authentication_failed"),
        (404, {"message": "no such model", "code": "model_not_found"}, "model_not_found"),
        (400, {"message": "no", "code": f"bad key {CANARY}"}, "bad key [TEST_KEY]"),
        (409, {"message": "again"}, "server_error"),
        (429, {"message": "slow down"}, "rate_limited"),
        (429, {"message": "pay", "code": "insufficient_quota"}, "insufficient_quota"),
        (500, {"message": f"crashed on {CANARY}"}, "server_error"),
        (503, {"message": "busy"}, "server_error"),
    ],
)
async def test_statuses_become_failures(
    server: FakeEndpoint, clients: Clients, status: int, error: dict[str, str], kind: str
) -> None:
    """Each HTTP status has its kind of failure, asked for exactly once, and no key is in it."""
    server.say_json({"error": error}, status)
    failure = await failure_of(clients, keyed(server))
    assert (failure.stage, failure.error_type) == (Stage.SPEECH, kind)
    assert len(server.asked) == 1


async def test_what_the_peer_said_is_kept(server: FakeEndpoint, clients: Clients) -> None:
    """The message of a failure holds the peer's words, with the key taken out of them."""
    server.say_json({"error": {"message": f"voice {CANARY} unknown"}}, 400)
    failure = await failure_of(clients, keyed(server))
    assert "voice [TEST_KEY] unknown" in failure.message


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"error": "there is no such voice"}', "application/json"),
        (b'{"message": "there is no such voice"}', "application/json"),
        (b'{"detail": "there is no such voice"}', "application/json"),
        (b'"there is no such voice"', "application/json"),
        (b'{"detail": [{"loc": ["body", "voice"], "msg": "there is no such voice"}]}', "application/json"),
        (b"there is no such voice\n", "text/plain; charset=utf-8"),
    ],
)
async def test_what_a_peer_says_in_its_own_way_is_kept(
    server: FakeEndpoint, clients: Clients, body: bytes, media_type: str
) -> None:
    """Not every server puts its words where OpenAI does."""
    server.say(400, body, media_type)
    failure = await failure_of(clients, keyed(server))
    assert failure.error_type == "invalid_request"
    assert failure.message.startswith("Error code: 400 - ")
    assert "there is no such voice" in failure.message


async def test_a_long_answer_is_cut(server: FakeEndpoint, clients: Clients) -> None:
    """A page of HTML from a proxy does not fill the record."""
    server.say(502, b"<html>" + b"x" * 50_000, "text/html")
    failure = await failure_of(clients, keyed(server))
    assert failure.error_type == "server_error"
    assert len(failure.message) < 1000


async def test_retry_after_travels(server: FakeEndpoint, clients: Clients) -> None:
    """What a rate limit asks us to wait reaches the engine."""
    server.say_json({"error": {"message": "slow down"}}, 429, **{"Retry-After": "7"})
    assert (await failure_of(clients, keyed(server))).retry_after_s == 7.0


async def test_a_refused_connection(clients: Clients) -> None:
    """A port where nobody listens is named, and is the infrastructure's fault at any stage."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    failure = await failure_of(clients, ProviderEndpoint("compatible", f"http://127.0.0.1:{port}/v1", "TEST_KEY"))
    assert failure.error_type == "connection_refused"
    assert failure.message.endswith(f":{port}/v1) refused the connection; is the server running there?")
    evidence = Failure(Stage.SIMULATOR_TURN, failure.error_type, failure.message)
    assert decide_fault(evidence) is Fault.INFRASTRUCTURE


async def test_a_closed_connection(server: FakeEndpoint, clients: Clients) -> None:
    """A peer that hangs up without an answer is told from one that is not there."""
    server.say(200, None, "audio/pcm")
    assert (await failure_of(clients, keyed(server))).error_type == "connection_closed"


async def test_one_that_speaks_no_tls(clients: Clients) -> None:
    """A plain server behind an https address ends the connection, or refuses it: no traceback, no key."""

    async def answer_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer_plainly, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        failure = await failure_of(clients, ProviderEndpoint("compatible", f"https://127.0.0.1:{port}/v1", "TEST_KEY"))
    assert failure.error_type == "connection_failed"


async def test_an_unknown_host(clients: Clients) -> None:
    """A host that does not exist is a failed connection."""
    failure = await failure_of(clients, ProviderEndpoint("compatible", "http://no-such-host.invalid/v1", "TEST_KEY"))
    assert failure.error_type == "connection_failed"


async def test_a_silent_peer(server: FakeEndpoint, clients: Clients) -> None:
    """A peer that says nothing is given up after the time that was set."""
    server.say(200, b"", "audio/pcm", delay_s=3.0)
    failure = await failure_of(clients, keyed(server))
    assert failure.error_type == "request_timeout"
    assert "0.5 s" in failure.message


async def test_who_may_be_silent_for_another_time(server: FakeEndpoint, clients: Clients) -> None:
    """A request has a limit of its own where its answer takes longer, and the message names that one."""
    server.say(200, b"", "application/json", delay_s=3.0)
    endpoint = keyed(server)
    with pytest.raises(CaseFailure, match=r"was silent for 0\.2 s") as caught:
        async with clients.ask(Stage.PREPARE, endpoint, request_url(endpoint, "/x", "m"), json={}, timeout_s=0.2):
            pass
    assert (caught.value.stage, caught.value.error_type) == (Stage.PREPARE, "request_timeout")


async def test_no_key_comes_from_elsewhere(
    server: FakeEndpoint, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keyless endpoint is sent no key, organisation or project that the process environment holds."""
    names = ["OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_WEBHOOK_SECRET"]
    for name in names:
        monkeypatch.setenv(name, "env-canary-42")
    server.say_audio(b"\0\0")
    assert await speak(clients, ProviderEndpoint("compatible", server.base_url)) == b"\0\0"
    assert "authorization" not in server.asked[0].headers
    assert not [value for value in server.asked[0].headers.values() if "env-canary" in value]


async def test_who_pays_is_told_to_openai_only(server: FakeEndpoint) -> None:
    """Organisation and project go to the endpoint of that name, from the environment that was given."""
    environ = {**ENVIRON, "OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-2"}
    clients = Clients(environ)
    server.say_audio(b"\0\0")
    for name in ("openai", "compatible"):
        await speak(clients, ProviderEndpoint(name, server.base_url, "TEST_KEY"))
    await clients.aclose()
    told, other = (server.asked[at].headers for at in (0, 1))
    assert (told["openai-organization"], told["openai-project"]) == ("org-1", "proj-2")
    assert not {"openai-organization", "openai-project"} & set(other)


async def test_a_key_is_sent_as_the_dialect_says(server: FakeEndpoint, clients: Clients) -> None:
    """OpenAI's dialect sends a bearer token, Azure's an api-key, each to its own path."""
    server.say_audio(b"\0\0")
    azure = ProviderEndpoint("azure", server.root, "TEST_KEY")
    preview = ProviderEndpoint("azure", server.root, "TEST_KEY", "2025-04-01-preview")
    for endpoint in (keyed(server), azure, preview):
        await speak(clients, endpoint)
    plain, general, dated = server.asked
    assert plain.headers["authorization"] == f"Bearer {CANARY}"
    assert "api-key" not in plain.headers
    assert plain.path == "/v1/audio/speech"
    assert general.headers["api-key"] == dated.headers["api-key"] == CANARY
    assert "authorization" not in general.headers
    assert "authorization" not in dated.headers
    assert general.path == "/openai/v1/audio/speech"
    assert dated.path == "/openai/deployments/m/audio/speech?api-version=2025-04-01-preview"


@pytest.mark.parametrize("name", ["compatible", "azure"])
async def test_a_redirect_is_not_followed(server: FakeEndpoint, clients: Clients, name: str) -> None:
    """A key is not carried to wherever a redirect points; the message says where that is."""
    server.say_json({}, 307, Location=f"{server.root}/elsewhere")
    failure = await failure_of(clients, ProviderEndpoint(name, server.base_url, "TEST_KEY"))
    assert failure.error_type == "redirected"
    assert "/elsewhere" in failure.message
    assert len(server.asked) == 1


async def test_a_proxy_is_not_used_for_this_machine(
    server: FakeEndpoint, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy variables do not send requests for the loopback address away."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.say_audio(b"\1\0")
    assert await speak(clients, keyed(server)) == b"\1\0"


async def test_a_client_is_built_once(server: FakeEndpoint, clients: Clients) -> None:
    """The same endpoint has the same client, and nothing is built before it is asked for."""
    server.say_audio(b"\0\0")
    built = []
    for endpoint in (keyed(server), keyed(server), keyed(server, identity="other")):
        await speak(clients, endpoint)
        built.append(clients._clients[endpoint])
    assert built[0] is built[1] is not built[2]


async def test_a_missing_key_is_the_users_error() -> None:
    """Without its key nothing can be asked; that is no case's failure."""
    with pytest.raises(ConfigError, match="TEST_KEY"):
        await speak(Clients({}), ProviderEndpoint("openai", "https://api.openai.com/v1", "TEST_KEY"))


async def test_an_answer_without_end_is_given_up(
    server: FakeEndpoint, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading stops at the limit, whatever length was announced, and the failure says so."""
    monkeypatch.setattr("evalkit.providers.http_exchange._MAX_ANSWER_BYTES", 10_000)
    server.say(200, bytes(10_000), "audio/pcm")
    assert len(await speak(clients, keyed(server))) == 10_000
    server.say(200, bytes(10_002), "audio/pcm")
    failure = await failure_of(clients, keyed(server))
    assert (failure.stage, failure.error_type) == (Stage.SPEECH, "answer_too_large")
    assert "answered with more than 10000 bytes" in failure.message


async def test_an_answer_that_unpacks_into_gigabytes_is_given_up(server: FakeEndpoint, clients: Clients) -> None:
    """Plain answers are asked for; a packed one is read while it is small, and not when it is a bomb."""
    server.say(200, gzip.compress(bytes(1000)), "audio/pcm", **{"Content-Encoding": "gzip"})
    assert await speak(clients, keyed(server)) == bytes(1000)
    assert server.asked[0].headers["accept-encoding"] == "identity"
    server.say(200, bytes(300_000), "audio/pcm", **{"Content-Encoding": "gzip"})
    assert (await failure_of(clients, keyed(server))).error_type in ("answer_too_large", "connection_failed")
    bomb = gzip.compress(random.Random(0).randbytes(300_000))
    server.say(200, bomb, "audio/pcm", **{"Content-Encoding": "gzip"})
    assert (await failure_of(clients, keyed(server))).error_type == "answer_too_large"


async def test_a_peers_words_cannot_steer_a_terminal(server: FakeEndpoint, clients: Clients) -> None:
    """Escape sequences in an error's message are shown, not obeyed, and it stays on one line."""
    server.say_json({"error": {"message": "bad \x1b[2J\x1b]0;owned\x07 voice\n[bold]{0} %s\u202e"}}, 400)
    message = (await failure_of(clients, keyed(server))).message
    assert message.isprintable()
    assert r"\x1b[2J" in message
    assert "[bold]{0} %s" in message
