"""Everybody who waits hears it, and nobody misses what was rung before."""

from __future__ import annotations

import asyncio

from evalkit.lab.live.bell import Bell


async def test_all_who_wait_are_woken() -> None:
    """Also those who wait for the second ring."""
    bell = Bell()
    first = [asyncio.create_task(bell.wait(0)) for _ in range(3)]
    second = asyncio.create_task(bell.wait(1))
    await asyncio.sleep(0)
    bell.ring()
    await asyncio.gather(*first)
    assert not second.done()
    bell.ring()
    await second


async def test_who_looks_after_noting_waits_for_nothing() -> None:
    """Rung between noting and waiting: there is news."""
    bell = Bell()
    rung = bell.rung
    bell.ring()
    await asyncio.wait_for(bell.wait(rung), 1)
