"""Which run a reader asks for: one question of the index for all who ask at a time."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

from evalkit.lab.index.rows import RunRow
from evalkit.lab.lab import Lab
from evalkit.lab.launch.awaited import await_run

_KEPT_S = 0.5
_PATIENCE_S = 60.0


@dataclass
class _Question:
    task: asyncio.Task[RunRow | None]
    askers: int = 0


class RunSearch:
    """Finds the runs that readers ask for; what was found is good for half a second. For one event loop.

    When a lab comes back, everybody who watched a run asks for it in the same moment.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._open: dict[str, _Question] = {}
        self._found: dict[str, tuple[RunRow, float]] = {}

    def recent(self, run_id: str) -> RunRow | None:
        """Return the run where somebody has just asked for it, and it was found."""
        run, until_s = self._found.get(run_id, (None, 0.0))
        return run if time.monotonic() < until_s else None

    async def find(self, run_id: str) -> RunRow | None:
        """Return the run; None: there is none.

        It may have been launched just now, and a lab that has just been started may not have read its folders yet.
        """
        question = self._open.get(run_id)
        if question is None:
            question = self._open[run_id] = _Question(asyncio.create_task(self._ask(run_id)))
        question.askers += 1
        try:
            return await asyncio.shield(question.task)
        finally:
            question.askers -= 1
            if not question.askers:
                del self._open[run_id]
                question.task.cancel()

    async def _ask(self, run_id: str) -> RunRow | None:
        lab = self._lab
        run = await asyncio.to_thread(lab.index.get_run, run_id)
        if run is None and not lab.follower.has_looked:
            await until_folders_are_read(lab)
        run = run or await await_run(lab.index, lab.launches, run_id)
        if run is not None:
            now_s = time.monotonic()
            self._found = {each: kept for each, kept in self._found.items() if kept[1] > now_s}
            self._found[run_id] = (run, now_s + _KEPT_S)
        return run


async def until_folders_are_read(lab: Lab) -> None:
    """Wait until the index is whole, or for as long as anybody would wait for that."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            while not lab.follower.has_looked:  # noqa: ASYNC110  it is a thread's
                await asyncio.sleep(0.1)
