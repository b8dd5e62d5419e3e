"""The program inside a box that leads to the gateway's socket."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest
from gateway_partner import TLS, WAYS, cents, question, until
from scripted_endpoint import ScriptedEndpoint

from evalkit.gateway import forwarder as forwarder_module
from evalkit.gateway.gateway import Gateway
from evalkit.gateway.upstream import Upstream

_PROGRAM = Path(forwarder_module.__file__)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class _Running:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def cpu_s(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    @property
    def connections(self) -> int:
        return len(psutil.Process(self.process.pid).net_connections("tcp")) - 1


@asynccontextmanager
async def _forwarding(path: Path, **options: object) -> AsyncIterator[_Running]:
    """Start it as a box does, wait until it is ready, and hold it to its silence."""
    port, (ready, told) = _free_port(), os.pipe()
    arguments = [sys.executable, "-S", "-E", str(_PROGRAM), str(port), str(path), "--ready-fd", str(told)]
    process = await asyncio.to_thread(
        subprocess.Popen, arguments, pass_fds=(told,), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    os.close(told)
    with os.fdopen(ready, "rb") as line:
        assert await asyncio.to_thread(line.read) == b"ready\n"
    try:
        yield _Running(port, process)
    finally:
        assert process.poll() is None
        process.kill()
        output, _ = process.communicate()
        assert output == b""


@asynccontextmanager
async def _echo(path: Path) -> AsyncIterator[list[str]]:
    """A server that answers when the client has said all it has to say."""
    ended: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            said = await reader.read()
            writer.write(said[::-1])
            await writer.drain()
        ended.append("end")
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield ended
    finally:
        server.close()
        await server.wait_closed()


async def test_bytes_pass_both_ways_and_so_do_ends(tmp_path: Path) -> None:
    """Megabytes at once on many connections, each ended by half first."""
    path = tmp_path / "s"
    async with _echo(path), _forwarding(path) as running:

        async def talk(number: int) -> None:
            said = os.urandom(200_000 if number else 5_000_000)
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(said)
            writer.write_eof()
            assert await reader.read() == said[::-1]
            writer.close()

        await asyncio.wait_for(asyncio.gather(*map(talk, range(50))), 20)
        await until(lambda: running.connections == 0)


async def test_an_idle_one_does_nothing(tmp_path: Path) -> None:
    """Open, half-closed and broken connections cost no time."""
    path = tmp_path / "s"

    held, release = [], asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await release.wait()
        writer.close()

    server = await asyncio.start_unix_server(hold, path)
    async with _forwarding(path) as running:
        open_one = await asyncio.open_connection("127.0.0.1", running.port)
        half = await asyncio.open_connection("127.0.0.1", running.port)
        half[1].write_eof()
        gone = socket.create_connection(("127.0.0.1", running.port))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        gone.close()
        await asyncio.sleep(0.2)
        before = running.cpu_s
        await asyncio.sleep(0.5)
        assert running.cpu_s - before <= 0.03
        open_one[1].close()
        half[1].close()
        release.set()
        server.close()
        await asyncio.gather(*(writer.wait_closed() for writer in held), return_exceptions=True)


async def test_a_client_that_leaves_is_left_upstream(tmp_path: Path) -> None:
    """So that the gateway learns that the agent gave up."""
    path = tmp_path / "s"
    async with _echo(path) as ended, _forwarding(path) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"x")
        await writer.drain()
        writer.close()
        await until(lambda: ended == ["end"])
        await until(lambda: running.connections == 0)


async def test_without_a_socket_connections_end_and_it_goes_on(tmp_path: Path) -> None:
    """The door may be opened later."""
    path = tmp_path / "s"
    async with _forwarding(path) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        async with _echo(path):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"ab")
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 5) == b"ba"
            writer.close()


async def test_it_survives_the_end_of_its_descriptors(tmp_path: Path) -> None:
    """More connections than it may open: those that are open end, then the others have their turn."""
    path = tmp_path / "s"

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))

    async with _echo(path), _forwarding(path, preexec_fn=few) as running:

        async def talk() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"ab")
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            return answer

        assert await asyncio.gather(*(talk() for _ in range(60))) == [b"ba"] * 60


@pytest.mark.parametrize(
    "arguments", [[], ["1"], ["x", "y"], ["99999999", "y"], ["0", "y", "--ready"], ["0", "y", "--ready-fd", "z"]]
)
def test_a_wrong_command_line_is_status_2(arguments: list[str]) -> None:
    """Without a word: its output would be taken for the agent's."""
    done = subprocess.run([sys.executable, "-S", "-E", str(_PROGRAM), *arguments], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


def test_a_taken_port_is_status_1() -> None:
    """Without a word as well."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = [sys.executable, "-S", "-E", str(_PROGRAM), str(listener.getsockname()[1]), "x"]
        done = subprocess.run(arguments, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


async def test_an_agent_in_a_box_reaches_its_model(tmp_path: Path) -> None:
    """The whole way: program, socket, gateway, provider, a hundred calls at once in all protocols."""
    path = tmp_path / "gateway.sock"
    with ScriptedEndpoint(key="sk-real-12345") as endpoint:
        async with Gateway(Upstream(endpoint.url, "sk-real-12345"), price=cents) as gateway:
            await gateway.listen(unix_path=path)
            session = gateway.open_session("s1")
            async with (
                _forwarding(path) as running,
                httpx2.AsyncClient(timeout=20, trust_env=False, verify=TLS) as client,
            ):

                async def ask(number: int) -> int:
                    protocol, stream = WAYS[number % len(WAYS)]
                    where, body, headers = question(protocol, f"hi {number}", stream=stream)
                    url = f"http://127.0.0.1:{running.port}/w/s1{where}"
                    answer = await client.post(url, json=body, headers=headers)
                    return answer.status_code if f"{number}" in answer.text else 0

                assert await asyncio.gather(*map(ask, range(100))) == [200] * 100
    assert len(session.calls) == 100
    assert session.provider_errors == []
