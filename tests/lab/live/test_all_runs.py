"""The stream of all runs that are going."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from labs import make_lab
from live_runs import KeptFrames, begin_run, finish_trial, names

from evalkit.lab.lab import Lab
from evalkit.lab.live.all_runs import AllRunsTeller
from evalkit.lab.live.feeds import Feeds
from evalkit.store.run_directory import RunStatus, now_utc

FIRST, SECOND = "1" * 32, "2" * 32


@asynccontextmanager
async def reading(lab: Lab, places: dict[str, tuple[int, str]] | None = None) -> AsyncIterator[KeptFrames]:
    """Have a reader told of all runs, and no feed left behind, for as long as the block lasts."""
    kept, feeds = KeptFrames(), Feeds(lab.index.version)
    task = asyncio.create_task(AllRunsTeller(lab.index, feeds, places or {}, kept.send).tell())
    try:
        yield kept
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert feeds.count() == 0


async def test_runs_that_are_going_and_those_that_begin(tmp_path: Path) -> None:
    """What is going from now on, what begins from its beginning; each until it ends."""
    first = begin_run(tmp_path / "outputs" / "first", run_id=FIRST)
    with first.exclusive():
        finish_trial(first, "a")
        lab = make_lab(tmp_path)
        async with reading(lab) as kept:
            await kept.until(lambda: kept.of_type("init"))
            finish_trial(first, "b")
            second = begin_run(tmp_path / "outputs" / "second", run_id=SECOND, started_at=now_utc())
            with second.exclusive():
                lab.follower.catch_up()
                await kept.until(lambda: len(kept.of_type("init")) == 2)
                finish_trial(second, "a")
                second.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
                await kept.until(lambda: len(kept.events()) == 3 + 5)
            await kept.until(lambda: kept.of_type("gone"))
    of_second = [frame for frame in kept.frames if frame.get("run_id") == SECOND[:16]]
    kinds = [frame["type"] for frame in of_second]
    assert (kinds[0], kinds[-2:]) == ("init", ["complete", "gone"])
    told = [event for frame in of_second if frame["type"] == "events" for event in frame["events"]]
    assert names(told) == ["began", "started", "finished", "graded", "ended"]
    assert [frame["totals"]["passed"] for frame in kept.of_type("init")] == [1, 0]
    assert kept.of_type("attempt") == []
    assert kept.of_type("indexed")[-1]["version"] == lab.index.version()


async def test_a_reader_goes_on_where_it_was(tmp_path: Path) -> None:
    """Also of a run that has ended meanwhile; of one that is gone it hears so."""
    run = begin_run(tmp_path / "outputs" / "run", run_id=FIRST)
    finish_trial(run, "a")
    run.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
    lab = make_lab(tmp_path)
    at = len(run.journal_path.read_bytes().splitlines(keepends=True)[0])
    async with reading(lab, {FIRST[:16]: (at, ""), "0" * 16: (5, "")}) as kept:
        await kept.until(lambda: len(kept.of_type("gone")) == 2)
    assert names(kept.events()) == ["started", "finished", "graded", "ended"]
    assert {frame["run_id"] for frame in kept.of_type("gone")} == {FIRST[:16], "0" * 16}
