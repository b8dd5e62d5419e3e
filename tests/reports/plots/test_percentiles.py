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


def test_nothing_lies_on_anything_else() -> None:
    """The number is clear of every interval, and the legend of the title and of the lines, also in a narrow panel."""
    figure = new_figure(4, 3)
    axes = figure.subplots()
    columns = [COLUMN, "latency_first_text_ms", "latency_response_done_ms", "latency_voice_to_voice_ms"]
    wide = {
        f"{column}_{part}": value
        for column in columns
        for part, value in (("p50", 100.0), ("p95", 200.0), ("p99", 300.0))
    }
    wide |= {f"{column}_{part}_ci95": [50.0, 290.0] for column in columns for part in ("p50", "p95", "p99")}  # type: ignore[misc]
    draw_percentiles(axes, wide, columns, "Tokens per row")
    figure.canvas.draw()
    numbers = [text.get_window_extent() for text in axes.texts]
    intervals = [
        line.get_window_extent() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linewidth() < 2
    ]
    assert (len(numbers), len(intervals)) == (4, 12)
    assert not [number for number in numbers for interval in intervals if number.overlaps(interval)]
    legend = axes.get_legend()
    assert legend is not None
    box = legend.get_window_extent()
    assert not box.overlaps(axes._left_title.get_window_extent())
    assert not [one for one in (*numbers, *intervals) if box.overlaps(one)]
