"""A run's gateway: where it listens, which sessions it has, how it ends."""

from __future__ import annotations

import asyncio
import signal
import stat
import threading
from pathlib import Path

import httpx2
import psutil
import pytest
from gateway_partner import KEY, cents, question, request_of, talking, until
from scripted_endpoint import Hang, Rule, ScriptedEndpoint

from evalkit import event_loop
from evalkit.errors import ConfigError, ProtocolError, StorageError
from evalkit.gateway.gateway import Gateway
from evalkit.gateway.replay import Replay
from evalkit.gateway.upstream import Upstream

_FAR = Upstream("https://a.example/v1", KEY)


async def _ask(path: Path) -> int:
    transport = httpx2.AsyncHTTPTransport(uds=str(path))
    async with httpx2.AsyncClient(transport=transport, timeout=5) as client:
        where, body, headers = question("messages", "hi", stream=True)
        return (await client.post(f"http://127.0.0.1/w/s1{where}", json=body, headers=headers)).status_code


async def test_boxes_reach_it_through_a_unix_socket(tmp_path: Path) -> None:
    """Any user may connect, since boxes run as another one; nothing is left of it afterwards."""
    path = tmp_path / "gateway.sock"
    with ScriptedEndpoint(key=KEY) as endpoint:
        async with Gateway(Upstream(endpoint.url, KEY), price=cents) as gateway:
            await gateway.listen(unix_path=path, tcp=True)
            session = gateway.open_session("s1")
            assert stat.S_IMODE(path.stat().st_mode) == 0o666
            assert await _ask(path) == 200
            assert len(session.calls) == 1
            assert gateway.tcp_url.startswith("http://127.0.0.1:")
    assert not path.exists()


def test_it_runs_in_the_loop_that_everything_runs_in(tmp_path: Path) -> None:
    """Uvloop's where there is one."""
    path = tmp_path / "gateway.sock"

    async def main() -> int:
        with ScriptedEndpoint() as endpoint:
            async with Gateway(Upstream(endpoint.url), price=cents) as gateway:
                await gateway.listen(unix_path=path, tcp=True)
                gateway.open_session("s1")
                return await _ask(path)

    assert event_loop.run(main()) == 200


async def test_signals_stay_with_the_process() -> None:
    """An interrupted run ends as the run wants, not as a server would."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with talking():
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_it_ends_although_calls_hang(tmp_path: Path) -> None:
    """Every call is noted, every task is gone, and no descriptor is left open."""
    process = psutil.Process()
    threads, descriptors = threading.active_count(), process.num_fds()
    async with talking([Rule("", [Hang()])], log_path=tmp_path / "log") as partner:
        asking = [asyncio.ensure_future(partner.ask("chat", "hi", stream=bool(n % 2))) for n in range(10)]
        await until(lambda: partner.session.open_requests == 10)
        await partner.gateway.aclose()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(answer, httpx2.HTTPError) or answer.status_code == 503 for answer in answers)
    assert [call.error_type for call in partner.session.calls] == ["session_closed"] * 10
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await until(lambda: threading.active_count() <= threads)
    await until(lambda: process.num_fds() <= descriptors)


async def test_a_path_that_is_too_long_is_told() -> None:
    """A socket's path has a hundred characters or so."""
    async with Gateway(_FAR, price=cents) as gateway:
        with pytest.raises(ConfigError, match="choose a shorter path"):
            await gateway.listen(unix_path=Path("/tmp") / ("x" * 200))
        with pytest.raises(ConfigError, match="cannot listen on the unix socket"):
            await gateway.listen(unix_path=Path("/nowhere/at/all.sock"))
        with pytest.raises(ProtocolError, match="does not listen on TCP"):
            _ = gateway.tcp_url


async def test_sessions_have_names_that_can_stand_in_a_path() -> None:
    """And each name once, until its session is closed."""
    gateway = Gateway(_FAR, price=cents)
    for name in ("", "a/b", "..", "a b", "x" * 300, "é"):
        with pytest.raises(ValueError, match="cannot be a session's id"):
            gateway.open_session(name)
    session = gateway.open_session("a.B-1_~")
    with pytest.raises(ValueError, match="is open already"):
        gateway.open_session("a.B-1_~")
    session.close()
    assert gateway.open_session("a.B-1_~") is not session


def test_without_a_provider_there_must_be_a_replay() -> None:
    """Nobody would answer."""
    with pytest.raises(ValueError, match="needs a replay"):
        Gateway(None, price=cents).open_session("s")


async def test_a_log_that_cannot_be_written_is_told_once_all_is_closed(tmp_path: Path) -> None:
    """The other sessions are closed too."""
    (tmp_path / "file").write_text("")
    async with Gateway(None, price=cents) as gateway:
        replay = Replay(tmp_path, ())
        broken = gateway.open_session("s1", log_path=tmp_path / "file" / "log", replay=replay)
        other = gateway.open_session("s2", replay=replay)
        broken.begin(request_of("chat"))
        with pytest.raises(StorageError):
            await gateway.aclose()
    assert other.is_closed
