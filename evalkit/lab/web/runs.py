"""The page of all runs: what runs now on top, then a list that is filtered, searched and sorted, 50 a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from evalkit.lab.index.rows import RunQuery, RunRow
from evalkit.lab.lab import Lab
from evalkit.lab.web.charts import ChartPoint, score_over_time
from evalkit.lab.web.rendering import is_partial, query_string, read_page, render
from evalkit.lab.web.wording import moment_of, percent
from evalkit.store.run_directory import RunStatus

_PAGE_SIZE = 50
_MOST_POINTS = 300
_MOST_GROUPS = 6
_MOST_RUNNING = 12
_FILTERS = ("text", "mode", "model", "status", "tag", "case_set", "sweep")


@dataclass(frozen=True)
class RunColumn:
    """A column of the list.

    Attributes:
        name: In the page's markup, and what the reader's choice is remembered by.
        label: What the reader sees.
        sort: The field of a run by which it sorts; empty: it does not.
        is_number: Whether it is aligned to the right.
        is_fixed: Whether it is always shown.

    """

    name: str
    label: str
    sort: str = ""
    is_number: bool = False
    is_fixed: bool = False


COLUMNS = (
    RunColumn("name", "Run", "name", is_fixed=True),
    RunColumn("model", "Model", "model"),
    RunColumn("status", "Status", "status"),
    RunColumn("score", "Passed", "score"),
    RunColumn("cases", "Case-trials", "planned"),
    RunColumn("cost", "Cost", "cost_usd", is_number=True),
    RunColumn("latency", "Latency", "latency_ms", is_number=True),
    RunColumn("started", "Started", "started_at", is_number=True),
)
_SORTS = frozenset(column.sort for column in COLUMNS if column.sort)
_TEXTS = frozenset({"name", "model", "status"})


def read_query(given: Mapping[str, str]) -> RunQuery:
    """Return what the reader asks for; what makes no sense is taken for not asked."""
    sort = given.get("sort", "")
    if sort not in _SORTS:
        sort = "started_at"
    return RunQuery(
        **{name: given.get(name, "").strip() for name in _FILTERS},
        sort=sort,
        descending=given.get("order", "asc" if sort in _TEXTS else "desc") != "asc",
        page=read_page(given),
        size=_PAGE_SIZE,
    )


def routes(lab: Lab) -> APIRouter:
    """Return the routes of the page and of its parts that are asked for again."""
    router = APIRouter(prefix="/ui", include_in_schema=False)

    @router.get("/")
    def show_runs(request: Request) -> HTMLResponse:
        query = read_query(request.query_params)
        asked = {name: getattr(query, name) for name in _FILTERS}
        link = partial(query_string, request)
        content: dict[str, Any] = {
            "found": lab.index.list_runs(query),
            "query": query,
            "asked": {name: value for name, value in asked.items() if value},
            "columns": COLUMNS,
            "link": link,
            "sort_link": partial(_sort_link, link, query),
            "changed": lab.index.version(),
            "is_reading": not lab.follower.has_looked,
        }
        if is_partial(request):
            return render(request, "runs_list.html.j2", **content)
        return render(
            request,
            "runs.html.j2",
            **content,
            facets=lab.index.facets(),
            sweep=lab.index.get_sweep(query.sweep) if query.sweep else None,
            **_find_going(lab),
        )

    @router.get("/over-time")
    def show_picture(request: Request) -> HTMLResponse:
        asked = replace(read_query(request.query_params), sort="started_at", descending=True, page=1, size=_MOST_POINTS)
        found = lab.index.list_runs(asked)
        points = list(_list_points(found.rows))
        return render(
            request,
            "runs_picture.html.j2",
            picture=score_over_time(points),
            shown=len(points),
            total=found.total,
        )

    @router.get("/running")
    def show_running(request: Request) -> HTMLResponse:
        return render(request, "running.html.j2", **_find_going(lab))

    return router


def _find_going(lab: Lab) -> dict[str, Any]:
    """Return the runs that a process is writing now, the newest first, and the launches that wait for their turn."""
    return {
        "running": lab.index.list_runs(RunQuery(status=str(RunStatus.RUNNING), size=_MOST_RUNNING)),
        "waiting": [entry for entry in lab.launches.list_launches() if entry.state == "queued"],
    }


def _list_points(runs: Sequence[RunRow]) -> Iterator[ChartPoint]:
    """Yield a point for each run that has a score: the models with most runs by name, the others together."""
    most = [model for model, _ in Counter(run.model for run in runs).most_common(_MOST_GROUPS)]
    for run in runs:
        moment = moment_of(run.started_at)
        if run.score is not None and moment is not None:
            yield ChartPoint(
                name=f"{run.name}: {percent(run.score)}",
                x=moment.timestamp(),
                y=run.score,
                low=run.score_low,
                high=run.score_high,
                href=f"/ui/runs/{run.id}",
                group=(run.model if run.model in most else "others") or "no model",
            )


def _sort_link(link: partial[str], query: RunQuery, column: RunColumn) -> str:
    """Return the address of the list sorted by `column`: the other way round where it is already."""
    if query.sort == column.sort:
        order = "asc" if query.descending else "desc"
    else:
        order = "asc" if column.sort in _TEXTS else "desc"
    return link(sort=column.sort, order=order, page=None)
