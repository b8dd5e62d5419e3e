"""A dialogue's turns, as far as any dialogue went."""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.reports.plots.turns import turns_png


def test_none_one_and_many_turns(results: Any, pixels: Any, make_record: Any, make_turn: Any, make_grade: Any) -> None:
    """No turn, one ungraded turn, and more turns than fit are all pictures."""
    empty = pixels(turns_png(*results(mode="run")))
    one = pixels(turns_png(*results([make_record(mode="run")], mode="run")))
    turns = tuple(make_turn(index) for index in range(1, 61))
    grades = [make_grade("case-1", "calm", 1.0, index) for index in range(1, 61)]
    many = pixels(turns_png(*results([make_record(mode="run", turns=turns)], grades, mode="run")))
    assert empty.shape == one.shape == many.shape
    assert not np.array_equal(empty, one)
    assert not np.array_equal(one, many)
