"""Slots and spending hold across processes, and no crash keeps a slot or loses a cost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evalkit.engine.quota import Quota
from evalkit.store import shared_quota
from evalkit.store.shared_quota import SharedQuota

# Holds a slot for a moment, over and over, and notes how many hold one at that moment.
WORK = """
import asyncio, os, pathlib, sys
from evalkit.store.shared_quota import SharedQuota

async def main(root, lanes):
    quota = SharedQuota(root, str(os.getpid()), 3)
    inside = root / "inside"
    async def lane(number):
        for _ in range(4):
            async with quota.slot():
                mark = inside / f"{os.getpid()}-{number}"
                mark.touch()
                with (root / "seen").open("a") as file:
                    file.write(f"{len(list(inside.iterdir()))}\\n")
                await asyncio.sleep(0.02)
                mark.unlink()
                quota.add_spent_usd(0.25)
    await asyncio.gather(*(lane(number) for number in range(lanes)))

asyncio.run(main(pathlib.Path(sys.argv[1]), 4))
"""
HOLD = """
import asyncio, pathlib, sys
from evalkit.store.shared_quota import SharedQuota

async def main():
    async with SharedQuota(pathlib.Path(sys.argv[1]), "dies", 1).slot():
        print("held", flush=True)
        sys.stdin.read()

asyncio.run(main())
"""


def test_it_is_a_quota_of_the_engine(tmp_path: Path) -> None:
    """The engine takes it for its own kind."""
    quota: Quota = SharedQuota(tmp_path, "0_x", 1)
    assert quota.spent_usd() == 0.0


def test_processes_hold_no_more_slots_than_there_are_and_every_cost_counts(tmp_path: Path) -> None:
    """Three processes with four lanes each, three slots: never more than three inside, and the sum is exact."""
    (tmp_path / "inside").mkdir()
    processes = [subprocess.Popen([sys.executable, "-c", WORK, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    seen = [int(line) for line in (tmp_path / "seen").read_text().splitlines()]
    assert len(seen) == 3 * 4 * 4
    assert max(seen) <= 3
    assert SharedQuota(tmp_path, "late", 3).spent_usd() == pytest.approx(0.25 * 48)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the only slot."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


async def test_a_killed_process_gives_its_slot_back(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    """Whatever way it ends; the others wait for it until then."""
    with closing(SharedQuota(tmp_path, "waits", 1)) as quota:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_enter(quota), 0.3)
        holder.kill()
        assert await asyncio.wait_for(_enter(quota), 5) == "inside"


async def _enter(quota: SharedQuota) -> str:
    async with quota.slot():
        return "inside"


async def test_whoever_is_cancelled_holds_nothing(tmp_path: Path) -> None:
    """At whatever moment: while it waits for its turn, while its slot is being taken, or while it holds it."""
    with closing(SharedQuota(tmp_path, "0_x", 2)) as quota:
        for turns in range(12):
            entering = [asyncio.ensure_future(_stay(quota)) for _ in range(4)]
            for _ in range(turns):
                await asyncio.sleep(0.0002)
            for task in entering:
                task.cancel()
            await asyncio.gather(*entering, return_exceptions=True)
        async with quota.slot(), quota.slot():
            pass


async def _stay(quota: SharedQuota) -> None:
    async with quota.slot():
        await asyncio.sleep(60)


async def test_a_closed_quota_gives_back_what_it_holds(tmp_path: Path) -> None:
    """And leaves no sign of life behind."""
    with closing(SharedQuota(tmp_path, "0_x", 1)) as quota:
        staying = asyncio.ensure_future(_stay(quota))
        await asyncio.sleep(0.1)
    with closing(SharedQuota(tmp_path, "1_y", 1)) as other:
        assert await asyncio.wait_for(_enter(other), 5) == "inside"
    staying.cancel()
    await asyncio.gather(staying, return_exceptions=True)
    quota.close()
    assert list((tmp_path / ".quota" / "slots" / "owners").iterdir()) == []


async def test_without_a_number_nobody_waits(tmp_path: Path) -> None:
    """A quota of null is any number of slots; spending is shared all the same."""
    quota = SharedQuota(tmp_path, "0_x", None)
    async with quota.slot(), quota.slot():
        quota.add_spent_usd(0.5)
    assert SharedQuota(tmp_path, "1_y", None).spent_usd() == 0.5


def test_spending_is_read_as_it_grows_and_a_torn_line_costs_that_line(tmp_path: Path) -> None:
    """Half a line is waited for; what a power cut left of one is passed over."""
    quota = SharedQuota(tmp_path, "0_x", None)
    quota.add_spent_usd(1.0)
    (ledger,) = (tmp_path / ".quota" / "spent").iterdir()
    with ledger.open("ab") as file:
        file.write(b'{"usd": 5')
    assert quota.spent_usd() == 1.0
    with ledger.open("ab") as file:
        file.write(b"\n")
    quota.add_spent_usd(2.0)
    assert quota.spent_usd() == 3.0


def test_each_machine_has_a_ledger_and_all_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody appends to what another machine appends to; the one ledger of an earlier version's sweep counts too."""
    here = SharedQuota(tmp_path, "0_x", None)
    here.add_spent_usd(1.0)
    monkeypatch.setattr(shared_quota, "machine_name", lambda: "elsewhere")
    there = SharedQuota(tmp_path, "1_y", None)
    there.add_spent_usd(2.0)
    (tmp_path / ".quota" / "spent.jsonl").write_text('{"usd": 4.0, "job": "0_x"}\n', encoding="utf-8")
    assert here.spent_usd() == there.spent_usd() == 7.0
    assert len(list((tmp_path / ".quota" / "spent").iterdir())) == 2
    here.add_spent_usd(0.5)
    assert there.spent_usd() == 7.5
