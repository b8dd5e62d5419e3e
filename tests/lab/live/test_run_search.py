"""Which run a reader asks for."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from labs import make_lab
from live_runs import RUN_ID, begin_run

from evalkit.lab.index.queries import Index
from evalkit.lab.index.rows import RunRow
from evalkit.lab.lab import Lab
from evalkit.lab.live import run_search as run_search_module
from evalkit.lab.live.run_search import RunSearch

ID = RUN_ID[:16]
get_run = Index.get_run


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab that knows one run."""
    begin_run(tmp_path / "outputs" / "run")
    return make_lab(tmp_path)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that the index was asked for."""
    ids: list[str] = []

    def ask(index: Index, run_id: str) -> RunRow | None:
        ids.append(run_id)
        return get_run(index, run_id)

    monkeypatch.setattr(Index, "get_run", ask)
    return ids


async def test_all_who_ask_at_a_time_share_one_question(lab: Lab, asked: list[str]) -> None:
    """And whoever comes a moment later needs none."""
    search = RunSearch(lab)
    assert search.recent(ID) is None
    found = await asyncio.gather(*(search.find(ID) for _ in range(200)))
    assert asked == [ID]
    assert {run.id for run in found if run} == {ID}
    assert search.recent(ID) == found[0]
    assert search.recent(RUN_ID) is None


async def test_an_answer_is_good_for_a_moment_only(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may be deleted; and one that there was not, there may be."""
    monkeypatch.setattr(run_search_module, "_KEPT_S", 0.0)
    search = RunSearch(lab)
    assert await search.find(ID)
    assert search.recent(ID) is None
    assert await search.find("0" * 16) is None
    (lab.settings.folders[0] / "run").rename(lab.settings.home / "elsewhere")
    lab.follower.catch_up()
    assert await search.find(ID) is None


async def test_a_run_that_the_index_does_not_have_yet_is_waited_for(lab: Lab) -> None:
    """A page that was open connects at once when the lab is back; its folders are still being read."""
    lab.follower.has_looked = False
    search = RunSearch(lab)
    found = asyncio.create_task(search.find("0" * 16))
    assert (await search.find(ID)) is not None
    assert not found.done()
    lab.follower.has_looked = True
    assert await asyncio.wait_for(found, 5) is None


async def test_who_leaves_takes_the_answer_from_nobody(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """When all have left, nobody asks on."""
    may_answer = threading.Event()

    def answer_late(index: Index, run_id: str) -> RunRow | None:
        may_answer.wait(10)
        return get_run(index, run_id)

    monkeypatch.setattr(Index, "get_run", answer_late)
    search = RunSearch(lab)
    leaving, staying = (asyncio.create_task(search.find(ID)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    may_answer.set()
    assert (await asyncio.wait_for(staying, 10)) is not None
    lab.follower.has_looked = False
    alone = asyncio.create_task(search.find("0" * 16))
    before = asyncio.all_tasks()
    await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks() - before) == 1
    alone.cancel()
    await asyncio.wait([alone])
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}
