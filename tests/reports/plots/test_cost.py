"""Cost and tokens are drawn from whatever was metered."""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.reports.plots.cost import cost_png


def test_nothing_nothing_paid_unknown_and_paid(results: Any, pixels: Any, make_record: Any) -> None:
    """An unknown price is said to be unknown: it looks like neither nothing nor a sum."""
    summary, table = results([make_record()])
    costs: list[dict[str, float | None]] = [{}, {"assistant": 0.0}, {"assistant": None}, {"assistant": 0.25}]
    pictures = [pixels(cost_png({**summary, "cost_usd": cost}, table.layout)) for cost in costs]
    for position, picture in enumerate(pictures):
        assert not any(np.array_equal(picture, other) for other in pictures[:position])


def test_an_empty_run_is_drawn(results: Any, pixels: Any) -> None:
    """No token was counted."""
    summary, table = results()
    assert pixels(cost_png(summary, table.layout)).shape[1] == 1320
