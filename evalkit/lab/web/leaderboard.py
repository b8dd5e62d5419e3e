"""The pages of the leaderboard: models ranked on one set of cases, and what one model's place was computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from evalkit.lab.index.rows import CaseSetRow
from evalkit.lab.leaderboard import Leaderboard, read_leaderboard
from evalkit.lab.web.charts import ChartPoint, Picture, score_by_cost
from evalkit.lab.web.rendering import render

if TYPE_CHECKING:
    from evalkit.lab.lab import Lab

_MOST_IN_MATRIX = 12


def routes(lab: Lab) -> APIRouter:
    """Return the leaderboard's pages."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ui/leaderboard")
    def show_leaderboard(request: Request) -> HTMLResponse:
        case_sets = lab.index.list_case_sets()
        chosen = _choose(case_sets, request.query_params.get("set", ""))
        if chosen is None:
            return render(request, "leaderboard.html.j2", case_sets=case_sets, chosen=None)
        board = read_leaderboard(lab.index, chosen)
        models = [standing.model for standing in board.ranked]
        return render(
            request,
            "leaderboard.html.j2",
            case_sets=case_sets,
            chosen=chosen,
            board=board,
            ranks=[standing.rank for standing in board.ranked],
            retried=any(standing.most_tries > 1 for standing in (*board.ranked, *board.apart)),
            matrix=models if 1 < len(models) <= _MOST_IN_MATRIX else [],
            costs=_costs(board, chosen),
            differences={(found.first, found.second): found for found in board.differences},
        )

    @router.get("/ui/leaderboard/model")
    def show_model(request: Request) -> HTMLResponse:
        model = request.query_params.get("model", "")
        chosen = _find(lab.index.list_case_sets(), request.query_params.get("set", ""))
        if chosen is None or model not in chosen.models:
            raise HTTPException(404, "No model of this name has run these cases in the folders that the lab serves.")
        board = read_leaderboard(lab.index, chosen)
        cases = [row for row in lab.index.list_model_cases(chosen.case_set) if row.model == model]
        standing = next(one for one in (*board.ranked, *board.apart) if one.model == model)
        return render(
            request,
            "leaderboard_model.html.j2",
            chosen=chosen,
            board=board,
            standing=standing,
            cases=sorted(cases, key=lambda row: (row.passed / row.decided if row.decided else 2, row.case_id)),
        )

    return router


def _costs(board: Leaderboard, case_set: CaseSetRow) -> Picture | None:
    """Return cost against score of the ranked models; None with fewer than two whose cost is known."""
    points = [
        ChartPoint(
            name=one.model,
            x=one.cost_per_pass_usd,
            y=one.score,
            low=one.interval.low if one.interval else None,
            high=one.interval.high if one.interval else None,
            href=f"/ui/leaderboard/model?{urlencode({'set': case_set.case_set, 'model': one.model})}",
            group=one.model,
        )
        for one in board.ranked
        if one.cost_per_pass_usd is not None and one.score is not None
    ]
    return score_by_cost(points) if len(points) > 1 else None


def _find(case_sets: list[CaseSetRow], case_set: str) -> CaseSetRow | None:
    return next((found for found in case_sets if found.case_set == case_set), None)


def _choose(case_sets: list[CaseSetRow], wanted: str) -> CaseSetRow | None:
    """Return the set that is asked for, else the one that most models have run, else none."""
    if wanted:
        return _find(case_sets, wanted)
    return max(case_sets, key=lambda found: (len(found.models), found.runs), default=None)
