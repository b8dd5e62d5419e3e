"""Event logs are written beside the conversation, in order, and trouble with the disk is told at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from evalkit.store.event_log import EventLog, open_event_log


async def test_each_attempts_events_are_kept(tmp_path: Path) -> None:
    """The log of the last attempt has the plain name."""
    for attempt, line in ((1, b"first"), (2, b"second"), (3, b"third")):
        async with open_event_log(tmp_path / "events" / "sim.jsonl", attempt) as log:
            log.write(line)
    assert {path.name: path.read_bytes() for path in (tmp_path / "events").iterdir()} == {
        "sim.attempt1.jsonl": b"first",
        "sim.attempt2.jsonl": b"second",
        "sim.jsonl": b"third",
    }


async def test_lines_stand_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """Many logs at once, each far longer than what is handed over at a time: every line once, in order."""
    lines = [b"%06d" % number + b"x" * 1000 + b"\n" for number in range(1500)]

    async def keep(number: int) -> bytes:
        path = tmp_path / f"{number}.jsonl"
        async with open_event_log(path, 1) as log:
            for line in lines:
                log.write(line)
                await asyncio.sleep(0)
        return path.read_bytes()

    assert await asyncio.gather(*(keep(number) for number in range(4))) == [b"".join(lines)] * 4


async def test_a_cancelled_case_leaves_what_was_said(tmp_path: Path) -> None:
    """A case that is cancelled has its log closed with every line in it."""
    said = asyncio.Event()

    async def case() -> None:
        async with open_event_log(tmp_path / "c.jsonl", 1) as log:
            log.write(b"said\n")
            said.set()
            await asyncio.sleep(60)

    running = asyncio.create_task(case())
    await said.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tmp_path / "c.jsonl").read_bytes() == b"said\n"


async def test_a_full_disk_is_told_when_the_log_is_closed(tmp_path: Path) -> None:
    """A write that failed under way is raised at the end; lines after it were taken without complaint."""

    class FullDisk:
        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

        def __enter__(self) -> FullDisk:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    log = EventLog(FullDisk())  # type: ignore[arg-type]
    log.write(b"x" * (1 << 18))
    log.write(b"later")
    with pytest.raises(OSError, match="No space left"):
        await asyncio.to_thread(log.finish)
