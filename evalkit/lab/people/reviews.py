"""Reviews: what people think is right about the questions that graders were asked. ``reviews.jsonl`` of a run.

A review is about one question (a case-trial, a grader, and a turn or the whole trace), or with no grader about whether
the case-trial should pass as a whole. One person's newest review of a question counts; other people's stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from evalkit.lab.people.lines import append_people_line, read_people_lines

REVIEWS_FILE = "reviews.jsonl"
_SCHEMA = "review"

ReviewQuestion: TypeAlias = tuple[str, str | None, int | None]
"""Case-trial, grader (None: the case-trial as a whole) and turn (None: the whole trace)."""


class Label(StrEnum):
    """What a person says to a question."""

    PASS = "pass"  # noqa: S105  not a password
    FAIL = "fail"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Review:
    """One line of ``reviews.jsonl``.

    Attributes:
        key: The case-trial.
        label: What the person says is right.
        by: Who.
        at: When, UTC, ISO 8601.
        record_sha256: The stored record that the person looked at.
        grader_id: The grader whose question it is; None: whether the case-trial as a whole should pass.
        turn_index: The turn that the question is about; None: the whole trace.
        blind: Whether the person had not seen the grader's verdict.
        verdict: What the grader had said by then: pass, fail, or None for nothing that decides.
        comment: Why.

    """

    key: str
    label: Label
    by: str
    at: str
    record_sha256: str
    grader_id: str | None = None
    turn_index: int | None = None
    blind: bool = False
    verdict: str | None = None
    comment: str = ""

    @property
    def question(self) -> ReviewQuestion:
        """What it is about."""
        return (self.key, self.grader_id, self.turn_index)


def read_reviews(root: Path) -> tuple[Review, ...]:
    """Return every review ever made of the run in `root`, oldest first; :func:`reviews_in_force` says which count.

    Lines that are broken are passed over.
    """
    entries = read_people_lines(root / REVIEWS_FILE, _SCHEMA).entries
    return tuple(Review(**{**entry, "label": Label(entry["label"])}) for entry in entries)


def add_review(root: Path, review: Review) -> None:
    """Append `review` to those of the run in `root`. Raises DataError for one that cannot be kept."""
    append_people_line(root / REVIEWS_FILE, _SCHEMA, asdict(review))


def reviews_in_force(reviews: Iterable[Review], sha256_of: Mapping[str, str]) -> tuple[Review, ...]:
    """Return the reviews that count: each person's newest of each question, unless it is unsure.

    `sha256_of` is case-trial -> hash of the record that counts; a review of another record is out of force.
    """
    newest = {(review.by, review.question): review for review in reviews}
    return tuple(
        review
        for review in newest.values()
        if review.label is not Label.UNSURE and sha256_of.get(review.key) == review.record_sha256
    )
