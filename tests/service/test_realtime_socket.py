"""The Realtime route over a real socket, driven by the official client and by a raw one."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from openai import AsyncOpenAI
from scripted_chat import call, finish, refusal, serving_scripts, stream, words
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from evalkit.service import realtime_socket
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.brain.rules.brain import RulesBrain
from evalkit.service.faults.plan import FaultPlan
from evalkit.service.realtime_socket import TIMES_REAL_TIME
from evalkit.service.service_state import KeyCheck, ServiceState
from evalkit.service.session import Session

MANUAL = {"type": "realtime", "audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}}
TOOL = {"type": "function", "name": "find_order", "description": "Finds.", "parameters": {"type": "object"}}


@asynccontextmanager
async def raw(url: str, path: str = "/v1/realtime?model=parrot", **options: Any) -> AsyncIterator[ClientConnection]:
    address = url.removesuffix("/v1").replace("http", "ws") + path
    async with connect(address, compression=None, **options) as socket:
        yield socket


async def received(socket: ClientConnection, until: str) -> list[dict[str, Any]]:
    events = []
    async with asyncio.timeout(10):
        while not events or events[-1]["type"] != until:
            events.append(json.loads(await socket.recv()))
    return events


async def test_a_whole_session_with_the_official_client(client: AsyncOpenAI, check_event):
    """Audio in, a tool call, its output, a spoken reply: every event is what the client's types describe."""
    audio = base64.b64encode(bytes(48 * 20)).decode()

    async def turn(connection: Any) -> Any:
        await connection.response.create()
        while True:
            event = json.loads(await connection.recv_bytes())
            check_event(event)
            if event["type"] == "response.done":
                return event["response"]

    async with client.realtime.connect(model="caller") as connection:
        await connection.session.update(session={**MANUAL, "tools": [TOOL]})
        for _ in range(50):
            await connection.input_audio_buffer.append(audio=audio)
        await connection.input_audio_buffer.commit()
        response = await turn(connection)
        assert [item["type"] for item in response["output"]] == ["message", "function_call"]
        call = response["output"][1]
        assert json.loads(call["arguments"]) == {"order_id": "0071"}
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "It is late."}
        await connection.conversation.item.create(item=output)
        response = await turn(connection)
        assert response["output"][0]["content"] == [{"type": "output_audio", "transcript": "It is late."}]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/realtime?model=parrot",
        "/openai/v1/realtime?model=parrot",
        "/openai/realtime?api-version=2024-10-01-preview&deployment=parrot",
    ],
)
@pytest.mark.parametrize("header", [{"api-key": "sesame"}, {"Authorization": "Bearer sesame"}])
async def test_url_and_header_shapes(guarded_url, path, header):
    """OpenAI's and Azure's URL shapes lead to the same session, with either header."""
    async with raw(guarded_url, path, additional_headers=header) as socket:
        assert (await received(socket, "session.created"))[0]["session"]["model"] == "parrot"


@pytest.mark.parametrize("header", [{}, {"api-key": "other"}, {"Authorization": "Basic sesame"}])
async def test_a_wrong_key(guarded_url, header):
    """Without the key the handshake is refused with status 401 and the API's error object."""
    with pytest.raises(InvalidStatus) as refusal:
        async with raw(guarded_url, additional_headers=header):
            pass
    assert refusal.value.response.status_code == 401
    assert json.loads(refusal.value.response.body)["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/v1/realtime?model=gpt-7", {}, "model_not_found"),
        ("/v1/realtime", {}, "missing_model"),
        ("/v1/realtime?model=parrot", {"OpenAI-Beta": "realtime=v1"}, "beta_api_shape_disabled"),
    ],
)
async def test_sessions_that_cannot_be(service_url, check_event, path, headers, code):
    """A session that cannot be is told why in an error event and then closed."""
    async with raw(service_url, path, additional_headers=headers) as socket:
        event = json.loads(await socket.recv())
        check_event(event)
        assert event["error"]["code"] == code
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd.code == 4000


async def test_mistakes_do_not_end_the_session(service_url):
    """Broken, binary and unknown frames get errors, and the session goes on."""
    async with raw(service_url) as socket:
        await received(socket, "conversation.created")
        for frame in ("{", b"\0", '{"type": "fly", "event_id": "e3"}'):
            await socket.send(frame)
        errors = [json.loads(await socket.recv())["error"] for _ in range(3)]
        assert [error["code"] for error in errors] == ["invalid_json", "invalid_frame", "invalid_value"]
        assert errors[2]["event_id"] == "e3"
        await socket.send('{"type": "response.create"}')
        assert (await received(socket, "response.done"))[-1]["response"]["status"] == "completed"


async def test_a_model_that_fails(service_url):
    """A failing model fails its response, says why, and the session goes on."""
    async with raw(service_url, "/v1/realtime?model=unsure") as socket:
        for _ in range(2):
            await socket.send('{"type": "response.create"}')
            response = (await received(socket, "response.done"))[-1]["response"]
            assert response["status"] == "failed"
            assert "no idea" in response["status_details"]["error"]["message"]


async def test_cancel_midstream(service_url):
    """A cancel is heard while audio is streaming."""
    long_text = {"type": "input_text", "text": "very long " * 600}
    item = {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [long_text]}}
    async with raw(service_url) as socket:
        await socket.send(json.dumps(item))
        await socket.send('{"type": "response.create"}')
        await received(socket, "response.output_audio.delta")
        await socket.send('{"type": "response.cancel"}')
        events = await received(socket, "response.done")
    assert events[-1]["response"]["status"] == "cancelled"
    heard = sum(len(base64.b64decode(event["delta"])) for event in events if event["type"].endswith("audio.delta"))
    assert heard < 6000 * 10 * 48 / 2


async def test_two_sessions_do_not_mix(service_url):
    """Each session has its own conversation and its own ids."""
    async with raw(service_url) as one, raw(service_url) as other:
        for socket, text in ((one, "one"), (other, "other")):
            content = [{"type": "input_text", "text": text}]
            item = {"type": "message", "role": "user", "content": content}
            await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
            await socket.send('{"type": "response.create"}')
        both = [await received(socket, "response.done") for socket in (one, other)]
    said = [events[-1]["response"]["output"][0]["content"][0]["transcript"] for events in both]
    assert said == ["one", "other"]
    ids = [{event["event_id"] for event in events} for events in both]
    assert not ids[0] & ids[1]


async def test_echo_streams_while_audio_comes_in(service_url):
    """The echo's tone streams while the client goes on appending."""
    append = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(960)).decode()})
    async with raw(service_url, "/v1/realtime?model=local-echo") as socket:

        async def talk() -> None:
            while True:
                await socket.send(append)
                await asyncio.sleep(0)

        await socket.send('{"type": "response.create"}')
        talking = asyncio.create_task(talk())
        events = await received(socket, "response.done")
        talking.cancel()
    assert sum(len(base64.b64decode(e["delta"])) for e in events if e["type"].endswith("audio.delta")) == 96000


async def test_a_client_that_vanishes(service_url, caplog):
    """A connection cut in the middle of a response leaves no error behind."""
    for _ in range(5):
        async with raw(service_url, "/v1/realtime?model=local-echo") as socket:
            await socket.send('{"type": "response.create"}')
            await received(socket, "response.created")
            socket.transport.abort()
    await asyncio.sleep(0.2)
    assert not caplog.records


async def test_answers_are_paced_where_turns_are_detected(service_url):
    """Where the session detects turns an answer comes at four times the speed of speech, else as fast as it can."""
    seconds = {}
    for detection in (None, {"type": "server_vad"}):
        async with raw(service_url, "/v1/realtime?model=local-echo") as socket:
            session = {"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
            await socket.send(json.dumps({"type": "session.update", "session": session}))
            await socket.send('{"type": "response.create"}')
            await received(socket, "response.created")
            begun = asyncio.get_running_loop().time()
            await received(socket, "response.done")
            seconds[detection is None] = asyncio.get_running_loop().time() - begun
    assert seconds[False] > 2 / TIMES_REAL_TIME - 0.1
    assert seconds[False] > seconds[True]


async def _ask_chat(socket: ClientConnection, **response: Any) -> None:
    content = [{"type": "input_text", "text": "Where is it?"}]
    item = {"type": "message", "role": "user", "content": content}
    await socket.send(json.dumps({"type": "conversation.item.create", "item": item}))
    await socket.send(json.dumps({"type": "response.create", "response": response}))


async def test_a_chat_model_is_heard_before_it_has_written_its_last_word(serve_chat, check_event):
    """The sound of the first sentence arrives while the model writes the second, and then its calls."""
    is_heard = threading.Event()
    told = words("It is on its way to you. ", "It will ")
    script = stream(
        told, lambda: is_heard.wait(20), words("be there."), call(0, "a", "find_order", {"id": 7}), finish()
    )
    with serving_scripts(script) as server, serve_chat(server.url) as url:
        async with raw(url, "/v1/realtime?model=qwen3") as socket:
            await socket.send(json.dumps({"type": "session.update", "session": {**MANUAL, "tools": [TOOL]}}))
            await _ask_chat(socket)
            first = await received(socket, "response.output_audio.delta")
            assert not is_heard.is_set()
            is_heard.set()
            rest = await received(socket, "response.done")
    for event in (*first, *rest):
        check_event(event)
    message, called = rest[-1]["response"]["output"]
    assert message["content"][0]["transcript"] == "It is on its way to you. It will be there."
    assert (called["name"], called["arguments"]) == ("find_order", '{"id":7}')
    assert rest[-1]["response"]["metadata"] == {"tool_mode": "native"}
    assert rest[-1]["response"]["usage"] is None
    assert server.asked[0]["tools"][0]["function"]["name"] == "find_order"
    assert server.asked[0]["model"] == "qwen3"


async def test_who_cuts_in_makes_the_chat_model_stop(serve_chat):
    """The connection to its endpoint is closed, and the model is told of no more than was heard."""
    may_go_on = threading.Event()
    more = words(*["lo " * 1000] * 20_000)  # than the sockets between them hold
    long = stream(words("It is on its way to you. "), lambda: may_go_on.wait(20), more, finish())
    with serving_scripts(long, stream(words("Fine."), finish())) as server, serve_chat(server.url) as url:
        async with raw(url, "/v1/realtime?model=qwen3") as socket:
            await socket.send(json.dumps({"type": "session.update", "session": MANUAL}))
            await _ask_chat(socket)
            events = await received(socket, "response.output_audio.delta")
            await socket.send('{"type": "response.cancel"}')
            await received(socket, "response.done")
            may_go_on.set()
            assert await asyncio.to_thread(server.was_left.wait, 20)
            item_id = next(event["item"]["id"] for event in events if event["type"] == "response.output_item.added")
            cut = {"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 100}
            await socket.send(json.dumps(cut))
            await _ask_chat(socket)
            await received(socket, "response.done")
    (heard,) = [message["content"] for message in server.asked[1]["messages"] if message["role"] == "assistant"]
    assert heard.endswith("[interrupted]")
    assert "you" not in heard


@pytest.mark.parametrize(
    ("status", "code"), [(401, "invalid_api_key"), (429, "rate_limit_exceeded"), (500, "server_error")]
)
async def test_a_chat_model_that_fails(serve_chat, check_event, status, code):
    """Fails its response by the name that clients know, in the session and in text, and the session goes on."""
    refused = refusal(status, {"error": {"message": "no"}})
    script = stream(words("Fine."), finish())
    with serving_scripts(refused, refused, script) as server, serve_chat(server.url) as url:
        async with httpx2.AsyncClient() as http:
            body = {"model": "qwen3", "messages": [{"role": "user", "content": "Hi."}]}
            answer = await http.post(f"{url}/chat/completions", json=body)
        assert answer.json()["error"]["code"] == code
        assert answer.status_code == (502 if status == 500 else status)
        async with raw(url, "/v1/realtime?model=qwen3") as socket:
            await _ask_chat(socket)
            done = (await received(socket, "response.done"))[-1]
            check_event(done)
            assert done["response"]["status_details"]["error"]["code"] == code
            await _ask_chat(socket)
            assert (await received(socket, "response.done"))[-1]["response"]["status"] == "completed"


class _StuckLine:
    """The line of a client that takes nothing until `lets_go` is set."""

    def __init__(self) -> None:
        self.lets_go = asyncio.Event()
        self.sent: list[bytes] = []
        self.is_paused, self.goes_on = False, asyncio.Event()
        self.on_text: Callable[[str], None] = lambda _text: None

    def listen(self, on_text: Callable[[str], None]) -> None:
        self.on_text = on_text

    @property
    def is_stuck(self) -> bool:
        return not self.lets_go.is_set()

    async def drain(self) -> None:
        await self.lets_go.wait()

    def send(self, texts: Sequence[bytes]) -> None:
        self.sent += texts

    def pause(self) -> None:
        assert not self.is_paused
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False
        self.goes_on.set()


@pytest.fixture
async def driven(monkeypatch: pytest.MonkeyPatch, fake_speech: Any, fake_transcription: Any) -> Any:
    """Drive a session over a stuck line; gives the line and what runs."""
    line = _StuckLine()
    engines = AudioEngines(fake_speech, fake_transcription)
    state = ServiceState(RulesBrain({}), engines, KeyCheck(None), FaultPlan())
    monkeypatch.setattr(realtime_socket, "line_of", lambda _socket: line)
    left = asyncio.Event()

    class Socket:
        async def receive(self) -> dict[str, Any]:
            await left.wait()
            return {"type": "websocket.disconnect"}

    running = asyncio.create_task(realtime_socket._Driver(Socket(), state, "local-echo", None).run())  # type: ignore[arg-type]
    await asyncio.sleep(0)
    yield line, running
    left.set()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_takes_nothing_is_not_listened_to(driven):
    """A thousand events may wait for a client; then nothing more is read of it, until it has taken them all."""
    line, _running = driven
    while not line.is_paused:
        line.on_text("{")
    line.on_text("{")
    assert not line.sent
    line.lets_go.set()
    await asyncio.wait_for(line.goes_on.wait(), 5)
    assert 1000 < len(line.sent) < 1010


async def test_a_defect_of_the_session_ends_the_connection(driven, monkeypatch):
    """What is raised about a message that was handed on is not lost."""
    line, running = driven
    monkeypatch.setattr(Session, "receive", lambda *_: 1 / 0)
    line.on_text("{}")
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(running, 5)
