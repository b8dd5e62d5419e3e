"""The lab, the connection and the run are killed between them; whoever watches is told the journal, once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from live_runs import RUN_ID, read_journal
from running_lab import running_lab
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from evalkit.store.run_directory import RunDirectory

BUSY_RUN = Path(__file__).with_name("busy_run.py")
TESTS = Path(__file__).parents[1]
PAUSE_S = 0.02
PATIENCE_S = 60


@dataclass
class Watcher:
    """Follows a run as a page does: from its cursor, however often the connection breaks.

    Attributes:
        address: Of the stream; None while there is no lab.
        events: All that it was told.
        resets: How often it was told to begin again.

    """

    address: str | None = None
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


class KilledLab:
    """A lab that is killed and started again at the same port."""

    def __init__(self, outputs: Path, stack: ExitStack) -> None:
        self._outputs = outputs
        self._stack = stack
        self._port = "0"
        self._lab = self._start()
        self._port = self._lab.url.rpartition(":")[2]

    def _start(self) -> Any:
        return self._stack.enter_context(
            running_lab(self._outputs, cwd=self._outputs.parent, arguments=("--port", self._port))
        )

    @property
    def stream(self) -> str:
        """The address of the run's stream."""
        return f"{self._lab.url.replace('http', 'ws')}/runs/{RUN_ID[:16]}/stream"

    def kill_and_start(self) -> None:
        """Kill it, as nobody can defend against, and start it again."""
        self._lab.process.kill()
        self._lab.process.wait()
        self._lab = self._start()


class KilledRun:
    """A run that is killed and resumed, and may leave half a line."""

    def __init__(self, root: Path) -> None:
        self.directory = RunDirectory(root)
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        paths = [str(TESTS), str(TESTS / "lab"), os.environ.get("PYTHONPATH", "")]
        return subprocess.Popen(
            [sys.executable, str(BUSY_RUN), str(self.directory.root), str(PAUSE_S)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,
        )

    def kill_and_resume(self, rng: random.Random) -> None:
        """Kill it; a power failure would have torn its last line."""
        self.stop()
        if rng.random() < 0.5:
            with self.directory.journal_path.open("ab") as file:
                file.write(b'{"event": "finished", "key": "case-'[: rng.randint(1, 34)])
        self._process = self._start()

    def stop(self) -> None:
        """Kill it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    async def end(self) -> None:
        """Say that it is enough, and wait until it has come to its end."""
        self.directory.root.with_name("enough").touch()
        assert await asyncio.to_thread(self._process.wait, PATIENCE_S) == 0


@contextmanager
def going(root: Path) -> Iterator[KilledRun]:
    """Have a run that goes on until the block ends."""
    run = KilledRun(root)
    try:
        yield run
    finally:
        run.stop()


async def _kill_and_compare(tmp_path: Path, kills: list[str], seed: int) -> None:
    """Kill each of `kills` after a random number of events; what was told, joined, is the journal."""
    rng = random.Random(seed)
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    with ExitStack() as stack, going(outputs / "run") as run:
        lab = await asyncio.to_thread(KilledLab, outputs, stack)
        watcher = Watcher(lab.stream)
        watching = asyncio.create_task(watcher.watch())
        for kill in kills:
            await watcher.until(len(watcher.events) + rng.randint(1, 20))
            if kill == "lab":
                await asyncio.to_thread(lab.kill_and_start)
            elif kill == "run":
                await asyncio.to_thread(run.kill_and_resume, rng)
            else:
                watcher.cut()
        await run.end()
        journal = read_journal(run.directory)
        await watcher.until(len(journal))
        watching.cancel()
    told = [{name: event[name] for name in line} for event, line in zip(watcher.events, journal, strict=True)]
    assert told == journal
    cursors = [event["cursor"] for event in watcher.events]
    assert cursors == sorted(set(cursors))
    assert watcher.resets == 0
    assert watcher.connections > kills.count("lab") + kills.count("connection")
    assert [line["event"] for line in journal].count("resumed") == kills.count("run")


async def test_whoever_watches_is_told_the_journal_once(tmp_path: Path) -> None:
    """The lab, the connection and the run are killed in turn."""
    await _kill_and_compare(tmp_path, ["connection", "run", "lab", "connection", "run"], seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_hundred_random_kills(tmp_path: Path) -> None:
    """In any order, at any time."""
    rng = random.Random(20)
    kills = [rng.choice(["lab", "connection", "run"]) for _ in range(100)]
    await _kill_and_compare(tmp_path, kills, seed=2)
