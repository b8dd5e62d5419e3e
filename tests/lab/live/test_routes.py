"""The addresses of the event streams."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
import websockets
from labs import make_lab
from live_runs import RUN_ID, begin_run, finish_trial, names, read_journal
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from evalkit.lab.application import make_application
from evalkit.lab.lab import Lab
from evalkit.lab.live import connection as connection_module
from evalkit.lab.live.connection import DroppedReaders
from evalkit.lab.live.feed import RunFeed
from evalkit.store.run_directory import RunDirectory, RunStatus

OpenClient = Callable[[Lab], TestClient]
ADDRESS = f"/runs/{RUN_ID[:16]}/stream"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run of which one case-trial is done."""
    begun = begin_run(tmp_path / "outputs" / "run")
    finish_trial(begun, "a")
    return begun


def connect(client: TestClient, address: str, **options: Any) -> WebSocketTestSession:
    """Open a WebSocket at the lab's own address."""
    return client.websocket_connect(str(client.base_url.copy_with(scheme="ws").join(address)), **options)


def drain(stream: WebSocketTestSession) -> tuple[list[dict[str, Any]], int]:
    """Return all frames until the lab closes the socket, and the code that it closes with."""
    frames = []
    try:
        while True:
            frames.append(json.loads(stream.receive_text()))
    except WebSocketDisconnect as closed:
        return frames, closed.code


def test_a_run_that_has_ended_is_told_and_closed(run: RunDirectory, tmp_path: Path, open_client: OpenClient) -> None:
    """By either of its ids; events joined are the journal."""
    run.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
    client = open_client(make_lab(tmp_path))
    for address in (ADDRESS, f"/runs/{RUN_ID}/stream"):
        with connect(client, address) as stream:
            frames, code = drain(stream)
        assert code == 1000
        assert [frame["type"] for frame in frames] == ["init", "events", "attempt", "complete"]
        assert names(frames[1]["events"]) == [line["event"] for line in read_journal(run)]
        assert {frame["run_id"] for frame in frames} == {RUN_ID[:16]}


def test_an_unknown_run_closes_with_4404(tmp_path: Path, open_client: OpenClient) -> None:
    """After it was accepted, for a code does not arrive otherwise."""
    with connect(open_client(make_lab(tmp_path)), "/runs/0123/stream") as stream:
        frames, code = drain(stream)
    assert (code, frames) == (4404, [{"type": "error", "run_id": "0123", "message": "no such run"}])


async def test_a_slow_reader_is_dropped_and_goes_on_from_its_cursor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real socket: it takes nothing, others are told meanwhile, and it hears the reason when it is back."""
    monkeypatch.setattr(connection_module, "SEND_S", 0.5)
    monkeypatch.setattr(connection_module, "_CLOSE_S", 0.1)
    run = begin_run(tmp_path / "outputs" / "run")
    with run.journal_path.open("a") as file:
        for number in range(1500):
            file.write(json.dumps({"event": "started", "key": f"k{number}", "pad": "x" * 1500}) + "\n")
    was_dropped = asyncio.Event()
    monkeypatch.setattr(DroppedReaders, "note", _and_set(DroppedReaders.note, was_dropped))
    async with serving(tmp_path) as host:
        address = f"ws://{host}{ADDRESS}?attempts=false&reader=r1"
        options = {"compression": None, "max_size": None, "max_queue": 1}
        async with websockets.connect(address, **options, close_timeout=0.1, sock=_narrow_socket(host)) as slow:
            first = json.loads(await slow.recv())
            async with websockets.connect(address.replace("r1", "r2"), **options) as quick:
                told = [event async for frame in quick for event in json.loads(frame).get("events", ())]
            assert len(told) == 1501
            await asyncio.wait_for(was_dropped.wait(), 10)
        async with websockets.connect(f"{address}&cursor={told[9]['cursor']}", **options) as back:
            init = json.loads(await back.recv())
            rest = [event async for frame in back for event in json.loads(frame).get("events", ())]
    assert first["dropped"] is None
    assert "go on from your cursor" in init["dropped"]
    assert rest == told[10:]


def _narrow_socket(host: str) -> socket.socket:
    """Return a connected socket that takes little before somebody reads from it."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    narrow.connect(("127.0.0.1", int(host.rpartition(":")[2])))
    narrow.settimeout(0)
    return narrow


def _and_set(note: Callable[..., None], event: asyncio.Event) -> Callable[..., None]:
    def noted(*what: Any) -> None:
        note(*what)
        event.set()

    return noted


@asynccontextmanager
async def serving(tmp_path: Path) -> AsyncIterator[str]:
    """Serve a lab over the runs in `tmp_path` from a socket of its own, and give its host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        port = listener.getsockname()[1]
        application = make_application(make_lab(tmp_path, port=port))
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, timeout_graceful_shutdown=1))
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield f"127.0.0.1:{port}"
        server.should_exit = True
        await task


def test_it_goes_on_from_a_cursor_and_after_the_end(run: RunDirectory, tmp_path: Path, open_client: OpenClient) -> None:
    """Whoever follows is told of the index, too, and stays when the run has ended."""
    client = open_client(make_lab(tmp_path))
    at = len(run.journal_path.read_bytes())
    with (
        run.exclusive(),
        connect(client, f"{ADDRESS}?cursor={at}&follow=true&attempts=false") as stream,
    ):
        frames = [json.loads(stream.receive_text()) for _ in range(2)]
        assert {frame["type"] for frame in frames} == {"init", "indexed"}
        finish_trial(run, "b")
        told: list[dict[str, Any]] = []
        while len(told) < 3:
            frame = json.loads(stream.receive_text())
            told += frame.get("events", ())
            assert frame["type"] in ("events", "indexed")
        assert [event["key"] for event in told] == ["b"] * 3


def test_a_run_that_vanishes_closes_with_4404(run: RunDirectory, tmp_path: Path, open_client: OpenClient) -> None:
    """And the words say which way it is gone."""
    lab = make_lab(tmp_path)
    with connect(open_client(lab), f"{ADDRESS}?follow=true") as stream:
        shutil.rmtree(run.root)
        frames, code = drain(stream)
    assert code == 4404
    assert frames[-1]["message"] == "the run's directory is not there any more"


def test_files_that_cannot_be_followed_close_with_a_reason(
    run: RunDirectory, tmp_path: Path, open_client: OpenClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader does not wait for what never comes."""

    def fail(*_: object) -> None:
        raise OSError("the disk does not answer")

    lab = make_lab(tmp_path)
    monkeypatch.setattr(RunFeed, "_read_on", fail)
    with connect(open_client(lab), ADDRESS) as stream:
        frames, code = drain(stream)
    assert (code, frames[-1]["type"]) == (1011, "error")
    assert "the disk does not answer" in frames[-1]["message"]


def test_all_runs_in_one_stream(run: RunDirectory, tmp_path: Path, open_client: OpenClient) -> None:
    """From where the reader was; what is no place is passed over."""
    lab = make_lab(tmp_path)
    at = len(run.journal_path.read_bytes().splitlines(keepends=True)[0])
    address = f"/stream?since={RUN_ID[:16]}..{at}&since=nonsense&since=a.b.-1"
    with connect(open_client(lab), address) as stream:
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["type"] != "gone":
            frames.append(json.loads(stream.receive_text()))
    events = [event for frame in frames if frame["type"] == "events" for event in frame["events"]]
    assert names(events) == ["started", "finished", "graded"]
    assert [frame["status"] for frame in frames if frame["type"] == "complete"] == ["cut_off"]


@pytest.mark.parametrize("address", [ADDRESS, "/stream"])
def test_a_foreign_page_is_not_served(run: RunDirectory, tmp_path: Path, open_client: OpenClient, address: str) -> None:
    """A browser sends no secret with a WebSocket: its Origin decides."""
    client = open_client(make_lab(tmp_path))
    with (
        pytest.raises(WebSocketDisconnect),
        connect(client, address, headers={"origin": "https://evil.test"}),
    ):
        pass


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-5", "follow=maybe", "generation=%00", "cursor=" + "9" * 40])
def test_forged_queries_break_nothing(run: RunDirectory, tmp_path: Path, open_client: OpenClient, query: str) -> None:
    """Refused, or told from the beginning."""
    client = open_client(make_lab(tmp_path))
    try:
        with connect(client, f"{ADDRESS}?{query}") as stream:
            frames, code = drain(stream)
    except WebSocketDisconnect:
        return
    assert code == 1000
    assert frames[0]["cursor"] == 0
