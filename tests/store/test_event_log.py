"""Event logs are written beside the conversation, in order, and trouble with the disk is told at the end."""

from __future__ import annotations

import asyncio
import tracemalloc
from pathlib import Path

import orjson
import pytest

from evalkit.store.event_log import EventLog, open_event_log


async def test_lines_stand_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """Many logs at once, each far longer than what is handed over at a time: every line once, in order."""
    lines = [b"%06d" % number + b"x" * 1000 + b"\n" for number in range(1500)]

    async def keep(number: int) -> bytes:
        path = tmp_path / f"{number}.jsonl"
        async with open_event_log(path) as log:
            for line in lines:
                log.write(line)
                await asyncio.sleep(0)
        return path.read_bytes()

    assert await asyncio.gather(*(keep(number) for number in range(4))) == [b"".join(lines)] * 4


async def test_lines_that_wait_take_no_more_memory_than_they_are_long(tmp_path: Path) -> None:
    """Whatever the library that writes JSON allocates for each: hundreds of conversations have lines that wait."""
    event = {"type": "response.output_audio.delta", "sha256": "0" * 64}
    async with open_event_log(tmp_path / "c.jsonl") as log:
        tracemalloc.start()
        length = 0
        for number in range(1000):
            line = orjson.dumps({**event, "event_index": number}, option=orjson.OPT_APPEND_NEWLINE)
            length += len(line)
            log.write(line)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (tmp_path / "c.jsonl").stat().st_size == length
    assert held < 2 * length


async def test_a_cancelled_case_leaves_what_was_said(tmp_path: Path) -> None:
    """A case that is cancelled has its log closed with every line in it."""
    said = asyncio.Event()

    async def case() -> None:
        async with open_event_log(tmp_path / "c.jsonl") as log:
            log.write(b"said\n")
            said.set()
            await asyncio.sleep(60)

    running = asyncio.create_task(case())
    await said.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tmp_path / "c.jsonl").read_bytes() == b"said\n"


async def test_a_disk_that_takes_nothing_is_told_when_the_log_is_closed(tmp_path: Path) -> None:
    """A write that failed under way is raised at the end; lines after it were taken without complaint."""
    path = tmp_path / "c.jsonl"
    path.mkdir()
    log = EventLog(path)
    log.write(b"x" * (1 << 18))
    log.write(b"later")
    with pytest.raises(IsADirectoryError):
        await asyncio.to_thread(log.finish)


async def test_a_conversation_that_said_nothing_has_an_empty_log(tmp_path: Path) -> None:
    """There is a log as soon as there was a connection to try, whatever came of it."""
    async with open_event_log(tmp_path / "events" / "c.jsonl"):
        pass
    assert (tmp_path / "events" / "c.jsonl").read_bytes() == b""
