"""How well graders agree with people, and people with each other: shares, and Cohen's kappa.

A review is held against what the grader says now, so that a judge that was changed and asked again is measured by the
reviews of before. What was said blind is also counted alone: who has seen a verdict tends to agree with it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from evalkit.lab.people.reviews import Label, Review
from evalkit.metrics.agreement import Agreement, measure_agreement


@dataclass(frozen=True)
class JudgedReview:
    """A review that counts, of a run, beside what the grader says to the same question; None: nothing decided."""

    run_id: str
    review: Review
    verdict: Label | None

    @property
    def agrees(self) -> bool | None:
        """Whether both say the same; None where the grader decided nothing."""
        return None if self.verdict is None else self.verdict == self.review.label


@dataclass(frozen=True)
class GraderAgreement:
    """A grader beside people: over all reviews, and over those that were made blind.

    `grader_id` None: whether case-trials passed as a whole.
    """

    grader_id: str | None
    every: Agreement
    blind: Agreement


@dataclass(frozen=True)
class ReviewerAgreement:
    """Two people, over the questions that both have answered."""

    first: str
    second: str
    agreement: Agreement


def agreement_by_grader(judged: Iterable[JudgedReview]) -> list[GraderAgreement]:
    """Return how well each grader agrees with people, those with most reviews first."""
    by_grader: dict[str | None, list[JudgedReview]] = defaultdict(list)
    for one in judged:
        by_grader[one.review.grader_id].append(one)
    found = [
        GraderAgreement(grader_id, _measure(group), _measure([one for one in group if one.review.blind]))
        for grader_id, group in by_grader.items()
    ]
    return sorted(found, key=lambda one: (-one.every.n, one.grader_id or ""))


def agreement_of_reviewers(judged: Iterable[JudgedReview]) -> list[ReviewerAgreement]:
    """Return how well each two people agree, those with most questions in common first."""
    said: dict[str, dict[tuple[object, ...], str]] = defaultdict(dict)
    for one in judged:
        said[one.review.by][one.run_id, *one.review.question] = one.review.label
    found = []
    for first, second in itertools.combinations(sorted(said), 2):
        shared = said[first].keys() & said[second].keys()
        if shared:
            pairs: list[tuple[str, str | None]] = [
                (said[first][question], said[second][question]) for question in shared
            ]
            found.append(ReviewerAgreement(first, second, measure_agreement(pairs)))
    return sorted(found, key=lambda one: (-one.agreement.n, one.first, one.second))


def _measure(judged: Iterable[JudgedReview]) -> Agreement:
    return measure_agreement([(str(one.review.label), one.verdict and str(one.verdict)) for one in judged])
