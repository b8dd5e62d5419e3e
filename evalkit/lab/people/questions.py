"""The questions of a run that people can review: what each grader was asked, and what it said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.errors import DataError
from evalkit.lab.people.reviews import Label, Review, ReviewQuestion, read_reviews, reviews_in_force
from evalkit.records.grade import Grade
from evalkit.store.journal import read_lines
from evalkit.store.run_directory import RunDirectory, now_utc

NOBODY = "anonymous"
"""Who reviews without saying who they are."""


@dataclass(frozen=True)
class ReviewedRun:
    """What a run was asked, and what people said to it.

    Attributes:
        sha256_of: Case-trial -> the hash of its record, of those that are finished, in the run's order.
        grades: Question -> the newest grade that counts, in that order, those of a case-trial by turn.
        reviews: The reviews that count, oldest first.

    """

    sha256_of: Mapping[str, str]
    grades: Mapping[ReviewQuestion, Grade]
    reviews: tuple[Review, ...]


def read_reviewed_run(root: Path) -> ReviewedRun:
    """Return the questions and reviews of the run in `root`, without its records.

    Raises OSError, ValueError or KeyError where its files cannot be read.
    """
    run = RunDirectory(root)
    finished = {
        line["key"]: line["record_sha256"] for line in read_lines(run.journal_path) if line["event"] == "finished"
    }
    planned = run.read_provenance()["case_trials"]
    sha256_of = {key: finished[key] for key in planned if key in finished}
    place = {key: number for number, key in enumerate(sha256_of)}
    newest = {
        (grade.key, grade.grader_id, grade.turn_index): grade
        for grade in run.read_grades()
        if grade.in_force and sha256_of.get(grade.key) == grade.record_sha256
    }
    ordered = sorted(newest.items(), key=lambda item: (place[item[0][0]], item[0][1] or "", item[0][2] or 0))
    return ReviewedRun(sha256_of, dict(ordered), reviews_in_force(read_reviews(root), sha256_of))


def make_review(
    run: ReviewedRun, question: ReviewQuestion, label: Label, by: str, *, verdict: Label | None, **more: Any
) -> Review:
    """Return a review of a question of `run`, made now, of the record that counts now.

    Args:
        run: The run as it is.
        question: Which question.
        label: What the person says.
        by: Who; nothing means that they do not say.
        verdict: What the grader says.
        more: `blind` and `comment`, where there are any.

    Raises:
        DataError: The run has no such question.

    """
    key, grader_id, turn_index = question
    if key not in run.sha256_of:
        raise DataError(f"{key}: is no case-trial that has ended in this run")
    if grader_id is not None and question not in run.grades:
        raise DataError(f"{key}: has no grade of {grader_id} about that turn")
    said = (label, by.strip() or NOBODY, now_utc(), run.sha256_of[key])
    return Review(key, *said, grader_id, turn_index, verdict=verdict, **more)


def verdict_of(grade: float | None) -> Label | None:
    """Return what a grade says to whether the question is passed: only a full one does; None where it does not say."""
    if grade is None:
        return None
    return Label.PASS if grade >= 1 else Label.FAIL
