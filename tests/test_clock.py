"""The real clock keeps its promises; everything else is tested on fake ones."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from evalkit import event_loop
from evalkit.clock import MonotonicClock


@pytest.mark.parametrize("run", [asyncio.run, event_loop.run])
def test_it_never_returns_before_the_deadline(run: Callable[..., Any]) -> None:
    """Sleeping until a moment ends at that moment or after it, on a loop whose timers are whole milliseconds too."""

    async def find_earliest_s() -> float:
        clock = MonotonicClock()
        ended_after_s = []
        for number in range(60):
            deadline = clock.now() + 0.001 + number * 0.00013
            await clock.sleep_until(deadline)
            ended_after_s.append(clock.now() - deadline)
        return min(ended_after_s)

    assert run(find_earliest_s()) >= 0


async def test_a_deadline_that_has_passed_only_yields() -> None:
    """No negative sleep, no waiting for what is over."""
    clock = MonotonicClock()
    await clock.sleep_until(clock.now() - 10)
