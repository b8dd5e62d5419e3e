"""Latencies are drawn from whatever was measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evalkit.reports.plots import latency
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


def test_the_legend_covers_no_curve_and_no_title(
    results: Any, make_record: Any, make_turn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands below the axis, inside the picture; four curves that end at the right are seen to their ends."""
    drawn: list[Any] = []
    monkeypatch.setattr(latency, "to_png", lambda figure: drawn.append(figure) or b"")
    columns = ("first_audio", "first_text", "response_done", "voice_to_voice")
    turns = [make_turn(latencies={f"latency_{name}_ms": 100.0 * n for name in columns}) for n in range(1, 9)]
    latency.latency_png(*results([make_record(f"c{n}", turns=(turn,)) for n, turn in enumerate(turns)]))
    figure = drawn[0]
    figure.canvas.draw()
    axes = figure.axes[0]
    box = axes.get_legend().get_window_extent()
    assert len(axes.get_legend().get_texts()) == 4
    assert not box.overlaps(axes.get_window_extent())
    assert not box.overlaps(axes.xaxis.label.get_window_extent())
    assert figure.bbox.containsx(box.x0)
    assert figure.bbox.containsy(box.y0)
    assert not box.overlaps(figure.axes[1].get_tightbbox())
