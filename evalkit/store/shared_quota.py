"""A quota that holds across the jobs of a sweep, on one machine or many: slots and a ledger, by files.

::

    <sweep>/.quota/slots/                   the slots (:mod:`evalkit.store.slots`)
    <sweep>/.quota/slots-<machine>/         those of each machine, for what each has to itself: a model that it serves
    <sweep>/.quota/spent/<machine>.jsonl    a line for each cost: {"usd": 0.0123, "job": "3_seed-4"}

**Slots** are the whole sweep's, or a machine's. **Spending** is the whole sweep's: each machine appends to a ledger of
its own, since two machines that append to one file at the same time may overwrite each other's line on a network file
system; whoever wants to know reads them all. A line is appended with one write and is on disk when the call returns.
``spent.jsonl`` beside that folder is the one ledger of sweeps that earlier versions began, and counts too.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from evalkit.clock import Clock, MonotonicClock
from evalkit.store.heartbeat import LOST_AFTER_S
from evalkit.store.journal import append_line
from evalkit.store.slots import HeldSlot, Slots, machine_name

T = TypeVar("T")

_POLL_S = 0.05

# One who waits spends at most this part of his time with asking, however slow the file system is.
_ASKING_SHARE = 0.1


class SharedQuota:
    """The quota of one job in a sweep, an :class:`evalkit.engine.quota.Quota`. For one event loop; to be closed.

    Args:
        sweep_root: The sweep's own folder.
        job: The job's name in the ledger.
        slots: How many slots there are for all jobs of the sweep; None: any number.
        each_machine: There are so many on each machine instead.
        lost_after_s: A process on another machine that gives no sign of life for so long holds its slots no more.
        clock: Of this process.

    """

    def __init__(
        self,
        sweep_root: Path,
        job: str,
        slots: int | None,
        *,
        each_machine: bool = False,
        lost_after_s: float = LOST_AFTER_S,
        clock: Clock | None = None,
    ) -> None:
        self._folder = sweep_root / ".quota"
        self._ledger = self._folder / "spent" / f"{machine_name()}.jsonl"
        self._ledger.parent.mkdir(parents=True, exist_ok=True)
        self._job = job
        self._clock = clock or MonotonicClock()
        place = self._folder / (f"slots-{machine_name()}" if each_machine else "slots")
        self._slots = None if slots is None else Slots(place, slots, lost_after_s, self._clock)
        self._turn = asyncio.Lock()
        self._read: dict[Path, _ReadLedger] = {}
        # The slots' thread: a file system that is slow, or away for a while, must not delay the calls that go on.
        self._thread: ThreadPoolExecutor | None = None
        self._opened = ExitStack()

    def close(self) -> None:
        """Give back what is held, and give no more signs of life. It may be used again afterwards."""
        self._opened.close()
        self._thread = None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot for as long as the block lasts; waits until one is free, on whatever machine it was held."""
        if self._slots is None:
            yield
            return
        held = await self._wait_for_slot(self._slots)
        try:
            yield
        finally:
            await asyncio.shield(self._in_thread(self._slots.give_back, held))

    def add_spent_usd(self, usd: float) -> None:
        """Add a cost in dollars; on disk, for all jobs to see, when this returns."""
        append_line(self._ledger, {"usd": usd, "job": self._job})

    def spent_usd(self) -> float:
        """Return what all jobs of the sweep have spent, in dollars; reads what was added since it was last asked."""
        for path in (self._folder / "spent.jsonl", *self._ledger.parent.glob("*.jsonl")):
            self._read.setdefault(path, _ReadLedger(path)).read_on()
        return sum(ledger.usd for ledger in self._read.values())

    async def _wait_for_slot(self, slots: Slots) -> HeldSlot:
        """Return a held slot. One waiter of this process at a time looks for one, in the order in which they came."""
        async with self._turn:
            while True:
                asked_s = self._clock.now()
                if held := await self._take(slots):
                    return held
                took_s = self._clock.now() - asked_s
                await asyncio.sleep(max(_POLL_S, took_s / _ASKING_SHARE) * random.uniform(0.5, 1.5))

    async def _take(self, slots: Slots) -> HeldSlot | None:
        taking = self._in_thread(slots.take)
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:  # the thread may have one in its hands
            taking.add_done_callback(self._give_back_unwanted)
            raise

    def _give_back_unwanted(self, taking: asyncio.Future[HeldSlot | None]) -> None:
        held = None if taking.cancelled() or taking.exception() else taking.result()
        if held is not None and self._slots is not None:
            self._in_thread(self._slots.give_back, held)

    def _in_thread(self, do: Callable[..., T], *given: object) -> asyncio.Future[T]:
        if self._thread is None:
            self._thread = self._open_slots()
        return asyncio.get_running_loop().run_in_executor(self._thread, do, *given)

    def _open_slots(self) -> ThreadPoolExecutor:
        with ExitStack() as opened:
            if self._slots is not None:
                opened.enter_context(self._slots)
            thread = opened.enter_context(ThreadPoolExecutor(1, "slots"))
            self._opened = opened.pop_all()
        return thread


class _ReadLedger:
    """How far a ledger was read, and what was spent by then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self.usd = 0.0

    def read_on(self) -> None:
        """Count the whole lines that have come since."""
        for line in self._new_lines():
            try:
                self.usd += float(json.loads(line)["usd"])
            except (ValueError, KeyError, TypeError):  # the half line of a power cut, with the next one behind it
                continue

    def _new_lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                content = file.read()
        except FileNotFoundError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        yield from whole.splitlines()
