"""Percentiles of one column a line."""

from __future__ import annotations

from evalkit.reports.plots.percentiles import draw_percentiles, say_not_comparable
from evalkit.reports.plots.style import new_figure

COLUMN = "latency_first_audio_ms"
SUMMARY = {
    f"{COLUMN}_p50": 100.0, f"{COLUMN}_p95": 200.0, f"{COLUMN}_p99": 300.0,
    "publishable_latencies": False, "publishable_latencies_reason": "unpaced",
}  # fmt: skip


def test_an_interval_is_inside_the_picture() -> None:
    """The axis reaches as far as the widest interval; without one as far as the p99."""
    axes = new_figure(4, 2).subplots()
    draw_percentiles(axes, SUMMARY, [COLUMN], "ms")
    assert 300 < axes.get_xlim()[1] < 400
    axes = new_figure(4, 2).subplots()
    draw_percentiles(axes, {**SUMMARY, f"{COLUMN}_p99_ci95": [250.0, 900.0]}, [COLUMN], "ms")
    assert axes.get_xlim()[1] > 900


def test_nothing_measured_is_said() -> None:
    """Also zeros are drawn."""
    axes = new_figure(4, 2).subplots()
    draw_percentiles(axes, {f"{COLUMN}_p50": None}, [COLUMN], "ms")
    assert [text.get_text() for text in axes.texts] == ["not measured"]
    axes = new_figure(4, 2).subplots()
    draw_percentiles(axes, dict.fromkeys(SUMMARY, 0.0), [COLUMN], "ms")
    assert axes.get_xlim()[1] > 0


def test_latencies_that_are_not_comparable_say_why() -> None:
    """In words, below the panel, and only where something was measured."""
    axes = new_figure(4, 2).subplots()
    say_not_comparable(axes, SUMMARY)
    assert axes.get_xlabel() == ""
    draw_percentiles(axes, SUMMARY, [COLUMN], "ms")
    say_not_comparable(axes, SUMMARY)
    assert axes.get_xlabel() == "not comparable with other runs: unpaced"
