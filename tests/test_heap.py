"""What lives before a run is not looked at during it, and what a run leaves is still collected."""

from __future__ import annotations

import gc
import weakref

import pytest

from evalkit.heap import frozen_heap, growing_heap


class _Node:
    def __init__(self) -> None:
        self.me = self


def test_old_objects_are_out_of_sight_and_new_garbage_is_still_collected() -> None:
    """A full collection has next to nothing to look at, and finds the cycles that were made meanwhile."""
    with frozen_heap():
        assert gc.get_freeze_count() > 1000
        assert len(gc.get_objects()) < 1000
        garbage = weakref.ref(_Node())
        gc.collect()
        assert garbage() is None


def test_everything_is_as_before_when_the_block_ends() -> None:
    """Also when it ends badly."""
    with pytest.raises(KeyError), frozen_heap():
        raise KeyError
    assert gc.get_freeze_count() == 0


def test_what_is_loaded_is_hardly_looked_at_and_a_run_is_as_ever() -> None:
    """Collections are rare while a command grows, as Python has them inside a run, and as they were afterwards."""
    before = gc.get_threshold()
    with growing_heap():
        assert gc.get_threshold()[0] > 100 * before[0]
        with frozen_heap():
            assert gc.get_threshold() == before
        assert gc.get_threshold()[0] > 100 * before[0]
    assert gc.get_threshold() == before
