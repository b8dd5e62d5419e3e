"""Reviews: each person's newest word about each question, about the record that counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalkit.errors import DataError
from evalkit.lab.people.reviews import REVIEWS_FILE, Label, Review, add_review, read_reviews, reviews_in_force

REVIEW = Review("case-1", Label.FAIL, "ann", "2026-01-01T00:00:00Z", "sha", "polite", 1, comment="hung up")
SHA = {"case-1": "sha", "case-2": "sha"}


def test_a_review_comes_back_as_it_was_made(tmp_path: Path) -> None:
    """Every field of it."""
    blind = replace(REVIEW, grader_id=None, turn_index=None, blind=True, verdict="pass", by="ben")
    for review in (REVIEW, blind):
        add_review(tmp_path, review)
    assert read_reviews(tmp_path) == (REVIEW, blind)


def test_the_least_that_a_line_must_say(tmp_path: Path) -> None:
    """A script may label cases too."""
    line = '{"key": "case-1", "label": "pass", "by": "ann", "at": "2026", "record_sha256": "sha"}\n'
    (tmp_path / REVIEWS_FILE).write_text(line)
    assert read_reviews(tmp_path) == (Review("case-1", Label.PASS, "ann", "2026", "sha"),)


def test_a_label_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    """Pass, fail, unsure."""
    with pytest.raises(DataError, match="has the wrong label: 'maybe' is not one of"):
        add_review(tmp_path, replace(REVIEW, label="maybe"))  # type: ignore[arg-type]


def test_the_newest_word_of_each_person_counts() -> None:
    """Another person's, about another turn or another grader, stands beside it."""
    changed = replace(REVIEW, label=Label.PASS, at="2026-01-02T00:00:00Z")
    others = [
        replace(REVIEW, by="ben"),
        replace(REVIEW, turn_index=2),
        replace(REVIEW, grader_id=None),
        replace(REVIEW, key="case-2"),
    ]
    assert set(reviews_in_force([REVIEW, *others, changed], SHA)) == {changed, *others}


def test_unsure_takes_back_what_was_said() -> None:
    """Nobody has to hold to a verdict that they doubt."""
    assert reviews_in_force([REVIEW, replace(REVIEW, label=Label.UNSURE)], SHA) == ()


@pytest.mark.parametrize("sha256_of", [{"case-1": "other"}, {}])
def test_a_review_of_a_replaced_record_counts_no_more(sha256_of: dict[str, str]) -> None:
    """The case was run again: what was looked at is not what counts now."""
    assert reviews_in_force([REVIEW], sha256_of) == ()
