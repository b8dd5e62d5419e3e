"""How the API answers: pages of rows, exports of all of them, and tags by which a client knows that nothing changed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import HTTPException, Path, Query, Request
from starlette.responses import Response

from evalkit.errors import UserError
from evalkit.lab.api.formats import MEDIA_TYPES, Columns, TableFormat, to_csv, to_json, to_parquet
from evalkit.lab.index.queries import Index
from evalkit.lab.index.rows import RunRow

LARGEST_PAGE = 1000
_MOST_PAGES = 1_000_000
_MOST_ROWS = 1_000_000

RunId = Annotated[str, Path(max_length=64, description="A run's id")]
Text = Annotated[str, Query(max_length=200)]
PageNumber = Annotated[int | None, Query(ge=1, le=_MOST_PAGES, description="From 1; without it, an export has all")]
PageSize = Annotated[int | None, Query(ge=1, le=LARGEST_PAGE, description="Rows on a page")]
Format = Annotated[TableFormat, Query(alias="format", description="JSON, or a table to take elsewhere")]

T = TypeVar("T")


class RowPages:
    """What is asked for of rows that `read` returns by page number and size, with the number of all.

    A table without a page named is an export, and has all.
    """

    def __init__(
        self, read: Callable[[int, int], tuple[Sequence[Any], int]], page: int | None, size: int | None, usual: int
    ) -> None:
        self.number, self.size = page or 1, size or usual
        self._read = read
        self._is_named = page is not None or size is not None

    def one(self) -> tuple[Sequence[Any], int]:
        """Return the rows of the page that is asked for, and the number of all."""
        return self._read(self.number, self.size)

    def exported(self) -> list[Any]:
        """Return the rows of an export."""
        return list(self.one()[0] if self._is_named else all_of(self._read))


class Answering:
    """Answers with a tag that changes with the index, so that a client that has the newest gets nothing again."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._start = secrets.token_hex(4)  # the index may have been made again before it

    def find(self, run_id: str) -> RunRow:
        """Return a run. Raises HTTPException where there is none of this id."""
        run = self._index.get_run(run_id)
        if run is None:
            raise HTTPException(404, "Run not found")
        return run

    def json(self, request: Request, answer: Callable[[], Any]) -> Response:
        """Return what `answer` makes, as JSON."""
        return self._tagged(request, TableFormat.JSON, lambda: to_json(answer()))

    def table(
        self,
        request: Request,
        table_format: TableFormat,
        pages: RowPages,
        name: str,
        fields: Callable[[Any], Mapping[str, Any]],
        columns: Columns,
        spread: str = "",
    ) -> Response:
        """Return a page as JSON, or an export; `spread` names a field of numbers that gets a column for each."""

        def make() -> bytes:
            if table_format is TableFormat.JSON:
                rows, total = pages.one()
                found = [fields(row) for row in rows]
                return to_json({name: found, "total": total, "page": pages.number, "size": pages.size})
            flat = [_flat(fields(row), spread) for row in pages.exported()]
            more = {key: float for row in flat for key in row if spread and key.startswith(f"{spread}.")}
            write = to_csv if table_format is TableFormat.CSV else to_parquet
            return write({**columns, **more}, flat)

        return self._tagged(request, table_format, make, None if table_format is TableFormat.JSON else name)

    def _tagged(
        self, request: Request, table_format: TableFormat, make: Callable[[], bytes], name: str | None = None
    ) -> Response:
        headers = {"etag": f'W/"{self._start}-{self._index.version()}"'}
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if name is not None:
            headers["content-disposition"] = f'attachment; filename="{name}.{table_format}"'
        try:
            return Response(make(), 200, headers, MEDIA_TYPES[table_format])
        except UserError as error:
            raise HTTPException(409, str(error)) from error


def documented(answer: type, *, tables: bool = False) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of a route's answers; `tables`: whether it has those formats as well."""
    well: dict[str, Any] = {"model": answer}
    if tables:
        text = {"schema": {"type": "string"}}
        well["content"] = {MEDIA_TYPES[found]: text for found in (TableFormat.CSV, TableFormat.PARQUET)}
    return {200: well, 304: {"description": "Nothing has changed since"}, 404: {"description": "Unknown"}}


def all_of(read: Callable[[int, int], tuple[Sequence[T], int]]) -> Iterator[T]:
    """Yield all rows that `read` returns by page number and size."""
    for number in range(1, _MOST_ROWS // LARGEST_PAGE + 1):
        rows, total = read(number, LARGEST_PAGE)
        yield from rows
        if number * LARGEST_PAGE >= total:
            return


def _flat(fields: Mapping[str, Any], spread: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if name == "run" and isinstance(value, dict):
            flat.update({f"run.{inner}": each for inner, each in value.items()})
        elif name == "case" and isinstance(value, dict):
            flat.update(value)
        elif name == spread:
            flat.update({f"{spread}.{inner}": each for inner, each in value.items()})
        else:
            flat[name] = value
    return flat
