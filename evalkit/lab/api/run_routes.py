"""The API's routes for runs, and for a case over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from evalkit.lab.api.answering import (
    LARGEST_PAGE,
    Answering,
    Format,
    PageNumber,
    PageSize,
    RowPages,
    RunId,
    Text,
    all_of,
    documented,
)
from evalkit.lab.api.answers import (
    HistoryAnswer,
    RunAnswer,
    RunFields,
    RunsAnswer,
    TrialFields,
    history_fields,
    run_fields,
    summary_fields,
)
from evalkit.lab.api.formats import TableFormat, columns_of
from evalkit.lab.api.trial_routes import read_trials
from evalkit.lab.index.rows import RunQuery, RunRow
from evalkit.lab.lab import Lab
from evalkit.lab.launch.awaited import find_awaited


class RunFilter(BaseModel):
    """Which runs, in which order; an empty field asks nothing."""

    text: str = Field("", max_length=200, description="Words that are all in its name, model, mode, id, tags or notes")
    mode: str = Field("", max_length=200, description="The mode's name")
    model: str = Field("", max_length=200, description="What is under test")
    tag: str = Field("", max_length=200, description="A tag that it has")
    status: str = Field("", max_length=200, description="Its status")
    case_set: str = Field("", max_length=200, description="The set of cases that it asks")
    sweep: str = Field("", max_length=200, description="The sweep that it is a job of")
    sort: str = Field("started_at", max_length=200, description="A field of runs; what has no value comes last")
    descending: bool = Field(True, description="Largest first")  # noqa: FBT003
    page: int | None = Field(None, ge=1, le=1_000_000, description="From 1; without it, an export has all")
    size: int | None = Field(None, ge=1, le=LARGEST_PAGE, description="Rows on a page")
    limit: int | None = Field(None, ge=1, description="Rows on the first page")
    format: TableFormat = Field(TableFormat.JSON, description="JSON, or a table to take elsewhere")


def routes(lab: Lab) -> APIRouter:
    """Return the routes of runs and of a case's history, and whether the lab is well."""
    router = APIRouter()
    answering = Answering(lab.index)

    @router.get("/health", tags=["lab"], summary="Whether the lab answers")
    def check_health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get(
        "/runs", tags=["runs"], summary="Runs, filtered and sorted", responses=documented(RunsAnswer, tables=True)
    )
    def list_runs(request: Request, asked: Annotated[RunFilter, Query()]) -> Response:
        wanted = asked.model_dump(exclude={"page", "size", "limit", "format"})

        def read(number: int, count: int) -> tuple[Sequence[RunRow], int]:
            found = lab.index.list_runs(RunQuery(**wanted, page=number, size=count))
            return found.rows, found.total

        size = asked.size or (min(asked.limit, LARGEST_PAGE) if asked.limit else None)
        pages = RowPages(read, asked.page, size, 50)
        return answering.table(request, asked.format, pages, "runs", run_fields, columns_of(RunFields))

    @router.get("/runs/{run_id}", tags=["runs"], summary="A run, whole", responses=documented(RunAnswer))
    def get_run(request: Request, run_id: RunId) -> Response:
        awaited = find_awaited(lab.launches, run_id) if lab.index.get_run(run_id) is None else None
        run = awaited or answering.find(run_id)

        def answer() -> RunAnswer:
            trials = list(all_of(lambda number, count: read_trials(lab.index, run.id, number, count)))
            endings = Counter(str(trial.ending) for trial in trials)
            return RunAnswer(run=run_fields(run), endings=dict(endings), summary=summary_fields(run, trials))

        return answering.json(request, answer)

    @router.get(
        "/cases/{case_id}/history",
        tags=["cases"],
        summary="A case over all runs",
        responses=documented(HistoryAnswer, tables=True),
    )
    def get_history(
        request: Request,
        case_id: Annotated[str, Path(max_length=200)],
        mode: Text = "",
        page: PageNumber = None,
        size: PageSize = None,
        table_format: Format = TableFormat.JSON,
    ) -> Response:
        def read(number: int, count: int) -> tuple[Sequence[Any], int]:
            found = lab.index.case_history(case_id, mode, page=number, size=count)
            return found.rows, found.total

        runs = {f"run.{name}": kind for name, kind in columns_of(RunFields).items()}
        columns = {**runs, **columns_of(TrialFields)}
        pages = RowPages(read, page, size, 200)
        return answering.table(request, table_format, pages, "history", history_fields, columns)

    return router
