"""Rows as JSON, CSV and Parquet: what went in comes out."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pytest
from pyarrow import parquet

from evalkit.lab.api.answers import GradeFields, RunFields, TrialFields
from evalkit.lab.api.formats import columns_of, to_csv, to_json, to_parquet

COLUMNS = {"name": str, "count": int, "share": float, "is_live": bool, "tags": list}
ROWS: list[dict[str, Any]] = [
    {"name": '=1+1,\n"é"', "count": 2**40, "share": 0.1, "is_live": True, "tags": ["a", "b"]},
    {"name": None, "count": None, "share": None, "is_live": None, "tags": None},
    {},
]


def test_a_parquet_file_has_the_rows() -> None:
    """Each value with its type; None is null."""
    table = parquet.read_table(io.BytesIO(to_parquet(COLUMNS, ROWS)))
    empty = dict.fromkeys(COLUMNS)
    assert table.to_pylist() == [ROWS[0], empty, empty]


def test_an_empty_table_has_its_columns() -> None:
    """Whoever joins tables of several runs meets the same types."""
    empty, full = (parquet.read_table(io.BytesIO(to_parquet(COLUMNS, rows))) for rows in ([], ROWS))
    assert empty.schema == full.schema
    assert to_csv(COLUMNS, []) == b"name,count,share,is_live,tags\n"


def test_a_csv_file_has_the_rows() -> None:
    """A list is one cell; None is an empty one."""
    found = list(csv.reader(io.StringIO(to_csv(COLUMNS, ROWS).decode(), newline="")))
    assert found[1] == ['=1+1,\n"é"', str(2**40), "0.1", "true", "a b"]
    assert found[2:] == [[""] * 5] * 2


@pytest.mark.parametrize("value", ["half \ud83d", 2**70, {"a": [1, None, True, "é"]}])
def test_whatever_a_tool_answered_is_json(value: Any) -> None:
    """Also half of a character pair, and a number beyond 64 bits."""
    assert json.loads(to_json({"a": value})) == {"a": value}


def test_what_is_no_number_is_null() -> None:
    """JSON has no NaN."""
    assert json.loads(to_json([math.nan, math.inf])) == [None, None]


def test_half_a_character_pair_stops_no_export() -> None:
    """It is shown as what it is: unknown."""
    rows = [{"name": "half \ud83d", "tags": ["\ud83d"]}]
    assert b"half ?" in to_csv(COLUMNS, rows)
    assert parquet.read_table(io.BytesIO(to_parquet(COLUMNS, rows))).to_pylist()[0]["name"] == "half ?"


@pytest.mark.parametrize("fields", [RunFields, TrialFields, GradeFields])
def test_the_fields_that_are_answered_are_columns(fields: type) -> None:
    """All but those that hold fields themselves."""
    columns = columns_of(fields)
    assert set(columns.values()) <= {str, int, float, bool, list}
    assert fields.__annotations__.keys() - columns.keys() <= {"grades"}
