"""Feeds are shared by all who watch, and dropped after the last."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from live_runs import begin_run

from evalkit.lab.live import feeds as feeds_module
from evalkit.lab.live.feeds import Feeds


async def test_a_run_is_followed_once_and_no_longer_than_somebody_watches(tmp_path: Path) -> None:
    """Also when the same run has another reader meanwhile."""
    run = begin_run(tmp_path / "run")
    feeds = Feeds(lambda: 1)
    async with feeds.watching("a", run.root) as one:
        async with feeds.watching("a", run.root) as other:
            assert one is other
        assert feeds.count() == 1
    assert feeds.count() == 0
    async with feeds.watching("a", run.root) as again:
        assert again is not one
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_the_index_is_asked_for_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its version is news when it has changed; once it does not answer, it is asked again."""
    answers: list[int | Exception] = [4, 4, ValueError("the database is away"), 5]

    def ask() -> int:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(feeds_module, "_ASK_INDEX_EVERY_S", 0.001)
    feeds = Feeds(ask)
    async with feeds.index_news() as news, feeds.index_news() as same:
        assert news is same
        await asyncio.wait_for(news.bell.wait(0), 5)
        assert news.version == 4
        await asyncio.wait_for(news.bell.wait(1), 5)
        assert (news.version, news.bell.rung) == (5, 2)
    assert feeds.count() == 0
