"""CSV files as text, never guessing: ``007`` stays ``007``, an empty cell is empty, ``NA`` is two letters.

The shape is checked before a cell is used: a column that occurs twice, a short row or a long row is an error and is
never repaired.

Rows are numbered as a spreadsheet numbers them: the header is row 1, and a cell that holds line breaks does not make
further rows. Rows without any content are left out, but they count.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from evalkit.datasets.files import parse_json, read_text
from evalkit.errors import DataError
from evalkit.settings.names import did_you_mean


@dataclass(frozen=True)
class TableRow:
    """One row: its number in the spreadsheet, and its cells by column."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Table:
    """A CSV file that was read. `rows` holds those with content."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]

    def where(self, row: TableRow, column: str) -> str:
        """Return the name of a cell for messages: ``path: row 7: column 'user_text'``."""
        return f"{self.path}: row {row.number}: column {column!r}"


def read_table(path: Path, required: Sequence[str]) -> Table:
    """Read the CSV file `path`, which must have the columns `required` and a row. Raises DataError, all at once."""
    expected = f"CSV with the columns {', '.join(required)}"
    text = read_text(path, expected)
    if not text.strip():
        raise DataError(f"{path}: is empty, expected {expected}")
    if _is_json(text):
        raise DataError(f"{path}: holds JSON, expected {expected}; write it as a table, or name another file")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{path}: line {line}: holds a NUL character; export the file again as CSV")
    records = _split_records(path, text)
    header = records[0]
    problems = _find_header_problems(path, header, required) or _find_ragged_rows(path, records)
    if problems:
        raise DataError(problems)
    rows = tuple(
        TableRow(number, dict(zip(header, record, strict=True)))
        for number, record in enumerate(records, 1)
        if number > 1 and any(record)
    )
    if not rows:
        raise DataError(f"{path}: has a header but no rows")
    return Table(path, tuple(header), rows)


def find_empty_cells(table: Table, *columns: str) -> list[str]:
    """Return a message for every row of `table` that has nothing in one of `columns`."""
    return [
        f"{table.where(row, column)}: is empty; every row needs one"
        for row in table.rows
        for column in columns
        if not row.cells[column].strip()
    ]


def _is_json(text: str) -> bool:
    """Whether `text` is a JSON object or list, or lines of them; no header begins like that."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    for part in (text, text.strip().partition("\n")[0]):
        with suppress(ValueError):
            parse_json(part)
            return True
    return False


def _split_records(path: Path, text: str) -> list[list[str]]:
    records: list[list[str]] = []
    try:
        records.extend(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        if "field limit" in str(error):
            raise DataError(f"{path}: {_describe_long_cell(text)}") from None
        raise DataError(
            f"{path}: row {len(records) + 1}: is not valid CSV ({error}); put a cell that holds a comma, a quote or "
            f'a line break in double quotes and double the quotes inside it: "say ""hi"""'
        ) from None
    return records


def _describe_long_cell(text: str) -> str:
    """Return where the first cell stands that is longer than `csv` reads, how long it is, and what to do."""
    most = csv.field_size_limit(len(text))
    try:
        records = csv.reader(io.StringIO(text, newline=""))
        header = next(records)
        number, row = next(
            (number, row) for number, row in enumerate(chain([header], records), 1) if max(map(len, row)) > most
        )
    finally:
        csv.field_size_limit(most)
    place = next(index for index, cell in enumerate(row) if len(cell) > most)
    column = repr(header[place]) if number > 1 and place < len(header) else f"number {place + 1}"
    return (
        f"row {number}: column {column}: has {len(row[place]):,} characters, expected at most {most:,}; "
        "shorten it, or close the double quote that a cell before it may have left open"
    )


def _find_header_problems(path: Path, header: Sequence[str], required: Sequence[str]) -> list[str]:
    if not any(header):
        return [f"{path}: row 1: is blank, expected the column names {', '.join(required)}"]
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and separator in header[0]:
            return [f"{path}: row 1: the columns are separated by {name}; save the file with commas"]
    problems = [
        f"{path}: row 1: column {number} has no name; name it or delete it"
        for number, name in enumerate(header, 1)
        if not name.strip()
    ]
    problems += [
        f"{path}: row 1: column {name!r} stands {header.count(name)} times; rename or delete all but one"
        for name in dict.fromkeys(header)
        if name.strip() and header.count(name) > 1
    ]
    others = [name for name in header if name not in required]
    problems += [
        f"{path}: column {name!r} is missing{did_you_mean(name, others)}; the columns are {', '.join(header)}"
        for name in required
        if name not in header
    ]
    return problems


def _find_ragged_rows(path: Path, records: Sequence[Sequence[str]]) -> list[str]:
    width = len(records[0])
    return [
        f"{path}: row {number}: has {len(record)} cells where the header has {width} columns"
        + ("; a cell that holds a comma needs double quotes around it" if record[width:] else "")
        for number, record in enumerate(records, 1)
        if len(record) > width or (any(record) and len(record) < width)
    ]
