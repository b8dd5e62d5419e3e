"""The picture of what rising realism costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evalkit.metrics.statistics import Estimate, Interval
from evalkit.reports.plots.realism import realism_png
from evalkit.reports.realism import LadderStep, RealismLadder, RealismStep


def _step(mean: float | None, *, is_voice: bool) -> LadderStep:
    step = RealismStep(is_duplex=False, is_line=False, is_voice=is_voice)
    interval = None if mean is None else Interval(mean / 2, mean)
    return LadderStep(step, "run", "/run", Estimate(mean, 4, interval), Estimate(mean, 4, None), None, "")


def test_scores_are_drawn_where_they_are(pixels: Any) -> None:
    """Another score is another picture of the same size; a second ladder makes it higher."""
    ladders = [RealismLadder((), (_step(1.0, is_voice=False), _step(mean, is_voice=True))) for mean in (0.9, 0.2)]
    first, second = (realism_png("name", [ladder]) for ladder in ladders)
    assert first is not None
    assert second is not None
    assert pixels(first).shape == pixels(second).shape
    assert (pixels(first) != pixels(second)).any()
    both = realism_png("name", ladders)
    assert both is not None
    assert pixels(both).shape[0] > pixels(first).shape[0]


def test_nothing_decided_is_said_and_no_ladder_is_no_picture() -> None:
    """An empty panel still has its steps; names are taken literally."""
    assert realism_png("name", []) is None
    empty = RealismLadder(("model=$x_1$",), (_step(None, is_voice=False), replace(_step(None, is_voice=True))))
    picture = realism_png("$name", [empty])
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
