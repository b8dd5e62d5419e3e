"""Pages of rows and exports of all of them; what a run's files refuse is said, not broken off."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from fastapi import HTTPException
from starlette.requests import Request

from evalkit.errors import DataError
from evalkit.lab.api.answering import LARGEST_PAGE, Answering, RowPages, all_of
from evalkit.lab.lab import Lab


def _rows(count: int) -> Callable[[int, int], tuple[Sequence[int], int]]:
    return lambda number, size: (range(count)[(number - 1) * size : number * size], count)


@pytest.mark.parametrize("count", [0, 1, LARGEST_PAGE, LARGEST_PAGE + 1, 3 * LARGEST_PAGE])
def test_all_rows_are_all_rows(count: int) -> None:
    """At the borders of pages, too."""
    assert list(all_of(_rows(count))) == list(range(count))


def test_an_export_has_all_unless_a_page_is_named() -> None:
    """Then it has that."""
    assert len(RowPages(_rows(250), None, None, 100).exported()) == 250
    assert RowPages(_rows(250), 3, None, 100).exported() == list(range(200, 250))
    assert RowPages(_rows(250), None, 2, 100).exported() == [0, 1]
    assert RowPages(_rows(250), None, None, 100).one() == (range(100), 250)


def test_what_a_runs_files_refuse_is_said(lab: Lab) -> None:
    """It is no defect of the lab's."""

    def fail() -> None:
        raise DataError("cases.csv: is broken")

    request = Request({"type": "http", "method": "GET", "path": "/", "headers": []})
    with pytest.raises(HTTPException, match="is broken") as caught:
        Answering(lab.index).json(request, fail)
    assert caught.value.status_code == 409
