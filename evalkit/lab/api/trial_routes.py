"""The API's routes for the case-trials of a run and their grades."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request
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
    documented,
)
from evalkit.lab.api.answers import (
    GradeFields,
    GradesAnswer,
    TrialAnswer,
    TrialFields,
    TrialsAnswer,
    grade_fields,
    trial_fields,
)
from evalkit.lab.api.formats import TableFormat, columns_of
from evalkit.lab.guard.artifacts import read_artifact
from evalkit.lab.index.queries import Index
from evalkit.lab.index.rows import RunRow, TrialRow
from evalkit.lab.lab import Lab
from evalkit.records.grade import Grade, grade_from_json
from evalkit.store.journal import read_lines
from evalkit.store.run_directory import RunDirectory


def routes(lab: Lab) -> APIRouter:
    """Return the routes of case-trials and grades."""
    router = APIRouter(tags=["runs"])
    answering = Answering(lab.index)

    @router.get("/runs/{run_id}/cases", summary="A run's case-trials", responses=documented(TrialsAnswer, tables=True))
    def list_cases(
        request: Request,
        run_id: RunId,
        ending: Text = "",
        text: Text = "",
        page: PageNumber = None,
        size: PageSize = None,
        table_format: Format = TableFormat.JSON,
    ) -> Response:
        run = answering.find(run_id)
        pages = RowPages(lambda *at: read_trials(lab.index, run.id, *at, ending=ending, text=text), page, size, 100)
        columns = columns_of(TrialFields)
        return answering.table(request, table_format, pages, "cases", trial_fields, columns, spread="grades")

    @router.get(
        "/runs/{run_id}/cases/{key}", summary="A case-trial, with its record", responses=documented(TrialAnswer)
    )
    def get_case(request: Request, run_id: RunId, key: Annotated[str, Path(max_length=200)]) -> Response:
        run = answering.find(run_id)
        trial = lab.index.get_trial(run.id, key)
        if trial is None:
            raise HTTPException(404, "Case-trial not found")

        def answer() -> TrialAnswer:
            record, trouble = _read_record(run, trial.key)
            grades = [grade_fields(grade) for grade in _read_grades(run) if grade.key == trial.key]
            return TrialAnswer(run_id=run.id, case=trial_fields(trial), grades=grades, record=record, trouble=trouble)

        return answering.json(request, answer)

    @router.get(
        "/runs/{run_id}/grades", summary="A run's grades that count", responses=documented(GradesAnswer, tables=True)
    )
    def list_grades(
        request: Request,
        run_id: RunId,
        page: PageNumber = None,
        size: PageSize = None,
        table_format: Format = TableFormat.JSON,
    ) -> Response:
        run = answering.find(run_id)
        grades = list(_read_grades(run))
        pages = RowPages(
            lambda number, count: (grades[(number - 1) * count : number * count], len(grades)), page, size, LARGEST_PAGE
        )
        return answering.table(request, table_format, pages, "grades", grade_fields, columns_of(GradeFields))

    return router


def read_trials(
    index: Index, run_id: str, number: int, count: int, *, ending: str = "", text: str = ""
) -> tuple[Sequence[TrialRow], int]:
    """Return a page of a run's case-trials, and the number of all."""
    found = index.list_trials(run_id, page=number, size=count, ending=ending, text=text)
    return found.rows, found.total


def _read_grades(run: RunRow) -> Iterator[Grade]:
    """Yield the grades of a run that count, oldest first: those of the records that stand for its case-trials."""
    directory = RunDirectory(run.root)
    finished = (line for line in read_lines(directory.journal_path) if line.get("event") == "finished")
    stands = {line.get("key"): line.get("record_sha256") for line in finished}
    for line in read_lines(directory.grades_path):
        try:
            grade = grade_from_json(line)
        except (KeyError, TypeError, ValueError, AttributeError):
            continue  # the index says that the line is damaged
        if grade.in_force and stands.get(grade.key) == grade.record_sha256:
            yield grade


def _read_record(run: RunRow, key: str) -> tuple[dict[str, Any] | None, str]:
    """Return a record as stored, and what is wrong with it."""
    path = RunDirectory(run.root).record_path(key)
    stored = read_artifact(run.root, path.relative_to(run.root).as_posix())
    if stored is None:
        return None, ""
    try:
        record = json.loads(stored)
    except (ValueError, RecursionError) as error:
        return None, f"{path.name}: cannot be read: {error}"
    return (record, "") if isinstance(record, dict) else (None, f"{path.name}: holds no record")
