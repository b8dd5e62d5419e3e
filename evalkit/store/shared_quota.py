"""A quota that holds across the jobs of a sweep: slots by file locks, money by a ledger on disk.

::

    <sweep>/.quota/<machine>/slot-<k>.lock    one file for each slot; who holds its lock holds the slot
    <sweep>/.quota/spent.jsonl                a line for each cost: {"usd": 0.0123, "job": "3_seed-4"}

**Slots** are per machine, since locks over a network file system cannot be trusted. The operating system frees the
locks of a process that ends, whatever way it ends. **Spending** is the whole sweep's: a line is appended with one write
and is on disk when the call returns. It is exact on one machine, and holds across machines as far as their file system
shows what one appends to the others.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from evalkit.store.host import host_identity
from evalkit.store.journal import append_line

_POLL_S = 0.05


class SharedQuota:
    """The quota of one job in a sweep, an :class:`evalkit.engine.quota.Quota`. For one event loop.

    Args:
        sweep_root: The sweep's own folder.
        job: The job's name in the ledger.
        slots: How many slots there are on each machine; None: any number.

    """

    def __init__(self, sweep_root: Path, job: str, slots: int | None) -> None:
        folder = sweep_root / ".quota"
        self._ledger = folder / "spent.jsonl"
        self._slots = folder / sha256(host_identity().encode()).hexdigest()[:12]
        self._slots.mkdir(parents=True, exist_ok=True)
        self._job = job
        self._count = slots
        self._turn = asyncio.Lock()
        self._read_bytes = 0
        self._read_usd = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot for as long as the block lasts; waits until one is free on this machine."""
        if self._count is None:
            yield
            return
        lock = await self._wait_for_lock(self._count)
        try:
            yield
        finally:
            lock.release()

    def add_spent_usd(self, usd: float) -> None:
        """Add a cost in dollars; on disk, for all jobs to see, when this returns."""
        append_line(self._ledger, {"usd": usd, "job": self._job})

    def spent_usd(self) -> float:
        """Return what all jobs of the sweep have spent, in dollars; reads what was added since it was last asked."""
        for line in self._new_lines():
            try:
                self._read_usd += float(json.loads(line)["usd"])
            except (ValueError, KeyError, TypeError):  # the half line of a power cut, with the next one behind it
                continue
        return self._read_usd

    def _new_lines(self) -> Iterator[bytes]:
        if not self._ledger.exists():
            return
        with self._ledger.open("rb") as file:
            file.seek(self._read_bytes)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        yield from whole.splitlines()

    async def _wait_for_lock(self, count: int) -> FileLock:
        """Return a held lock. One waiter of this process at a time looks for one, in the order in which they came."""
        async with self._turn:
            while True:
                first = random.randrange(count)
                for step in range(count):
                    lock = FileLock(self._slots / f"slot-{(first + step) % count}.lock", timeout=0)
                    try:
                        return lock.acquire().lock
                    except Timeout:
                        continue
                await asyncio.sleep(_POLL_S * random.uniform(0.5, 1.5))
