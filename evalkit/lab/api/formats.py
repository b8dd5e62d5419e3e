"""Rows as JSON, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias, get_args, get_type_hints

import orjson

Columns: TypeAlias = Mapping[str, type]
"""Column -> the type of its values, each of which may be None; `list` means texts."""


class TableFormat(StrEnum):
    """What a table may be asked for as."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES = {
    TableFormat.JSON: "application/json",
    TableFormat.CSV: "text/csv; charset=utf-8",
    TableFormat.PARQUET: "application/vnd.apache.parquet",
}


def columns_of(fields: type) -> Columns:
    """Return the columns of a TypedDict whose values are plain; a mapping is none."""
    plain = {name: _plain_type(hint) for name, hint in get_type_hints(fields).items()}
    return {name: kind for name, kind in plain.items() if kind is not dict}


def to_json(value: Any) -> bytes:
    """Return `value` as JSON in UTF-8; what no JSON has, a half of a character pair for example, is escaped."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def to_csv(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return `rows` as CSV in UTF-8 with a header; None is an empty cell, and a list one text, parted by spaces."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return out.getvalue().encode("utf-8", "replace")


def to_parquet(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return `rows` as a Parquet file, whose columns have their types also when there are no rows."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), list: pa.list_(pa.string()),
    }  # fmt: skip
    arrays = [pa.array([_whole(row.get(name)) for row in rows], types[kind]) for name, kind in columns.items()]
    out = io.BytesIO()
    parquet.write_table(pa.table(arrays, names=list(columns)), out)
    return out.getvalue()


def _plain_type(hint: Any) -> type:
    if isinstance(hint, type):
        return hint
    origin = getattr(hint, "__origin__", None)
    if isinstance(origin, type):
        return origin
    return next(_plain_type(part) for part in get_args(hint) if part is not type(None))


def _cell(value: Any) -> Any:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return " ".join(map(str, value))
    return value


def _whole(value: Any) -> Any:
    """Return `value` without halves of character pairs, which no UTF-8 has."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case list():
            return [_whole(each) for each in value]
    return value
