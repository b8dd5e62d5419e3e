"""Runs that were launched and have no directory yet: who was given their id can ask for them from the first moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

from evalkit.lab.index.queries import Index
from evalkit.lab.index.rows import RunRow
from evalkit.lab.launch.launches import LaunchEntry, Launches

_LOOK_EVERY_S = 0.2


def find_awaited(launches: Launches, run_id: str) -> RunRow | None:
    """Return a launched run that the index does not have, as a row with the little that is known of it; None: none.

    Its status is ``queued``, ``starting``, ``cancelled``, or ``failed`` with what it said as its trouble.
    """
    entry = launches.find_by_run(run_id)
    if entry is None or entry.kind not in ("run", "rerun"):
        return None
    said = [entry.trouble] if entry.trouble else launches.read_output(entry.launch_id).strip().splitlines()[-6:]
    return RunRow(
        id=entry.run_id[:16],
        run_id=entry.run_id,
        root=entry.root or Path(),
        name=entry.line,
        mode="",
        model="",
        provider="",
        status=_status(entry),
        is_live=False,
        started_at="",
        ended_at=entry.ended_at or "",
        planned=0,
        finished=0,
        passed=0,
        failed=0,
        excluded=0,
        score=None,
        score_low=None,
        score_high=None,
        cost_usd=None,
        latency_ms=None,
        case_set="",
        trials=0,
        sweep_id="",
        parent_id="",
        tags=(),
        notes=0,
        reviews=0,
        trouble="\n".join(said) if entry.state == "ended" else "",
        config_sha256="",
        evalkit_version="",
    )


async def await_run(index: Index, launches: Launches, run_id: str) -> RunRow | None:
    """Return a run once the index has it; None where none was launched with this id, or it never came to be one."""
    while True:
        entry = launches.find_by_run(run_id)  # before the index is asked: it may come between
        run = await asyncio.to_thread(index.get_run, run_id)
        if run is not None or entry is None or not (entry.is_open or entry.root):
            return run
        await asyncio.sleep(_LOOK_EVERY_S)


def _status(entry: LaunchEntry) -> str:
    return {"queued": "queued", "running": "starting", "ended": "failed"}.get(entry.state, entry.state)
