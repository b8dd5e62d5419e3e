"""results.csv keeps text as it is."""

from __future__ import annotations

import csv
import io
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from layouts import layout_of

from evalkit.reports.rows import ResultTable, Row
from evalkit.reports.tables import results_csv

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"))
CELLS = st.none() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | TEXT


def table(rows: list[list[Any]], columns: tuple[str, ...] = ("a", "b", "c")) -> ResultTable:
    made = tuple(
        Row(str(index), str(index), scored=True, cells=dict(zip(columns, row, strict=True)))
        for index, row in enumerate(rows)
    )
    return ResultTable(layout_of("crawl"), columns, (), made, {})


@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
def test_every_cell_comes_back_as_it_was(rows: list[list[Any]]) -> None:
    """Quotes, commas, line breaks and leading zeros survive; None is an empty cell; whole numbers stay whole."""
    header, *lines = list(csv.reader(io.StringIO(results_csv(table(rows)), newline="")))
    assert header == ["a", "b", "c"]
    assert lines == [["" if cell is None else str(cell) for cell in row] for row in rows]


def test_pandas_reads_what_was_written() -> None:
    """A reader that does not guess gets the texts back, also those that look like something else."""
    rows = [["007", "NA", "1e5"], ["", "None", "true"], ["a\r\nb", 'say "x"', "ünïcode"]]
    read = pd.read_csv(io.StringIO(results_csv(table(rows))), dtype=str, keep_default_na=False)
    assert read.to_numpy().tolist() == rows


def test_a_lone_carriage_return_does_not_break_a_row() -> None:
    """It becomes a line feed; in a pair it stays."""
    [_, line] = list(csv.reader(io.StringIO(results_csv(table([["a\rb", "\r", "a\r\nb"]])), newline="")))
    assert line == ["a\nb", "\n", "a\r\nb"]


def test_a_run_without_rows_has_a_header() -> None:
    """An empty table is a header line."""
    assert results_csv(table([])) == "a,b,c\n"
