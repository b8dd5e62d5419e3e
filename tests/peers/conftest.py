"""Nothing that a test of peers has started outlives it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evalkit.peers import unloading


@pytest.fixture(autouse=True)
def _nothing_outlives_a_test() -> Iterator[None]:
    """A process that would unload for a quarter of an hour what a test has left noted is ended with the test."""
    yield
    while unloading._OUTLIVING:
        process = unloading._OUTLIVING.pop()
        process.kill()
        process.wait()
