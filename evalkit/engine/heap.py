"""Keeps Python's garbage collector from stopping a run that is being timed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Take all objects that live now out of the collector's sight until the block ends.

    A full collection looks at every object there is: with the libraries of a run that takes a tenth of a second, in
    which no conversation sends anything. What is garbage already stays until the end; garbage of the run does not.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
