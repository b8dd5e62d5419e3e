"""One run's events, read once for all who watch it."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from live_runs import begin_run, finish_trial, following, names, read_journal, until

from evalkit.lab.live import feed as feed_module
from evalkit.lab.live.feed import FeedLine, RunFeed
from evalkit.store.run_directory import RunDirectory, RunStatus

fill = RunFeed._fill


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return begin_run(tmp_path / "run")


async def read_all(feed: RunFeed, cursor: int = 0) -> list[dict]:
    """Return all events after `cursor`, as a reader gets them."""
    events: list[dict] = []
    generation = ""
    while True:
        part = await feed.after(cursor, generation)
        assert not part.is_other
        events += [json.loads(line.text or "") for line in part.lines]
        cursor, generation = part.cursor, part.generation
        if part.is_all:
            return events


async def test_what_there_was_and_what_happens(run: RunDirectory) -> None:
    """Every line of the journal once, in order, with what it stands for."""
    with run.exclusive():
        finish_trial(run, "a")
        async with following(run.root) as feed:
            assert names(await read_all(feed)) == ["began", "started", "finished", "graded"]
            assert (feed.totals["passed"], feed.totals["planned"], feed.totals["status"]) == (1, 3, "running")
            cursor, generation = feed.place
            finish_trial(run, "b", good=False)
            await until(feed, lambda: feed.totals["failed"])
            part = await feed.after(cursor, generation)
            assert [line.event["key"] for line in part.lines] == ["b", "b", "b"]
            assert json.loads(part.lines[2].text or "")["grades"] == {"tool_call": 1.0, "tool_call_args": 0.0}
            assert round(feed.totals["cost_usd"], 6) == 0.022
            assert not feed.is_over
    told = await _read_again(run)
    assert [{name: event[name] for name in line} for event, line in zip(told, read_journal(run), strict=True)] == (
        read_journal(run)
    )


async def _read_again(run: RunDirectory) -> list[dict]:
    async with following(run.root) as feed:
        return await read_all(feed)


async def test_how_a_run_stands_when_nobody_writes_it(run: RunDirectory) -> None:
    """Cut off where it says it is running; over as soon as it ended and let go; going on when it is resumed."""
    async with following(run.root) as feed:
        assert (feed.totals["status"], feed.is_over) == ("cut_off", True)
        with run.exclusive():
            run.journal_resumption(3)
            await until(feed, lambda: not feed.is_over)
            assert feed.totals["status"] == "running"
            run.conclude(RunStatus.GATE_FAILED, exit_code=1, counts={})
            await until(feed, lambda: feed.totals["exit_code"] == 1)
        await until(feed, lambda: feed.is_over)
        assert feed.totals["status"] == "gate_failed"


async def test_a_run_is_not_over_before_its_last_line_was_read(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may end, and let go, at any moment of a look at it."""

    def end(_: RunDirectory) -> bool:
        monkeypatch.undo()
        run.conclude(RunStatus.COMPLETED, exit_code=0, counts={})
        return False

    monkeypatch.setattr(RunDirectory, "is_held", end)
    async with following(run.root) as feed:
        assert feed.is_over
        assert names(await read_all(feed)) == ["began", "ended"]


async def test_readers_who_are_at_the_same_place_share_what_comes(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a line stands for is looked up once, and what is not in memory any more is read once, for all of them."""
    monkeypatch.setattr(feed_module, "_WINDOW", 4)
    for number in range(12):
        finish_trial(run, f"k{number}")
    filled: list[FeedLine] = []
    monkeypatch.setattr(RunFeed, "_fill", lambda self, lines: (filled.extend(lines), fill(self, lines)))
    with run.exclusive():
        async with following(run.root) as feed:
            for cursor in (0, feed._window_begins):
                filled.clear()
                parts = await asyncio.gather(*(feed.after(cursor, "") for _ in range(50)))
                assert all(part is parts[0] for part in parts)
                assert filled == list(parts[0].lines)
            finish_trial(run, "more")
            await until(feed, lambda: feed.totals["finished"] == 13)
            assert len((await feed.after(feed._window_begins, "")).lines) > len(parts[0].lines)


async def test_a_run_of_an_earlier_version_has_ended_as_its_status_says(run: RunDirectory) -> None:
    """Its journal has no line for that."""
    run.write_status(RunStatus.COMPLETED, exit_code=0, counts={})
    async with following(run.root) as feed:
        assert (feed.totals["status"], feed.is_over) == ("completed", True)


async def test_older_events_than_those_in_memory_come_from_the_file(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run is not held in memory, and yet told whole."""
    monkeypatch.setattr(feed_module, "_WINDOW", 4)
    monkeypatch.setattr(feed_module, "_BATCH", 6)
    for number in range(12):
        finish_trial(run, f"k{number}")
    async with following(run.root) as feed:
        events = await read_all(feed)
        assert len(events) == 37
        assert [event["cursor"] for event in events] == sorted({event["cursor"] for event in events})
        assert events[5]["ending"] == "ungraded"
        for event in events:
            assert len(await read_all(feed, event["cursor"])) == 37 - 1 - events.index(event)
        assert len(feed._window) <= 8


async def test_long_lines_fill_neither_the_memory_nor_a_frame(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes are bounded as well as lines: a directory may be forged."""
    monkeypatch.setattr(feed_module, "_WINDOW_BYTES", 20_000)
    monkeypatch.setattr(feed_module, "_BATCH_BYTES", 5_000)
    with run.journal_path.open("a") as file:
        for number in range(100):
            file.write(json.dumps({"event": "started", "key": f"k{number}", "pad": "x" * 2_000}) + "\n")
    async with following(run.root) as feed:
        assert feed.place[0] - feed._window_begins <= 40_000
        assert len(await read_all(feed)) == 101
        part = await feed.after(feed._window_begins, "")
        assert 1 <= len(part.lines) <= 2
        with run.journal_path.open("a") as file:
            file.write("x" * 100_000 + "\n")
        await until(feed, lambda: feed.place[0] == run.journal_path.stat().st_size)
        assert names(await read_all(feed))[-1] == "damaged"


async def test_a_replaced_directory_is_told_from_its_beginning(run: RunDirectory, tmp_path: Path) -> None:
    """Cursors of the one before are worth nothing."""
    finish_trial(run, "a")
    async with following(run.root) as feed:
        cursor, generation = feed.place
        other = begin_run(tmp_path / "other", run_id="f" * 32)
        other.journal_path.replace(run.journal_path)
        await until(feed, lambda: feed.place[1] != generation)
        assert (await feed.after(cursor, generation)).is_other
        await until(feed, lambda: feed.totals["finished"] == 0)
        assert names(await read_all(feed)) == ["began"]


@pytest.mark.parametrize("cursor", [3, 10**12])
async def test_a_cursor_that_is_none_is_refused(run: RunDirectory, cursor: int) -> None:
    """Whoever made it up begins at the beginning."""
    finish_trial(run, "a")
    async with following(run.root) as feed:
        part = await feed.after(cursor, "")
        assert (part.is_other, part.cursor) == (True, 0)


async def test_a_run_that_is_deleted_is_gone(run: RunDirectory) -> None:
    """Readers are told, and not left waiting."""
    async with following(run.root) as feed:
        shutil.rmtree(run.root)
        await until(feed, lambda: feed.is_gone)


async def test_a_feed_that_fails_says_so(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours, or a disk that does not answer."""

    def fail(_: RunDirectory) -> bool:
        raise OSError("the disk does not answer")

    monkeypatch.setattr(RunDirectory, "is_held", fail)
    async with following(run.root) as feed:
        assert str(feed.failure) == "the disk does not answer"


async def test_forged_records_and_grades_end_nothing(run: RunDirectory) -> None:
    """Types that no run writes: the line is told, and the next ones too."""
    record_sha256 = finish_trial(run, "a")
    grade = {"key": "a", "turn_index": 1, "grader_id": ["x"], "grader_type": "x", "grader_version": "1", "grade": "1",
             "rationale": 7, "record_sha256": record_sha256, "graded_at": "now"}  # fmt: skip
    with run.grades_path.open("a") as file:
        file.write(json.dumps(grade) + "\n")
    with run.journal_path.open("a") as file:
        file.write('{"event":"graded","key":"a","graders":5}\n{"event":"finished","key":{},"record_sha256":[]}\n')
    async with following(run.root) as feed:
        assert names(await read_all(feed))[-2:] == ["graded", "finished"]


async def test_what_a_run_is_and_what_it_found(run: RunDirectory) -> None:
    """Its name, mode, model and provider; its summary once there is one."""
    async with following(run.root) as feed:
        described = feed.metadata
        assert (described["mode"], described["models"], described["provider"]) == ("crawl", ["model-a"], "local")
        assert feed.read_summary() == {}
        (run.root / "summary.json").write_text('{"n": 3}')
        assert feed.read_summary() == {"n": 3}
        (run.root / "summary.json").write_text("[1")
        assert feed.read_summary() == {}
