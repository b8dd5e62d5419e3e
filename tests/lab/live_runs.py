"""Runs that go on while a test looks on, and readers that keep what they are sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from factories import make_grade
from stored_runs import make_call, write_run

from evalkit.lab.live.feed import RunFeed
from evalkit.records.record import CaseRecord
from evalkit.store.run_directory import RunDirectory, RunStatus

RUN_ID = "0123456789abcdef0123456789abcdef"
CONFIG = {
    "mode": {"name": "crawl", "data_csv": "data/cases.csv"},
    "assistant": {"model": "model-a", "voice": "v", "provider": {"name": "local"}, "reasoning_effort": "low"},
}


def begin_run(root: Path, keys: Sequence[str] = ("a", "b", "c"), **facts: Any) -> RunDirectory:
    """Begin a run of the case-trials `keys`, as the runner does."""
    given = {"run_id": RUN_ID, "case_trials": list(keys), "status": RunStatus.RUNNING, **facts}
    run = write_run(root, CONFIG, [], {}, **given)
    run.journal_beginning(given["run_id"], len(keys))
    return run


def finish_trial(run: RunDirectory, key: str = "a", *, good: bool = True, record: CaseRecord | None = None) -> str:
    """Run one case-trial to its end, grades and all; return the hash of its record."""
    ended = record or make_call(key)
    run.journal_start(ended.key, 1)
    record_sha256 = run.store_record(ended)
    if ended.fault is None:
        values = {"tool_call": 1.0, "tool_call_args": float(good)}
        grades = [make_grade(ended, name, value, record_sha256=record_sha256) for name, value in values.items()]
        run.append_grades(grades, {ended.key: good})
    return record_sha256


def read_journal(run: RunDirectory) -> list[dict[str, Any]]:
    """Return all lines of a run's journal."""
    return [json.loads(line) for line in run.journal_path.read_text(encoding="utf-8").splitlines()]


@asynccontextmanager
async def following(root: Path, run_id: str = "run-a") -> AsyncIterator[RunFeed]:
    """Follow the run at `root`, once what is there has been read."""
    feed = RunFeed(run_id, root)
    task = asyncio.create_task(feed.follow())
    try:
        await until(feed, lambda: feed.is_ready or feed.failure is not None)
        yield feed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(feed: RunFeed, is_so: Callable[[], object]) -> None:
    """Wait until `is_so`, as the feed's news come."""
    async with asyncio.timeout(10):
        while True:
            rung = feed.bell.rung
            if is_so():
                return
            await feed.bell.wait(rung)


class KeptFrames:
    """Takes frames, and keeps them."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    async def send(self, text: str) -> None:
        """Keep one frame."""
        self.frames.append(json.loads(text))
        self._more.set()

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until `is_so`, as frames come."""
        async with asyncio.timeout(10):
            while not is_so():
                self._more.clear()
                await self._more.wait()

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """Return the frames of one type."""
        return [frame for frame in self.frames if frame["type"] == kind]

    def events(self) -> list[dict[str, Any]]:
        """Return all events, in order."""
        return [event for frame in self.of_type("events") for event in frame["events"]]


def names(events: Sequence[dict[str, Any]]) -> list[str]:
    """Return what the events are called."""
    return [str(event["event"]) for event in events]
