"""Keeps Python's garbage collector from work that finds nothing, and from stopping what is being timed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_PYTHONS = gc.get_threshold()
_WHILE_LOADING = (200_000, *_PYTHONS[1:])
"""A command makes some hundred thousand objects before it does anything, and nearly all of them stay."""


@contextmanager
def growing_heap() -> Iterator[None]:
    """Look for garbage seldom until the block ends: what a command loads and composes is none."""
    saved = gc.get_threshold()
    gc.set_threshold(*_WHILE_LOADING)
    try:
        yield
    finally:
        gc.set_threshold(*saved)


def freeze_heap() -> None:
    """Take all objects that live now out of the collector's sight; for others it is as busy as Python has it."""
    gc.freeze()
    gc.set_threshold(*_PYTHONS)


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Let the heap be frozen until the block ends.

    A full collection looks at every object there is: with the libraries of a run that takes a tenth of a second, in
    which no conversation sends anything. What is garbage already stays until the end; garbage of the run does not, and
    is looked for a little at a time.
    """
    saved = gc.get_threshold()
    freeze_heap()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*saved)
