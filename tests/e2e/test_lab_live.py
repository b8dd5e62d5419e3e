"""The lab, the connection and the run are killed between them; whoever watches is told the journal, once."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import Cli
from killed_processes import PATIENCE_S, KilledLab, KilledRun, busy_run, whole_run
from live_runs import RUN_ID, read_journal
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException


@dataclass
class Watcher:
    """Follows a run as a page does: from its cursor, however often the connection breaks.

    Attributes:
        address: Of the stream.
        events: All that it was told.
        resets: How often it was told to begin again.

    """

    address: str
    events: list[dict[str, Any]] = field(default_factory=list)
    resets: int = 0
    connections: int = 0
    _socket: ClientConnection | None = None
    _place: tuple[int, str] = (0, "")
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self) -> None:
        """Watch until cancelled."""
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                await self._connect()
            await asyncio.sleep(0.02)

    async def _connect(self) -> None:
        cursor, generation = self._place
        query = f"cursor={cursor}&generation={generation}&follow=true&attempts=false&reader=watcher"
        async with connect(f"{self.address}?{query}", open_timeout=5) as socket:
            self._socket = socket
            self.connections += 1
            async for text in socket:
                self._take(json.loads(text))

    def _take(self, frame: dict[str, Any]) -> None:
        self.resets += frame["type"] == "reset" or frame.get("reset", False)
        if frame["type"] in ("init", "events"):
            self._place = (frame["cursor"], frame["generation"])
            self.events += frame.get("events", ())
            self._more.set()

    def cut(self) -> None:
        """Break the connection in the middle of whatever it carries."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def until(self, count: int) -> None:
        """Wait until it has been told `count` events."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.events) < count:
                self._more.clear()
                await self._more.wait()


async def _kill_and_compare(
    outputs: Path, having_run: AbstractContextManager[KilledRun], kills: list[str], seed: int
) -> list[dict[str, Any]]:
    """Kill each of `kills` after a random number of events; what was told, joined, is the journal. Return it."""
    rng = random.Random(seed)
    with ExitStack() as stack:
        run = await asyncio.to_thread(stack.enter_context, having_run)
        lab = await asyncio.to_thread(KilledLab, outputs, stack)
        watcher = Watcher(f"{lab.url.replace('http', 'ws')}/runs/{RUN_ID[:16]}/stream")
        watching = asyncio.create_task(watcher.watch())
        for kill in kills:
            await watcher.until(len(watcher.events) + rng.randint(1, 10))
            if kill == "lab":
                lab.kill()
                await asyncio.to_thread(lab.start_again)
            elif kill == "run":
                await asyncio.to_thread(run.kill_and_resume, rng)
            else:
                watcher.cut()
        await asyncio.to_thread(run.come_to_end)
        journal = read_journal(run.directory)
        await watcher.until(len(journal))
        watching.cancel()
    told = [{name: event[name] for name in line} for event, line in zip(watcher.events, journal, strict=True)]
    assert told == journal
    cursors = [event["cursor"] for event in watcher.events]
    assert cursors == sorted(set(cursors))
    assert watcher.resets == 0
    assert watcher.connections > kills.count("lab") + kills.count("connection")
    # A run may be killed again before it has said that it goes on.
    assert 0 < [line["event"] for line in journal].count("resumed") <= kills.count("run")
    return journal


async def test_whoever_watches_is_told_the_journal_once(tmp_path: Path) -> None:
    """The lab, the connection and the run are killed in turn."""
    outputs = tmp_path / "outputs"
    await _kill_and_compare(
        outputs, busy_run(outputs / "run"), ["connection", "run", "lab", "connection", "run"], seed=1
    )


async def _kill_a_whole_run(cli: Cli, kills: list[str], seed: int) -> None:
    """Kill a crawl, which is interrupted in the end: no case-trial was finished twice."""
    outputs = cli.cwd / "outputs"
    line = ("concurrency=2", "trials=20", "report.plots=false", "report.html=false")
    journal = await _kill_and_compare(outputs, whole_run(cli, outputs, *line), kills, seed)
    finished = [line["key"] for line in journal if line["event"] == "finished"]
    assert finished
    assert len(finished) == len(set(finished))


async def test_whoever_watches_a_whole_run_is_told_its_journal_once(cli: Cli) -> None:
    """What is killed and resumed is the installed command."""
    await _kill_a_whole_run(cli, ["run", "connection", "lab", "run"], seed=3)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_random_kills_of_a_whole_run(cli: Cli) -> None:
    """In any order, at any time."""
    rng = random.Random(21)
    await _kill_a_whole_run(cli, [rng.choice(["lab", "connection", "run"]) for _ in range(30)], seed=4)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_hundred_random_kills(tmp_path: Path) -> None:
    """In any order, at any time."""
    rng = random.Random(20)
    kills = [rng.choice(["lab", "connection", "run"]) for _ in range(100)]
    outputs = tmp_path / "outputs"
    await _kill_and_compare(outputs, busy_run(outputs / "run"), kills, seed=2)
