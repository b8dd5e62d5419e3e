"""Who was given a run's id can ask for the run before there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import stored_runs

from evalkit.lab.lab import Lab
from evalkit.lab.launch.awaited import await_run, find_awaited
from evalkit.lab.launch.launches import Launches, LaunchRequest

Until = Callable[[Callable[[], object]], None]


def test_how_a_launched_run_stands(launches: Launches, tmp_path: Path, until: Until) -> None:
    """It waits, starts, and has failed with what it said where it never made a directory."""
    entry = launches.submit(LaunchRequest(("nonsense",), "run", tmp_path))

    def status() -> str:
        found = find_awaited(launches, entry.run_id[:16])
        return found.status if found else ""

    assert status() == "queued"
    launches.advance()
    assert status() == "starting"
    until(lambda: launches.advance() or status() == "failed")
    failed = find_awaited(launches, entry.run_id)
    assert failed is not None
    assert "'nonsense' is neither a command" in failed.trouble
    assert find_awaited(launches, "0" * 16) is None


async def test_a_run_is_waited_for(lab: Lab, tmp_path: Path) -> None:
    """Until the index has it; not where none was launched, nor where the launch was cancelled."""
    launches = lab.launches
    launches.open()
    assert await await_run(lab.index, launches, "0" * 16) is None
    entry = launches.submit(LaunchRequest(("seed=1",), "run", tmp_path))
    waiting = asyncio.create_task(await_run(lab.index, launches, entry.run_id))
    await asyncio.sleep(0)
    launches.stop_launch(entry.launch_id)
    assert await waiting is None
    second = launches.submit(LaunchRequest(("seed=1",), "run", tmp_path))
    waiting = asyncio.create_task(await_run(lab.index, launches, second.run_id[:16]))
    await asyncio.sleep(0)
    stored_runs.write_crawl(tmp_path / "made", run_id=second.run_id)
    lab.follower.catch_up()
    found = await waiting
    assert found is not None
    assert found.run_id == second.run_id
    launches.stop()
