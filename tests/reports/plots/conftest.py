"""What all pictures are tested with: drawn from a run, looked at as pixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from layouts import layout_of
from matplotlib.image import imread

from evalkit.reports.rows import ResultTable, build_table
from evalkit.reports.summary import RunFacts, summarize


@pytest.fixture
def results(config: Any) -> Callable[..., tuple[dict[str, Any], ResultTable]]:
    """Build summary and table of records and grades."""

    def build(records: Any = (), grades: Any = (), mode: str = "crawl") -> tuple[dict[str, Any], ResultTable]:
        changed = {**config, "mode": {"name": mode}}
        table = build_table(layout_of(mode), changed, records, grades, lambda path: path)
        return summarize(RunFacts("nightly", changed, "abc"), table, records, grades), table

    return build


@pytest.fixture
def pixels() -> Callable[[bytes], Any]:
    """Read a PNG as an array of pixels; fails for anything that is no whole picture."""
    return lambda png: imread(io.BytesIO(png))
