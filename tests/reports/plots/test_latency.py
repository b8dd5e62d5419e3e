"""Latencies are drawn from whatever was measured."""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.reports.plots.latency import latency_png


def test_none_one_and_many_values(results: Any, pixels: Any, make_record: Any, make_turn: Any) -> None:
    """An empty run, one value, all zeros and hundreds of values are all pictures, and differ."""

    def record(number: int, latency_ms: float) -> Any:
        return make_record(f"c{number}", turns=(make_turn(latencies={"latency_first_audio_ms": latency_ms}),))

    empty = pixels(latency_png(*results()))
    one = pixels(latency_png(*results([record(0, 100.0)])))
    zeros = pixels(latency_png(*results([record(n, 0.0) for n in range(3)])))
    many = pixels(latency_png(*results([record(n, 10.0 * n) for n in range(300)])))
    assert empty.shape == one.shape == zeros.shape == many.shape
    assert not np.array_equal(empty, one)
    assert not np.array_equal(one, many)


def test_lost_cases_have_no_latency(results: Any, pixels: Any, lost: Any) -> None:
    """A run that lost everything is as empty as one without cases."""
    assert pixels(latency_png(*results([lost]))).shape[1] == 1320
