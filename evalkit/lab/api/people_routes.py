"""The API's routes for what people add to a run: tags, notes and reviews."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field

from evalkit.errors import DataError
from evalkit.lab.api.answering import RunId
from evalkit.lab.index.rows import RunRow
from evalkit.lab.lab import Lab
from evalkit.lab.people.notes import add_note, read_notes
from evalkit.lab.people.questions import NOBODY, ReviewedRun, make_review, read_reviewed_run, verdict_of
from evalkit.lab.people.reviews import Label, ReviewQuestion, add_review, read_reviews
from evalkit.lab.people.tags import add_tag, read_tags, remove_tag

T = TypeVar("T")
_CaseKey = Annotated[str, Path(max_length=200, description="A case-trial's name")]
_By = Annotated[str, Field(max_length=60, description="Who says so")]


class TagsChange(BaseModel):
    """Tags to put on a run, and tags to take off it."""

    add: list[str] = Field(default_factory=list, max_length=50)
    remove: list[str] = Field(default_factory=list, max_length=50)
    by: _By = NOBODY


class NewNote(BaseModel):
    """A note; `key`: on that case-trial, else on the run."""

    text: str = Field(max_length=10_000)
    key: str | None = Field(None, max_length=200)
    by: _By = NOBODY


class NewReview(BaseModel):
    """What a person says to a question; without a grader, to whether the case-trial should pass as a whole."""

    label: Label
    grader_id: str | None = Field(None, max_length=200)
    turn_index: int | None = Field(None, ge=0, le=1_000_000)
    blind: bool = Field(False, description="Whether the person had not seen the verdict")  # noqa: FBT003
    comment: str = Field("", max_length=10_000)
    by: _By = NOBODY


def routes(lab: Lab) -> APIRouter:
    """Return the routes of tags, notes and reviews."""
    router = APIRouter(tags=["people"])

    @router.get("/runs/{run_id}/notes", summary="The notes on a run and on its case-trials, oldest first")
    def list_notes(run_id: RunId) -> list[dict[str, Any]]:
        return [asdict(note) for note in read_notes(_find(lab, run_id).root)]

    @router.get("/runs/{run_id}/reviews", summary="Every review ever made of a run, oldest first")
    def list_reviews(run_id: RunId) -> list[dict[str, Any]]:
        return [asdict(review) for review in read_reviews(_find(lab, run_id).root)]

    @router.post("/runs/{run_id}/tags", summary="Put tags on a run, or take them off it")
    def change_tags(run_id: RunId, change: TagsChange) -> dict[str, tuple[str, ...]]:
        row = find_writable(lab, run_id)

        def write() -> None:
            for tag in change.add:
                add_tag(row.root, tag, change.by or NOBODY)
            for tag in change.remove:
                remove_tag(row.root, tag, change.by or NOBODY)

        keep(lab, row, write)
        return {"tags": read_tags(row.root)}

    @router.post("/runs/{run_id}/notes", status_code=201, summary="Add a note to a run, or to one of its case-trials")
    def write_note(run_id: RunId, note: NewNote) -> dict[str, Any]:
        row = find_writable(lab, run_id)
        return asdict(keep(lab, row, lambda: add_note(row.root, note.text, note.by or NOBODY, note.key)))

    @router.post("/runs/{run_id}/cases/{key}/reviews", status_code=201, summary="Review a question of a case-trial")
    def write_review(run_id: RunId, key: _CaseKey, review: NewReview) -> dict[str, Any]:
        row = find_writable(lab, run_id)
        question = (key, review.grader_id, review.turn_index)
        verdict = keep(
            lab,
            row,
            lambda: review_question(
                lab, row, question, review.label, review.by, blind=review.blind, comment=review.comment
            ),
        )
        decides = verdict is not None and review.label is not Label.UNSURE
        return {"verdict": verdict, "agrees": verdict == review.label if decides else None}

    return router


def find_writable(lab: Lab, run_id: str) -> RunRow:
    """Return a run that people may add to. Raises HTTPException where there is none, or the lab is read-only."""
    if lab.settings.read_only:
        raise HTTPException(403, "The lab was started with --read-only: nothing can be added here.")
    return _find(lab, run_id)


def keep(lab: Lab, row: RunRow, write: Callable[[], T]) -> T:
    """Return what `write` does, with the index right about it. Raises HTTPException for what cannot be kept."""
    try:
        done = write()
    except DataError as error:
        raise HTTPException(422, str(error)) from error
    lab.follower.look_at(row.root)
    return done


def find_reviewed(row: RunRow) -> ReviewedRun:
    """Return what a run was asked. Raises HTTPException where its files cannot be read."""
    try:
        return read_reviewed_run(row.root)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HTTPException(422, f"The grades of {row.name} cannot be read ({type(error).__name__}).") from error


def verdict_now(lab: Lab, row: RunRow, run: ReviewedRun, question: ReviewQuestion) -> Label | None:
    """Return what is said to a question now: by its grader, or by all of a case-trial's together."""
    key, grader_id, _ = question
    if grader_id is not None:
        grade = run.grades.get(question)
        return verdict_of(grade.grade) if grade else None
    trial = lab.index.get_trial(row.id, key)
    return None if trial is None or trial.passed is None else verdict_of(float(trial.passed))


def review_question(
    lab: Lab, row: RunRow, question: ReviewQuestion, label: Label, by: str, *, blind: bool, comment: str
) -> Label | None:
    """Keep a review, and return what the grader says to the same question. Raises DataError, HTTPException."""
    run = find_reviewed(row)
    verdict = verdict_now(lab, row, run, question)
    add_review(row.root, make_review(run, question, label, by, verdict=verdict, blind=blind, comment=comment.strip()))
    return verdict


def _find(lab: Lab, run_id: str) -> RunRow:
    row = lab.index.get_run(run_id)
    if row is None:
        raise HTTPException(404, "Run not found")
    return row
