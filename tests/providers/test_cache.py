"""The cache by content: made once, whole or not at all, and made again when it is broken."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.providers.cache import ContentCache

ASKED = {"text": "hello", "voice": "marin"}


class Maker:
    """Makes a payload and counts how often."""

    def __init__(self, payload: bytes = b"made") -> None:
        self.payload = payload
        self.calls = 0

    async def __call__(self) -> bytes:
        self.calls += 1
        await asyncio.sleep(0)
        return self.payload


def entries(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def test_made_once(tmp_path: Path) -> None:
    """The second time, and in a later process, the payload is there."""
    make = Maker()
    assert await ContentCache(tmp_path).get_or_make(ASKED, make) == (b"made", False)
    assert await ContentCache(tmp_path).get_or_make(ASKED, make) == (b"made", True)
    assert make.calls == 1


async def test_each_question_has_its_own_answer(tmp_path: Path) -> None:
    """Any difference in what is asked is another entry; the order of keys is none."""
    cache, make = ContentCache(tmp_path), Maker()
    await cache.get_or_make(ASKED, make)
    await cache.get_or_make({**ASKED, "voice": "cedar"}, make)
    assert (await cache.get_or_make(dict(reversed(ASKED.items())), make))[1]
    assert make.calls == 2


async def test_those_who_wait_share_one(tmp_path: Path) -> None:
    """Twenty tasks that ask at once make it once; another question does not wait for them."""
    cache, make = ContentCache(tmp_path), Maker()
    results = await asyncio.gather(*(cache.get_or_make(ASKED, make) for _ in range(20)))
    assert make.calls == 1
    assert {payload for payload, _ in results} == {b"made"}
    assert sum(not cached for _, cached in results) == 1


async def test_a_failure_is_not_stored(tmp_path: Path) -> None:
    """What could not be made is raised, and the next who asks tries again."""

    async def fail() -> bytes:
        raise RuntimeError("no voice today")

    cache, make = ContentCache(tmp_path), Maker()
    failed, made = await asyncio.gather(
        cache.get_or_make(ASKED, fail), cache.get_or_make(ASKED, make), return_exceptions=True
    )
    assert isinstance(failed, RuntimeError)
    assert made == (b"made", False)


@given(damage=st.one_of(st.binary(max_size=60), st.integers(min_value=0, max_value=100)))
def test_a_broken_entry_is_made_again(tmp_path_factory: pytest.TempPathFactory, damage: bytes | int) -> None:
    """An entry that was cut, overwritten or emptied is never handed out."""
    directory = tmp_path_factory.mktemp("cache")
    make = Maker(b"0123456789" * 3)

    async def ask() -> tuple[bytes, bool]:
        return await ContentCache(directory).get_or_make(ASKED, make)

    asyncio.run(ask())
    (entry,) = entries(directory)
    whole = entry.read_bytes()
    broken = damage if isinstance(damage, bytes) else whole[:damage]
    entry.write_bytes(broken)
    payload, cached = asyncio.run(ask())
    assert payload == make.payload
    assert cached == (broken == whole)
    assert entry.read_bytes() == whole


async def test_the_first_writer_counts(tmp_path: Path) -> None:
    """Where two processes made the same thing, both go on with what was stored first."""
    first, second = ContentCache(tmp_path), ContentCache(tmp_path)

    async def make_slowly() -> bytes:
        await first.get_or_make(ASKED, Maker(b"stored first"))
        return b"stored never"

    assert await second.get_or_make(ASKED, make_slowly) == (b"stored first", False)
    assert await second.get_or_make(ASKED, Maker()) == (b"stored first", True)


def fill(directory: str, number: int) -> None:
    async def run() -> None:
        cache = ContentCache(Path(directory))
        for item in range(20):
            payload, _ = await cache.get_or_make({"item": item}, Maker(b"%d" % item * 5000))
            assert payload == b"%d" % item * 5000

    asyncio.run(run())


def test_many_processes_share_a_directory(tmp_path: Path) -> None:
    """Processes that write the same entries at once never read half of one, and leave nothing else behind."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=fill, args=(str(tmp_path), number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len(entries(tmp_path)) == 20


async def test_an_unwritable_directory_costs_speed_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a place to store, everything is made anew, and one warning says why."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    cache, make = ContentCache(blocked / "cache"), Maker()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert await cache.get_or_make(ASKED, make) == (b"made", False)
    assert make.calls == 3
    assert len([record for record in caplog.records if "nothing is cached" in record.message]) == 1


async def test_what_was_read_last_is_at_hand_within_bounds(tmp_path: Path) -> None:
    """Repeated questions do not read the disk again, and what is held in memory stays below 32 MiB."""
    cache = ContentCache(tmp_path)
    mib = Maker(bytes(1024 * 1024))
    for turn in range(2):
        for number in range(40):
            assert (await cache.get_or_make({"n": number}, mib))[1] is bool(turn)
    assert sum(map(len, cache._recent.values())) == cache._recent_bytes == 32 * 1024 * 1024
    for entry in entries(tmp_path):
        entry.unlink()
    assert (await cache.get_or_make({"n": 39}, mib))[1]
    assert not (await cache.get_or_make({"n": 0}, mib))[1]
