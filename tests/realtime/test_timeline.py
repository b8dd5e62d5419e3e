"""A case's time line counts from the moment the case began."""

from __future__ import annotations

import pytest
from fake_clock import FakeClock

from evalkit.realtime.timeline import Timeline


async def test_a_timeline_counts_from_its_beginning() -> None:
    """Zero is when it began; deadlines are on the same scale."""
    clock = FakeClock(100.0)
    timeline = Timeline.begin(clock)
    assert timeline.now_ms() == 0.0
    await timeline.sleep_until(1.5)
    assert timeline.now() == pytest.approx(1.5)
    assert clock.now() == pytest.approx(101.5)
    await timeline.sleep_until(1.0)
    assert timeline.now_ms() == pytest.approx(1500.0)
