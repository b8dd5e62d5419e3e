"""What one reader of a run is sent."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from live_runs import KeptFrames, begin_run, finish_trial, following, names, read_journal, until

from evalkit.errors import DataError
from evalkit.lab.live import readers as readers_module
from evalkit.lab.live.feed import RunFeed
from evalkit.lab.live.feeds import IndexNews
from evalkit.lab.live.readers import RunTeller, StreamEnd, beat, tell_index_news
from evalkit.store.run_directory import RunDirectory, RunStatus


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return begin_run(tmp_path / "run")


@asynccontextmanager
async def reading(feed: RunFeed, **options: Any) -> AsyncIterator[tuple[KeptFrames, asyncio.Task[StreamEnd]]]:
    """Have a reader told of the run for as long as the block lasts."""
    kept = KeptFrames()
    task = asyncio.create_task(RunTeller(feed, kept.send, **options).tell())
    try:
        yield kept, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_run_is_told_to_its_end_as_older_clients_expect_it(run: RunDirectory) -> None:
    """The first frame is `init`, each decided case-trial an `attempt`, the last one `complete`."""
    with run.exclusive():
        finish_trial(run, "a")
        async with following(run.root) as feed, reading(feed) as (kept, task):
            await kept.until(lambda: len(kept.of_type("attempt")) == 1)
            finish_trial(run, "b", good=False)
            (run.root / "summary.json").write_text('{"n": 2}')
            run.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
            await kept.until(lambda: names(kept.events())[-1:] == ["ended"])
            assert not task.done()  # it is held still, and may write more
    async with following(run.root) as feed, reading(feed) as (kept, task):
        assert await task is StreamEnd.OVER
    assert [frame["type"] for frame in kept.frames] == ["init", "events", "attempt", "attempt", "complete"]
    assert kept.frames[0]["metadata"]["models"] == ["model-a"]
    assert [frame["status"] for frame in kept.of_type("attempt")] == ["passed", "failed"]
    assert kept.frames[-1] == {"type": "complete", "run_id": "run-a", "status": "completed", "summary": {"n": 2}}


async def test_after_a_cursor_comes_what_is_new(run: RunDirectory) -> None:
    """Nothing twice, whether it was there before or happens now; the newest totals with it."""
    finish_trial(run, "a")
    with run.exclusive():
        async with following(run.root) as feed, reading(feed, wants_attempts=False) as (first, _):
            await first.until(lambda: len(first.events()) == 4)
            cursor, generation = first.events()[1]["cursor"], first.frames[0]["generation"]
            async with reading(feed, cursor=cursor, generation=generation) as (second, _):
                finish_trial(run, "b")
                await second.until(lambda: len(second.events()) == 5)
            await first.until(lambda: len(first.events()) == 7)
    assert [event["key"] for event in second.events()] == ["a", "a", "b", "b", "b"]
    assert (second.frames[0]["cursor"], second.frames[0]["reset"]) == (cursor, False)
    assert second.of_type("events")[-1]["totals"]["passed"] == 2
    assert names(first.events()) == [line["event"] for line in read_journal(run)]
    assert first.of_type("attempt") == []


async def test_without_a_cursor_it_begins_now(run: RunDirectory) -> None:
    """A list of runs wants no past."""
    with run.exclusive():
        finish_trial(run, "a")
        async with following(run.root) as feed, reading(feed, cursor=None) as (kept, _):
            await kept.until(lambda: kept.frames)
            assert kept.frames[0]["totals"]["passed"] == 1
            finish_trial(run, "b")
            await kept.until(lambda: len(kept.events()) == 3)
    assert {event["key"] for event in kept.events()} == {"b"}


@pytest.mark.parametrize(("cursor", "generation"), [(7, ""), (10**9, ""), (1, "0" * 16)])
async def test_a_cursor_that_is_none_is_told_at_once(run: RunDirectory, cursor: int, generation: str) -> None:
    """And everything comes from the beginning."""
    async with following(run.root) as feed, reading(feed, cursor=cursor, generation=generation) as (kept, task):
        await task
    assert (kept.frames[0]["reset"], kept.frames[0]["cursor"]) == (True, 0)
    assert names(kept.events()) == ["began"]


async def test_a_directory_that_is_replaced_is_told_anew(run: RunDirectory, tmp_path: Path) -> None:
    """The reader forgets what it was told."""
    with run.exclusive():
        async with following(run.root) as feed, reading(feed) as (kept, _):
            await kept.until(kept.events)
            other = begin_run(tmp_path / "other", run_id="f" * 32)
            other.journal_path.replace(run.journal_path)
            await kept.until(lambda: len(kept.events()) == 2)
    (reset,) = kept.of_type("reset")
    assert reset["generation"] == kept.frames[-1]["generation"] != kept.frames[0]["generation"]
    assert kept.events()[1]["run_id"] == "f" * 32


async def test_who_follows_hears_of_a_run_that_goes_on(run: RunDirectory) -> None:
    """It ended, and was resumed, and ended again."""
    run.conclude(RunStatus.INTERRUPTED, exit_code=130, counts={})
    async with following(run.root) as feed, reading(feed, follows=True) as (kept, task):
        await kept.until(lambda: kept.of_type("complete"))
        with run.exclusive():
            run.journal_resumption(3)
            await kept.until(lambda: names(kept.events())[-1] == "resumed")
            await until(feed, lambda: not feed.is_over)
            run.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
        await kept.until(lambda: len(kept.of_type("complete")) == 2)
        assert not task.done()
    assert [frame["status"] for frame in kept.of_type("complete")] == ["interrupted", "completed"]


async def test_a_run_that_is_cut_off_is_told_without_an_event(run: RunDirectory) -> None:
    """Nobody was there to write one."""
    async with following(run.root) as feed:
        with run.exclusive():
            await until(feed, lambda: not feed.is_over)
            async with reading(feed, follows=True) as (kept, _):
                await kept.until(kept.events)
                holder = kept
        async with reading(feed, follows=True) as (kept, _):
            await kept.until(lambda: kept.of_type("complete"))
    assert holder.frames[0]["totals"]["status"] == "running"
    assert kept.of_type("complete")[0]["status"] == "cut_off"


async def test_what_happens_while_a_frame_is_sent_comes_before_the_end(run: RunDirectory) -> None:
    """The reader is slow, and the run ends meanwhile."""
    kept = KeptFrames()
    with ExitStack() as held:
        held.enter_context(run.exclusive())
        async with following(run.root) as feed:

            async def send(text: str) -> None:
                await kept.send(text)
                if kept.frames[-1]["type"] == "events" and not feed.is_over:
                    run.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
                    held.close()
                    await until(feed, lambda: feed.is_over)

            assert await asyncio.wait_for(RunTeller(feed, send).tell(), 10) is StreamEnd.OVER
    assert names(kept.events()) == ["began", "ended"]
    assert kept.frames[-1]["type"] == "complete"


async def test_a_run_that_is_gone_or_cannot_be_followed(run: RunDirectory) -> None:
    """The stream ends, and says why."""
    async with following(run.root) as feed, reading(feed, follows=True) as (kept, task):
        await kept.until(lambda: kept.frames)
        shutil.rmtree(run.root)
        assert await asyncio.wait_for(task, 10) is StreamEnd.GONE
    feed = RunFeed("run-a", run.root)
    feed.failure = OSError("the disk does not answer")
    async with reading(feed) as (_, task):
        with pytest.raises(DataError, match="the disk does not answer"):
            await task


async def test_why_it_was_dropped_is_told_with_the_first_frame(run: RunDirectory) -> None:
    """Through a full socket it could not be told."""
    kept = KeptFrames()
    async with following(run.root) as feed:
        await RunTeller(feed, kept.send).tell("too slow")
    assert kept.frames[0]["dropped"] == "too slow"


async def test_index_news_and_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life when nothing happens, the index's version when it changes."""
    monkeypatch.setattr(readers_module, "HEARTBEAT_S", 0.001)
    news, kept = IndexNews(lambda: 1), KeptFrames()
    tasks = [asyncio.create_task(tell_index_news(news, kept.send)), asyncio.create_task(beat(kept.send))]
    news.version = 3
    news.bell.ring()
    await kept.until(lambda: kept.of_type("indexed") and kept.of_type("heartbeat"))
    for task in tasks:
        task.cancel()
    assert kept.of_type("indexed")[0] == {"type": "indexed", "version": 3}
