"""The addresses of the event streams."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labs import make_lab
from live_runs import RUN_ID, begin_run, finish_trial, names, read_journal
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from evalkit.lab.lab import Lab
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


def drain(socket: WebSocketTestSession) -> tuple[list[dict[str, Any]], int]:
    """Return all frames until the lab closes the socket, and the code that it closes with."""
    frames = []
    try:
        while True:
            frames.append(json.loads(socket.receive_text()))
    except WebSocketDisconnect as closed:
        return frames, closed.code


def test_a_run_that_has_ended_is_told_and_closed(run: RunDirectory, tmp_path: Path, open_client: OpenClient) -> None:
    """By either of its ids; events joined are the journal."""
    run.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
    client = open_client(make_lab(tmp_path))
    for address in (ADDRESS, f"/runs/{RUN_ID}/stream"):
        with connect(client, address) as socket:
            frames, code = drain(socket)
        assert code == 1000
        assert [frame["type"] for frame in frames] == ["init", "events", "attempt", "complete"]
        assert names(frames[1]["events"]) == [line["event"] for line in read_journal(run)]
        assert {frame["run_id"] for frame in frames} == {RUN_ID[:16]}


def test_an_unknown_run_closes_with_4404(tmp_path: Path, open_client: OpenClient) -> None:
    """After it was accepted, for a code does not arrive otherwise."""
    with connect(open_client(make_lab(tmp_path)), "/runs/0123/stream") as socket:
        frames, code = drain(socket)
    assert (code, frames) == (4404, [{"type": "error", "run_id": "0123", "message": "no such run"}])


def test_it_goes_on_from_a_cursor_and_after_the_end(run: RunDirectory, tmp_path: Path, open_client: OpenClient) -> None:
    """Whoever follows is told of the index, too, and stays when the run has ended."""
    client = open_client(make_lab(tmp_path))
    at = len(run.journal_path.read_bytes())
    with (
        run.exclusive(),
        connect(client, f"{ADDRESS}?cursor={at}&follow=true&attempts=false") as socket,
    ):
        frames = [json.loads(socket.receive_text()) for _ in range(2)]
        assert {frame["type"] for frame in frames} == {"init", "indexed"}
        finish_trial(run, "b")
        told: list[dict[str, Any]] = []
        while len(told) < 3:
            frame = json.loads(socket.receive_text())
            told += frame.get("events", ())
            assert frame["type"] in ("events", "indexed")
        assert [event["key"] for event in told] == ["b"] * 3


def test_a_run_that_vanishes_closes_with_4404(run: RunDirectory, tmp_path: Path, open_client: OpenClient) -> None:
    """And the words say which way it is gone."""
    lab = make_lab(tmp_path)
    with connect(open_client(lab), f"{ADDRESS}?follow=true") as socket:
        shutil.rmtree(run.root)
        frames, code = drain(socket)
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
    with connect(open_client(lab), ADDRESS) as socket:
        frames, code = drain(socket)
    assert (code, frames[-1]["type"]) == (1011, "error")
    assert "the disk does not answer" in frames[-1]["message"]


def test_all_runs_in_one_stream(run: RunDirectory, tmp_path: Path, open_client: OpenClient) -> None:
    """From where the reader was; what is no place is passed over."""
    lab = make_lab(tmp_path)
    at = len(run.journal_path.read_bytes().splitlines(keepends=True)[0])
    address = f"/stream?since={RUN_ID[:16]}..{at}&since=nonsense&since=a.b.-1"
    with connect(open_client(lab), address) as socket:
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1]["type"] != "gone":
            frames.append(json.loads(socket.receive_text()))
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
        with connect(client, f"{ADDRESS}?{query}") as socket:
            frames, code = drain(socket)
    except WebSocketDisconnect:
        return
    assert code == 1000
    assert frames[0]["cursor"] == 0
