"""``results.csv``: text as it is, numbers as Python writes them, an empty cell for None.

One exception: a carriage return by itself becomes a line feed. Before Python 3.13 the csv module leaves it unquoted,
and a reader would take it for the end of the row.
"""

from __future__ import annotations

import csv
import io
import re

from evalkit.reports.rows import Cell, ResultTable

_LONE_CARRIAGE_RETURN = re.compile(r"\r(?!\n)")


def results_csv(table: ResultTable) -> str:
    """Return the CSV text of `table`: a header, then one line (or more, where a cell has line breaks) per row."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_readable(row.cells.get(column)) for column in table.columns] for row in table.rows)
    return out.getvalue()


def _readable(cell: Cell) -> Cell:
    return _LONE_CARRIAGE_RETURN.sub("\n", cell) if isinstance(cell, str) else cell
