"""One thread writes everything, in the order in which it was asked."""

from __future__ import annotations

import asyncio
import threading

import pytest

from evalkit.store.writer import in_writer


async def test_everything_is_written_by_one_thread_in_order() -> None:
    """However much is asked for at once."""
    done: list[tuple[int, int]] = []
    await asyncio.gather(*(in_writer(lambda n=n: done.append((n, threading.get_ident()))) for n in range(50)))
    assert [number for number, _ in done] == list(range(50))
    assert len({thread for _, thread in done}) == 1
    assert done[0][1] != threading.get_ident()


async def test_what_a_write_runs_into_is_raised() -> None:
    """To who asked for it; the next one is written all the same."""

    def fail() -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        await in_writer(fail)
    assert await in_writer(lambda: 7) == 7
