"""The pages of reviews: one question after the other, nothing of a verdict in blind mode, and the agreement."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from judged_run import CRITERION, POLITE, write_judged_run
from starlette.testclient import TestClient

from evalkit.lab.index.rows import RunQuery
from evalkit.lab.lab import Lab
from evalkit.lab.people.reviews import Label, Review, add_review, read_reviews

OpenClient = Callable[[Lab], TestClient]
CASES = {"case-1": True, "case-2": True, "case-3": False, "case-4": False}
VERDICTS = {"case-1": 1.0, "case-2": 0.0, "case-3": None}
PART = {"HX-Request": "true", "HX-Request-Type": "partial"}


class _Reviewing:
    """A lab over one run, three of whose cases a judge was asked about."""

    def __init__(self, lab: Lab, client: TestClient, root: Path) -> None:
        self.lab, self.client, self.root = lab, client, root
        self.run = write_judged_run(root, CASES, verdicts=VERDICTS)
        lab.follower.catch_up()
        self.id = lab.index.list_runs(RunQuery()).rows[0].id

    def open(self, **query: str) -> str:
        answer = self.client.get(f"/ui/reviews/{self.id}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    def answer(self, key: str, label: str, by: str = "ann", query: str = "", **fields: str) -> str:
        given = {"key": key, "label": label, "by": by, "grader_id": POLITE, "turn": "1", **fields}
        answer = self.client.post(f"/ui/reviews/{self.id}{query}", data=given, headers=PART)
        assert answer.status_code == 200, answer.text
        return answer.text

    def review(self, key: str, label: Label, by: str = "ann", *, blind: bool = False) -> None:
        sha256 = self.run.read_finished()[key].sha256
        add_review(self.root, Review(key, label, by, "2026-01-01T00:00:00Z", sha256, POLITE, 1, blind))


@pytest.fixture
def reviewing(lab: Lab, open_client: OpenClient, tmp_path: Path) -> _Reviewing:
    return _Reviewing(lab, open_client(lab), tmp_path / "a run")


def _asked(page: str) -> str:
    found = re.search(r'id="asked-title"[^>]*>([^<]*)', page)
    return found.group(1).strip() if found else ""


def test_a_question_shows_what_was_said_and_what_the_judge_says(reviewing: _Reviewing) -> None:
    """Its criterion, the turns up to it, the verdict with its evidence."""
    page = reviewing.open()
    assert _asked(page) == "case-1"
    for shown in (CRITERION, "Where is order case-1?", "it says pass", "the judge says pass to case-1", "judge-a, 1"):
        assert shown in page, shown
    assert 'value="pass" class="agree"' in page
    assert "0 of 3" in page


def test_blind_mode_holds_nothing_of_a_verdict(reviewing: _Reviewing) -> None:
    """Neither shown nor hidden, nor a click away."""
    page = reviewing.open(blind="1")
    assert CRITERION in page
    question = page.partition('id="question"')[2].partition("</main")[0]
    for hidden in ("the judge says", "it says", "judge-a", "Agree", "One moment.'", f"/ui/runs/{reviewing.id}/cases"):
        assert hidden not in question, hidden


def test_answering_leads_to_the_next_question_and_is_kept(reviewing: _Reviewing) -> None:
    """Whoever answers hears what the judge said; the name is remembered."""
    part = reviewing.answer("case-1", "fail", query="?blind=1", comment="too short")
    assert "<html" not in part
    assert "you said <strong>fail</strong>, polite says <strong>pass</strong>" in part
    assert _asked(part) == "case-2"
    (kept,) = read_reviews(reviewing.root)
    assert (kept.key, kept.label, kept.by, kept.blind, kept.verdict, kept.comment) == (
        "case-1", "fail", "ann", True, "pass", "too short",
    )  # fmt: skip
    page = reviewing.open()
    assert _asked(page) == "case-2"
    assert "1 of 3 by ann" in page
    assert 'value="ann"' in page


def test_who_has_been_told_the_verdict_is_not_blind_any_more(reviewing: _Reviewing) -> None:
    """The second word about a question was said with the verdict in mind."""
    reviewing.answer("case-1", "unsure", query="?blind=1")
    reviewing.answer("case-1", "pass", query="?blind=1")
    assert [review.blind for review in read_reviews(reviewing.root)] == [True, False]


def test_when_all_are_answered_it_says_so(reviewing: _Reviewing) -> None:
    """Another person has them all before them still."""
    for key in VERDICTS:
        part = reviewing.answer(key, "pass")
    assert "All of them are answered" in part
    assert "All of them are answered" in reviewing.open()
    reviewing.client.cookies.clear()
    assert _asked(reviewing.open()) == "case-1"


def test_a_case_as_a_whole_can_be_labelled(reviewing: _Reviewing) -> None:
    """Also those that no judge was asked about."""
    page = reviewing.open(grader="*")
    assert "Should this case-trial pass?" in page
    assert "the graders together say pass" in page
    assert "0 of 4" in page
    part = reviewing.answer("case-4", "fail", query="?grader=*", grader_id="*", turn="")
    assert "the case as a whole says <strong>fail</strong>" in part
    assert read_reviews(reviewing.root)[0].grader_id is None


def test_a_rules_verdict_can_be_reviewed_too(reviewing: _Reviewing) -> None:
    """It has no criterion in words."""
    assert "A rule, not a judge" in reviewing.open(grader="tool_call")


def test_agreement_stands_with_kappa(reviewing: _Reviewing) -> None:
    """Per grader, blind alone, and of two people; where they differ leads back to the question."""
    for key, label in (("case-1", Label.PASS), ("case-2", Label.PASS), ("case-3", Label.FAIL)):
        reviewing.review(key, label, blind=key == "case-2")
    reviewing.review("case-1", Label.PASS, "ben")
    reviewing.review("case-2", Label.FAIL, "ben")
    reviewing.lab.follower.catch_up()
    page = reviewing.client.get("/ui/reviews").text
    row = " ".join(re.sub(r"<[^>]+>", " ", page.partition('id="graders-title"')[2].partition("</tbody>")[0]).split())
    # Four decided, three alike (75 %); chance (3 x 2 + 1 x 2) / 16 = 0.5: kappa 0.5.
    assert "polite 5 reviews · 20 % undecided · blind: 0 % of 1 · person pass, grader fail: 1" in row  # for a telephone
    assert " 5 75 % 30 % to 95 % 0.50 20 % 0 % of 1" in row
    people = page.partition('id="people-title"')[2].partition("</tbody>")[0]
    assert "ann and ben" in people
    assert "50\N{NO-BREAK SPACE}%" in people
    assert f"/ui/reviews/{reviewing.id}?key=case-2&amp;grader_id=polite&amp;turn=1" in page
    assert _asked(reviewing.open(key="case-2", grader_id=POLITE, turn="1")) == "case-2"


def test_nobody_has_reviewed_yet(reviewing: _Reviewing) -> None:
    """The page offers the runs."""
    page = reviewing.client.get("/ui/reviews").text
    assert "Nobody has reviewed anything yet" in page
    assert f'href="/ui/reviews/{reviewing.id}?blind=1"' in page


@pytest.mark.parametrize("query", [{"key": "nobody"}, {"key": "case-1", "grader_id": "nobody", "turn": "1"}])
def test_a_question_that_was_not_asked_is_404(reviewing: _Reviewing, query: dict[str, str]) -> None:
    """An address may be older than the run."""
    assert reviewing.client.get(f"/ui/reviews/{reviewing.id}", params=query).status_code == 404
    assert reviewing.client.get("/ui/reviews/nobody").status_code == 404


def test_a_case_leads_to_its_own_questions(reviewing: _Reviewing) -> None:
    """To the first that a judge was asked; to the case as a whole where none was."""
    case = reviewing.client.get(f"/ui/runs/{reviewing.id}/cases/case-2").text
    assert case.count(f'href="/ui/reviews/{reviewing.id}?key=case-2"') == 1
    assert case.count(">Review</a>") == 1
    page = reviewing.open(key="case-2")
    assert _asked(page) == "case-2"
    assert CRITERION in page
    assert "Should this case-trial pass?" in reviewing.open(key="case-4")


def test_a_damaged_record_is_said(reviewing: _Reviewing) -> None:
    """And the next question is not far."""
    (reviewing.root / "records" / "case-1.json").write_text("{}")
    page = reviewing.open()
    assert "This case cannot be shown." in page
    assert f'href="/ui/reviews/{reviewing.id}?key=case-2' in page
    assert str(reviewing.root.parent) not in page.partition("<main")[2]
