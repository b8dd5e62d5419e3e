"""CSV as text: nothing guessed, nothing mended, everything wrong named by row and column."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.datasets.tables import find_empty_cells, read_table
from evalkit.errors import DataError

cells = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=12)


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "cases.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def problems(path: Path, *required: str) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        read_table(path, required)
    assert all(problem.startswith(str(path)) for problem in caught.value.problems)
    return caught.value.problems


def test_nothing_is_guessed(tmp_path: Path) -> None:
    """Ids keep their zeros, NA is a word, true and 1.0 are text, and an empty cell is empty."""
    path = write(tmp_path, "\ufeffid,b,c,d\n007,NA,1.0,\nnull,true,1e5, x \n")
    rows = read_table(path, ["id"]).rows
    assert [list(row.cells.values()) for row in rows] == [["007", "NA", "1.0", ""], ["null", "true", "1e5", " x "]]
    assert all(isinstance(cell, str) for row in rows for cell in row.cells.values())


def test_rows_are_numbered_as_in_a_spreadsheet(tmp_path: Path) -> None:
    """The header is row 1, a cell of three lines is one row, and rows without content count."""
    path = write(tmp_path, 'id,text\na,"one\ntwo\nthree"\n\n,\nb,x\n\n')
    table = read_table(path, ["id"])
    assert [(row.number, row.cells["id"]) for row in table.rows] == [(2, "a"), (5, "b")]
    assert table.rows[0].cells["text"] == "one\ntwo\nthree"
    assert table.where(table.rows[1], "text") == f"{path}: row 5: column 'text'"


@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=6),
    style=st.sampled_from([(csv.QUOTE_ALL, "\n"), (csv.QUOTE_ALL, "\r\n"), (csv.QUOTE_MINIMAL, "\r\n")]),
)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], style: tuple[int, str]
) -> None:
    """Any text in cells, with quotes, commas and line breaks, is read as Python's own csv module wrote it."""
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=style[0], lineterminator=style[1]).writerows([["a", "b", "c"], *rows])
    path = write(tmp_path_factory.mktemp("csv"), stream.getvalue())
    full = [row for row in rows if any(row)]
    if not full:
        assert problems(path, "a") == (f"{path}: has a header but no rows",)
        return
    assert [list(row.cells.values()) for row in read_table(path, ["a"]).rows] == full


@given(content=st.binary(max_size=200) | st.text(alphabet='abx,;"\n\r\t \x00é', max_size=80).map(str.encode))
def test_any_bytes_are_a_table_or_a_message(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """Whatever a file holds, the result is a table of full rows or a DataError that begins with the path."""
    path = write(tmp_path_factory.mktemp("csv"), content)
    try:
        table = read_table(path, ["a"])
    except DataError:
        assert problems(path, "a")
        return
    assert "a" in table.columns
    assert all(tuple(row.cells) == table.columns and row.number > 1 for row in table.rows)
    assert all(any(row.cells.values()) for row in table.rows)


def test_all_missing_columns_are_named(tmp_path: Path) -> None:
    """Each missing column is a problem of its own, with the nearest name there is."""
    found = problems(write(tmp_path, "exmaple_id,user text,c\n1,2,3\n"), "example_id", "user_text", "zzz")
    assert len(found) == 3
    assert "did you mean 'exmaple_id'?" in found[0]
    assert "'user_text' is missing" in found[1]
    assert "the columns are exmaple_id, user text, c" in found[2]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("\nid\n1\n", "row 1: is blank"),
        ("id,b\n", "no rows"),
        ("id,b\n,\n\n", "no rows"),
        ("id;b\n1;2\n", "separated by semicolons"),
        ("id\tb\n1\t2\n", "separated by tabs"),
        ("id,,c\n1,2,3\n", "column 2 has no name"),
        ("id,b,b,b\n1,2,3,4\n", "column 'b' stands 3 times"),
        ("id,b\n1,2\n3\n", "row 3: has 1 cells where the header has 2"),
        ("id,b\n1,Hi, there\n", r"row 2: has 3 cells .* needs double quotes"),
        ('id,b\n1,2\n3,"x"y\n', "row 3: is not valid CSV"),
        ('id,b\n1,"never closed\n2,3\n', "row 2: is not valid CSV"),
        ("id,b\n1,\x00\n", "line 2: holds a NUL"),
        (b"id,b\n1,\xff\n", "line 2: byte 0xff is not UTF-8"),
        ("id,b\n".encode("utf-16"), "UTF-16"),
        ('[{"id": "a"}]', "holds JSON, expected CSV with the columns id; write it as a table, or name another file"),
        ('{\n  "id": "a"\n}\n', "holds JSON, expected CSV"),
        ('{"id": "a"}\n{"id": "b"}\n', "holds JSON, expected CSV"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a PNG picture, expected CSV with the columns id; is it the right file"),
        (b"PK\x03\x04\x14\0", "is an Excel workbook or another ZIP archive, expected CSV"),
        (
            f"id,b\n1,2\n3,{'x' * 131_073}\n",
            "row 3: column 'b': has 131,073 characters, expected at most 131,072; shorten it",
        ),
        (f'id,b\n1,"{"x,2" * 50_000}\n', "row 2: column 'b': has 150,001 characters, .* close the double quote"),
        ("i" * 131_073 + ",b\n1,2\n", "row 1: column number 1: has 131,073 characters"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str | bytes, said: str) -> None:
    """Each way to break a CSV has a message that says where and what to do."""
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=said):
        read_table(path, ["id"])


def test_a_header_that_looks_like_json_is_a_header(tmp_path: Path) -> None:
    """Brackets in a column's name are no JSON."""
    table = read_table(write(tmp_path, "[note],id\nx,1\n"), ["id"])
    assert table.columns == ("[note]", "id")


def test_all_ragged_rows_are_named(tmp_path: Path) -> None:
    """Every row of the wrong length is listed, not only the first."""
    assert len(problems(write(tmp_path, "id,b\n1\n2,2\n3,3,3\n4\n"), "id")) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is a DataError, too."""
    assert "no such file" in problems(tmp_path / "none.csv", "id")[0]


def test_an_empty_cell_is_named_by_row_and_column(tmp_path: Path) -> None:
    """Blanks count as nothing; a column that nobody asked about may be empty."""
    table = read_table(write(tmp_path, "id,question,note\na,why?,\nb,  ,\nc,,x\n"), ["id", "question"])
    empty = find_empty_cells(table, "id", "question")
    assert [(row, "is empty" in message) for row, message in zip((3, 4), empty, strict=True)] == [(3, True), (4, True)]
    assert all("question" in message for message in empty)
    assert "row 3" in empty[0]
    assert "row 4" in empty[1]
