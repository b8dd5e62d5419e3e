"""Faults over a real socket: what a client sees of refusals, resets, dead lines and closing codes; what is counted."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import httpx2
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from evalkit.service.app import create_app
from evalkit.service.audio_engines import AudioEngines
from evalkit.service.brain.rules.brain import RulesBrain
from evalkit.service.faults.plan import parse_plan
from evalkit.service.line import LineProtocol

Serve = Callable[[str], AbstractContextManager[str]]


@pytest.fixture
def serve(fake_speech, fake_transcription) -> Serve:
    """Serve with a plan; gives the address without scheme."""

    @contextmanager
    def serving(plan: str) -> Iterator[str]:
        engines = AudioEngines(fake_speech, fake_transcription)
        app = create_app(brain=RulesBrain({}), engines=engines, faults=parse_plan(plan))
        config = uvicorn.Config(app, port=0, log_config=None, ws=LineProtocol, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()

    return serving


def _socket(address: str, case: str = "c1", attempt: int = 1) -> connect:
    headers = {"evalkit-session": f"assistant/{attempt}/1/{case}"}
    return connect(f"ws://{address}/v1/realtime?model=local-echo", additional_headers=headers, ping_interval=None)


def _counters(address: str) -> dict[str, int]:
    counters: dict[str, int] = httpx2.get(f"http://{address}/healthz").json()["counters"]
    return counters


@pytest.mark.parametrize(
    ("plan", "status", "retry_after"),
    [("refuse/status:500", 500, None), ("rate_limited", 429, None), ("rate_limited/retry_after:2.5", 429, "2.5")],
)
async def test_a_refused_handshake(serve: Serve, plan: str, status: int, retry_after: str | None) -> None:
    """The status, the API's error object, and Retry-After only where it was asked for; it is counted."""
    with serve(plan) as address:
        with pytest.raises(InvalidStatus) as refused:
            async with _socket(address):
                pass
        assert refused.value.response.status_code == status
        assert refused.value.response.headers.get("Retry-After") == retry_after
        assert "error" in json.loads(refused.value.response.body or b"{}")
        assert _counters(address)[f"fault_{plan.partition('/')[0]}"] == 1


async def test_a_handshake_that_is_never_answered(serve: Serve) -> None:
    """The connection stands and nothing comes."""
    with serve("no_handshake") as address, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), _socket(address):
            pass


async def test_a_reset(serve: Serve) -> None:
    """No close frame, at once."""
    with serve("reset@session_created") as address:
        async with _socket(address) as socket:
            with pytest.raises(ConnectionClosedError) as closed:
                await socket.recv()
        assert closed.value.rcvd is None
        assert _counters(address)["fault_reset"] == 1


async def test_a_line_that_plays_dead(serve: Serve) -> None:
    """Neither events nor pongs come, and the connection stays."""
    with serve("half_open@session_created") as address:
        async with _socket(address) as socket:
            with pytest.raises(TimeoutError):
                await _ping_often(socket)
            assert socket.close_code is None
            socket.transport.abort()


async def _ping_often(socket: ClientConnection) -> None:
    """Ping until no answer comes; the first may get there before the line plays dead."""
    for _ in range(20):
        async with asyncio.timeout(0.5):
            await (await socket.ping())


async def test_a_stalled_session_answers_pings(serve: Serve) -> None:
    """A silent model is not a dead line."""
    with serve("stall@session_created") as address:
        async with _socket(address) as socket, asyncio.timeout(5):
            await (await socket.ping())
            assert socket.close_code is None


@pytest.mark.parametrize("code", [1000, 1001, 1013, 3000, 4000])
async def test_closing_codes(serve: Serve, code: int) -> None:
    """The code is the one that the plan names."""
    with serve(f"close@session_created/code:{code}") as address:
        async with _socket(address) as socket:
            await socket.wait_closed()
        assert socket.close_code == code


async def test_only_whom_it_is_for(serve: Serve) -> None:
    """The other case, and the second attempt, are served as ever."""
    with serve("refuse/case:c1/times:1") as address:
        for case, attempt in (("c2", 1), ("c1", 2)):
            async with _socket(address, case, attempt) as socket:
                assert json.loads(await socket.recv())["type"] == "session.created"
        with pytest.raises(InvalidStatus):
            async with _socket(address, "c1", 1):
                pass


def _fly(event_id: str) -> str:
    return json.dumps({"type": "fly", "event_id": event_id})


async def test_messages_keep_their_order(serve: Serve) -> None:
    """However a message is framed, none overtakes another: whole, in fragments, binary, large, or sent at once."""
    with serve("close@session_created/case:nobody") as address:
        async with connect(f"ws://{address}/v1/realtime?model=local-echo", compression=None) as socket:
            await socket.send(_fly("first"))
            large = _fly("large" + " " * 400_000)
            for message in (
                _fly("whole"),
                [_fly("part")[:9], _fly("part")[9:]],
                _fly("behind"),
                b"\0",
                large,
                _fly("last"),
            ):
                await socket.send(message)
            told = []
            while len(told) < 7:
                event = json.loads(await socket.recv())
                if event["type"] == "error":
                    told.append((event["error"]["event_id"] or event["error"]["code"])[:13].strip())
    assert told == ["first", "whole", "part", "behind", "invalid_frame", "large", "last"]


async def _until_closed(socket: ClientConnection) -> AsyncIterator[str | bytes]:
    with suppress(ConnectionClosedError):
        async for message in socket:
            yield message


async def test_a_message_inside_a_fragmented_one_ends_the_connection(serve: Serve) -> None:
    """Text that is whole where a continuation is due is refused as the protocol has it, not taken."""
    with serve("close@session_created/case:nobody") as address:
        async with connect(f"ws://{address}/v1/realtime?model=local-echo", compression=None) as socket:
            await socket.recv()
            socket.protocol.send_text(_fly("begun").encode(), fin=False)
            socket.protocol.expect_continuation_frame = False
            socket.protocol.send_text(_fly("inside").encode())
            socket.send_data()
            told = [json.loads(message)["type"] async for message in _until_closed(socket)]
    assert "error" not in told
    assert socket.close_code == 1002
