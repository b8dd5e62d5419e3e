"""The quota of a run that shares with nobody."""

from __future__ import annotations

import asyncio

import pytest

from evalkit.engine.quota import OwnQuota, holding


async def test_slots_are_free_and_costs_add_up() -> None:
    """Nobody waits, and what was spent before counts."""
    quota = OwnQuota(spent_usd=0.25)
    async with quota.slot(), quota.slot():
        quota.add_spent_usd(0.5)
    assert quota.spent_usd() == pytest.approx(0.75)


class _Busy:
    """Counts who is inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = 0

    async def work(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        for _ in range(5):
            await asyncio.sleep(0)
        self.inside -= 1


async def test_no_more_slots_are_held_than_there_are() -> None:
    """Whoever asks for one too many waits until one is given back."""
    quota, busy = OwnQuota(slots=3), _Busy()

    async def request() -> None:
        async with holding(quota.slot()):
            await busy.work()

    await asyncio.gather(*(request() for _ in range(20)))
    assert busy.most == 3


async def test_what_is_asked_under_a_slot_needs_no_other() -> None:
    """An attempt's own requests, also of tasks it starts, go out under its slot one at a time."""
    quota, busy = OwnQuota(slots=2), _Busy()

    async def request() -> None:
        async with holding(quota.slot()):
            await busy.work()
            async with holding(quota.slot()):
                pass

    async def attempt() -> None:
        async with holding(quota.slot()):
            await request()
            await asyncio.gather(*(request() for _ in range(4)))
        await request()

    async with asyncio.timeout(5):
        await asyncio.gather(*(attempt() for _ in range(6)))
    assert busy.most == 2
