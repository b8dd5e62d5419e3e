"""Agreement of graders with people, and of people with each other, on answers worked out by hand."""

from __future__ import annotations

import pytest

from evalkit.lab.people.agreement import JudgedReview, agreement_by_grader, agreement_of_reviewers
from evalkit.lab.people.reviews import Label, Review

PASS, FAIL = Label.PASS, Label.FAIL


def _judged(
    key: str,
    label: Label,
    verdict: Label | None,
    *,
    by: str = "ann",
    grader: str | None = "polite",
    blind: bool = False,
) -> JudgedReview:
    return JudgedReview("run", Review(key, label, by, "2026", "sha", grader, 1, blind), verdict)


def test_kappa_is_the_agreement_beyond_chance() -> None:
    """A textbook table: 20 both pass, 5 and 10 apart, 15 both fail: 0.7 observed, 0.5 by chance, kappa 0.4."""
    table = [(PASS, PASS)] * 20 + [(PASS, FAIL)] * 5 + [(FAIL, PASS)] * 10 + [(FAIL, FAIL)] * 15
    (found,) = agreement_by_grader(_judged(str(n), label, verdict) for n, (label, verdict) in enumerate(table))
    assert (found.grader_id, found.every.n, found.every.share) == ("polite", 50, 0.7)
    assert found.every.kappa == pytest.approx(0.4)


def test_blind_reviews_are_also_counted_alone() -> None:
    """Who has seen the verdict tends to agree."""
    judged = [_judged("a", PASS, PASS), _judged("b", PASS, PASS), _judged("c", FAIL, PASS, blind=True)]
    (found,) = agreement_by_grader(judged)
    assert (found.every.n, found.every.share) == (3, pytest.approx(2 / 3))
    assert (found.blind.n, found.blind.share) == (1, 0)


def test_what_a_grader_did_not_decide_stands_beside_it() -> None:
    """It agrees with nobody, and disagrees with nobody."""
    (found,) = agreement_by_grader([_judged("a", PASS, None), _judged("b", FAIL, FAIL)])
    assert (found.every.n, found.every.decided, found.every.share, found.every.abstention_rate) == (2, 1, 1, 0.5)
    assert _judged("a", PASS, None).agrees is None
    assert _judged("a", PASS, FAIL).agrees is False


def test_graders_are_measured_apart() -> None:
    """Those with most reviews first; a case as a whole is one of them."""
    judged = [_judged("a", PASS, PASS), _judged("b", PASS, FAIL, grader=None), _judged("c", FAIL, FAIL, grader=None)]
    assert [(found.grader_id, found.every.n) for found in agreement_by_grader(judged)] == [(None, 2), ("polite", 1)]


def test_two_people_are_measured_on_what_both_answered() -> None:
    """Three of four alike; by chance one half: kappa one half."""
    ann = [_judged(key, label, None) for key, label in zip("abcde", (PASS, PASS, FAIL, FAIL, PASS), strict=True)]
    ben = [_judged(key, label, None, by="ben") for key, label in zip("abcd", (PASS, FAIL, FAIL, FAIL), strict=True)]
    (found,) = agreement_of_reviewers([*ann, *ben, _judged("z", PASS, None, by="cy")])
    assert (found.first, found.second, found.agreement.n, found.agreement.share) == ("ann", "ben", 4, 0.75)
    assert found.agreement.kappa == pytest.approx(0.5)


def test_the_same_case_of_another_run_is_another_question() -> None:
    """Two people who never looked at the same thing have no agreement."""
    other = JudgedReview("other run", _judged("a", PASS, PASS).review, PASS)
    assert agreement_of_reviewers([_judged("a", PASS, PASS, by="ben"), other]) == []
