"""A sweep is drawn over whatever was swept."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from evalkit.reports.plots.sweep import SweepPoint, sweep_png, swept_keys


def point(mean: float | None = 0.5, **settings: str) -> SweepPoint:
    low, high = (None, None) if mean is None else (mean / 2, (1 + mean) / 2)
    return SweepPoint(" ".join(settings.values()), settings, mean, low, high, 4)


def grid(rows: list[str], columns: list[str]) -> list[SweepPoint]:
    return [point(0.3, model=row, channel=column) for row, column in product(rows, columns)]


@pytest.mark.parametrize(
    "points",
    [
        [],
        [point(None)],
        [point(chunk_ms="20")],
        [point(chunk_ms="20"), point(chunk_ms="20")],
        [point(chunk_ms="20"), point(chunk_ms="40"), point(None, chunk_ms="80")],
        [point(model="$a$"), point(model="b_" + "x" * 200)],
        [point(0.1 * n, model=m, chunk_ms=str(n)) for n in (1, 2, 3) for m in "ab"],
        grid(["a", "b"], ["clean", "noisy", "lossy"]),
        grid([f"m{n}" for n in range(15)], ["clean", "noisy"]),
        [point(model="a", channel="clean"), point(model="b", channel="noisy")],
        [point(0.5, a=str(n % 2), b=str(n % 3), c=str(n)) for n in range(60)],
        [SweepPoint("x", {"model": "a"}, 1.0, None, None, 1), point(model="b")],
    ],
)
def test_every_shape_of_a_sweep_is_a_picture(points: list[SweepPoint], pixels: Any) -> None:
    """None, one, ungraded, numbers, words, grids, holes, more keys or jobs than a plane has room for."""
    shape = pixels(sweep_png("nightly", points)).shape
    assert shape[1] == 1320
    assert shape[0] < 2200


def test_lines_heatmap_and_list_differ(pixels: Any) -> None:
    """Numbers make lines, words a heatmap, a grid with a hole a list of jobs."""
    lines = pixels(
        sweep_png("s", [point(0.3, chunk_ms=n, channel=c) for n in ("20", "40") for c in ("clean", "noisy")])
    )
    heatmap = pixels(sweep_png("s", grid(["a", "b"], ["clean", "noisy"])))
    jobs = pixels(sweep_png("s", grid(["a", "b"], ["clean", "noisy"])[:3]))
    assert not np.array_equal(heatmap, jobs)
    assert lines.shape != heatmap.shape


def test_of_more_numbers_than_a_line_has_room_for_the_best_are_listed(pixels: Any) -> None:
    """Ten thousand seeds are no line: it took minutes, and nobody could read it."""
    line = pixels(sweep_png("s", [point(0.3, seed=str(n)) for n in range(200)]))
    listed = pixels(sweep_png("s", [point(0.3, seed=str(n)) for n in range(201)]))
    assert listed.shape[0] > 2 * line.shape[0]


def test_swept_keys_are_those_with_several_values() -> None:
    """A key that some job does not name has a value of its own there."""
    assert swept_keys([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}]) == ["b"]
    assert swept_keys([{"a": "1"}, {}]) == ["a"]
    assert swept_keys([]) == []
