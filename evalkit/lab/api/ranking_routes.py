"""The API's route of the leaderboard: models on one set of cases, and which sets there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict

from evalkit.lab.api.answering import Answering, Format, RowPages, all_of, documented
from evalkit.lab.api.answers import run_fields
from evalkit.lab.api.formats import TableFormat, columns_of
from evalkit.lab.index.queries import Index
from evalkit.lab.index.rows import CaseSetRow, RunQuery, RunRow
from evalkit.lab.lab import Lab
from evalkit.lab.leaderboard import Leaderboard, ModelStanding, leaderboard_to_json, make_leaderboard, read_leaderboard


class StandingFields(TypedDict):
    """A model on a set of cases; those that have not run the whole set have no rank."""

    rank: int | None
    model: str
    model_id: Annotated[str, Field(description="The same")]
    score: Annotated[float | None, Field(description="Mean over the cases of the share of their tries that passed")]
    score_low: Annotated[float | None, Field(description="The lower end of its 95 % interval: what ranks")]
    score_high: Annotated[float | None, Field(description="The upper end of its 95 % interval")]
    coverage: Annotated[float, Field(description="Share of the set's cases that it has a verdict on")]
    tries: Annotated[int, Field(description="Every try at every case")]
    passed: int
    excluded_share: Annotated[float, Field(description="Share of the tries that were lost, and not by its fault")]
    undecided_share: Annotated[float, Field(description="Share of the tries without a verdict though nothing was lost")]
    cost_usd: float | None
    cost_per_pass_usd: float | None
    latency_ms: Annotated[float | None, Field(description="The median over the cases of the case's median")]
    better_than: Annotated[list[str], Field(description="The ranked models that it is surely better than")]
    missing: Annotated[list[str], Field(description="Cases that it lacks")]
    runs: Annotated[int, Field(description="How many runs it comes from")]
    run_ids: list[str]
    best_accuracy: Annotated[float | None, Field(description="The score of its best run; it ranks nobody")]
    cost_at_best: Annotated[float | None, Field(description="What that run cost, in dollars")]
    duration_at_best: Annotated[float | None, Field(description="How long that run took, in seconds")]
    thinking_level: Annotated[str | None, Field(description="null: a level is part of the config, not of the name")]


class CaseSetFields(TypedDict):
    """Cases that several runs ask."""

    case_set: str
    mode: str
    cases: int
    name: Annotated[str, Field(description="What most of the runs call the data")]
    ranking: Annotated[str, Field(description="What decides here what passed means, beside the cases")]
    runs: int
    models: list[str]


class LeaderboardAnswer(TypedDict):
    """The models on one set of cases, best first, and all sets that there are."""

    models: list[StandingFields]
    case_set: CaseSetFields | None
    case_sets: list[CaseSetFields]
    differences: Annotated[list[dict[str, Any]], Field(description="Every two of the ranked models, compared in pairs")]
    undecided_cases: list[str]


def routes(lab: Lab) -> APIRouter:
    """Return the route of the leaderboard."""
    router = APIRouter(tags=["leaderboard"])
    answering = Answering(lab.index)

    @router.get(
        "/leaderboard",
        summary="Models ranked on one set of cases",
        responses=documented(LeaderboardAnswer, tables=True),
    )
    def get_leaderboard(
        request: Request,
        case_set: Annotated[str, Query(alias="set", max_length=64, description="The set; else what most run")] = "",
        table_format: Format = TableFormat.JSON,
    ) -> Response:
        case_sets = lab.index.list_case_sets()
        chosen = next((found for found in case_sets if case_set in ("", found.case_set)), None)
        if chosen is None and case_set:
            raise HTTPException(404, "Set of cases not found")
        if table_format is TableFormat.JSON:
            return answering.json(request, lambda: _answer(lab.index, chosen, case_sets))
        rows = list(_standings(lab.index, chosen, _board(lab.index, chosen)))
        pages = RowPages(lambda *_: (rows, len(rows)), 1, None, len(rows))
        return answering.table(request, table_format, pages, "leaderboard", dict, columns_of(StandingFields))

    return router


def _answer(index: Index, chosen: CaseSetRow | None, case_sets: Sequence[CaseSetRow]) -> LeaderboardAnswer:
    board = _board(index, chosen)
    told = leaderboard_to_json(board)
    return LeaderboardAnswer(
        models=list(_standings(index, chosen, board)),
        case_set=_case_set_fields(chosen) if chosen else None,
        case_sets=[_case_set_fields(found) for found in case_sets],
        differences=told["differences"],
        undecided_cases=told["undecided_cases"],
    )


def _board(index: Index, chosen: CaseSetRow | None) -> Leaderboard:
    return read_leaderboard(index, chosen) if chosen else make_leaderboard((), 0)


def _case_set_fields(found: CaseSetRow) -> CaseSetFields:
    fields = asdict(found)
    return CaseSetFields(**{**fields, "models": list(found.models)})  # type: ignore[typeddict-item]


def _standings(index: Index, chosen: CaseSetRow | None, board: Leaderboard) -> Iterator[StandingFields]:
    best = _best_runs(index, chosen.case_set) if chosen else {}
    for standing in (*board.ranked, *board.apart):
        yield _standing_fields(standing, best.get(standing.model))


def _best_runs(index: Index, case_set: str) -> Mapping[str, RunRow]:
    """Return model -> its run with the highest score on a set of cases."""
    best: dict[str, RunRow] = {}

    def read(number: int, count: int) -> tuple[Sequence[RunRow], int]:
        found = index.list_runs(RunQuery(case_set=case_set, sort="score", page=number, size=count))
        return found.rows, found.total

    for run in all_of(read):
        if run.score is not None:
            best.setdefault(run.model, run)
    return best


def _standing_fields(standing: ModelStanding, best: RunRow | None) -> StandingFields:
    return StandingFields(
        rank=standing.rank,
        model=standing.model,
        model_id=standing.model,
        score=standing.score,
        score_low=standing.interval.low if standing.interval else None,
        score_high=standing.interval.high if standing.interval else None,
        coverage=standing.coverage,
        tries=standing.tries,
        passed=standing.passed,
        excluded_share=standing.excluded_share,
        undecided_share=standing.undecided_share,
        cost_usd=standing.cost_usd,
        cost_per_pass_usd=standing.cost_per_pass_usd,
        latency_ms=standing.latency_ms,
        better_than=list(standing.better_than),
        missing=list(standing.missing),
        runs=len(standing.run_ids),
        run_ids=list(standing.run_ids),
        best_accuracy=best.score if best else None,
        cost_at_best=best.cost_usd if best else None,
        duration_at_best=run_fields(best)["total_duration_seconds"] if best else None,
        thinking_level=None,
    )
