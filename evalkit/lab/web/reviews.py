"""The pages of reviews: how well graders agree with people, and one question after the other for a person to answer.

In blind mode a question's page holds nothing of what any grader said, neither shown nor hidden. The name that a person
gives is kept in a cookie of theirs, so that each sees which questions are left for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse

from evalkit.errors import UserError
from evalkit.graders.asked_again import question_of
from evalkit.lab.api.people_routes import find_reviewed, find_writable, keep, review_question, verdict_now
from evalkit.lab.index.rows import RunQuery, RunRow
from evalkit.lab.people.agreement import JudgedReview, agreement_by_grader, agreement_of_reviewers
from evalkit.lab.people.questions import NOBODY, ReviewedRun, read_reviewed_run
from evalkit.lab.people.reviews import REVIEWS_FILE, Label, Review, ReviewQuestion, read_reviews
from evalkit.lab.web.call_sound import has_sound
from evalkit.lab.web.case import case_href
from evalkit.lab.web.finished_case import FinishedCase, read_case
from evalkit.lab.web.rendering import render
from evalkit.runs.stored_run import open_run

if TYPE_CHECKING:
    from evalkit.lab.lab import Lab

NAME_COOKIE = "evalkit-name"
WHOLE_CASE = "*"
"""What is chosen in place of a grader: whether case-trials passed as a whole."""
_MOST_RUNS = 200
_MOST_LISTED = 100
_WATCHED = ("journal.jsonl", "grades.jsonl", "provenance.json", REVIEWS_FILE)
_A_YEAR_S = 365 * 86_400


@dataclass(frozen=True)
class QuestionList:
    """Which of a run's questions a person goes through.

    Attributes:
        run: The run.
        reviewed: What it was asked, and what people said.
        grader: The grader, `WHOLE_CASE`, or empty for every question that a judge was asked.
        blind: Whether verdicts are kept from the person.
        by: The person.

    """

    run: RunRow
    reviewed: ReviewedRun
    grader: str
    blind: bool
    by: str

    @cached_property
    def questions(self) -> Sequence[ReviewQuestion]:
        """The questions, in the run's order."""
        if self.grader == WHOLE_CASE:
            return [(key, None, None) for key in self.reviewed.sha256_of]
        grades = self.reviewed.grades.items()
        if self.grader:
            return [question for question, grade in grades if grade.grader_id == self.grader]
        return [question for question, grade in grades if grade.judge]

    @cached_property
    def mine(self) -> Mapping[ReviewQuestion, Review]:
        """What the person has said so far."""
        return {review.question: review for review in self.reviewed.reviews if review.by == (self.by or NOBODY)}

    @property
    def done(self) -> int:
        """How many of the questions the person has answered."""
        return len(self.mine.keys() & set(self.questions))

    def find_next(self, after: ReviewQuestion | None = None) -> ReviewQuestion | None:
        """Return the next question that the person has not answered, from the beginning after the last."""
        place = self.questions.index(after) + 1 if after in self.questions else 0
        mine = self.mine
        left = [question for question in (*self.questions[place:], *self.questions[:place]) if question not in mine]
        return next((question for question in left if question != after), None)

    def link(self, question: ReviewQuestion | None = None, **changes: object) -> str:
        """Return the address of a question, or of the next one that is left."""
        asked: dict[str, object] = {"grader": self.grader, "blind": "1" if self.blind else ""}
        if question is not None:
            asked |= {"key": question[0], "grader_id": question[1] or WHOLE_CASE, "turn": question[2]}
        asked |= changes
        words = {name: value for name, value in asked.items() if value not in ("", None)}
        return f"/ui/reviews/{self.run.id}?{urlencode(words)}"


@dataclass(frozen=True)
class AnsweredReview:
    """What a person has just said, beside what the grader says."""

    question: ReviewQuestion
    label: str
    verdict: Label | None
    href: str


def routes(lab: Lab) -> APIRouter:
    """Return the pages of reviews."""
    router = APIRouter(include_in_schema=False)

    @router.get("/ui/reviews")
    def show_reviews(request: Request) -> HTMLResponse:
        asked = lab.index.list_runs(RunQuery(sort="reviews", size=_MOST_RUNS)).rows
        reviewed = [run for run in asked if run.reviews]
        judged = [one for run in reviewed for one in _judge_reviews(lab, run)]
        names = {run.id: run for run in reviewed}
        differing = [one for one in judged if one.agrees is False]
        return render(
            request,
            "reviews.html.j2",
            reviewed=reviewed,
            to_review=lab.index.list_runs(RunQuery(size=50)).rows,
            graders=agreement_by_grader(judged),
            people=agreement_of_reviewers(judged),
            by_person=Counter(one.review.by for one in judged),
            differing=sorted(differing, key=lambda one: one.review.at, reverse=True)[:_MOST_LISTED],
            differing_count=len(differing),
            runs=names,
            link=lambda one: QuestionList(names[one.run_id], _NOTHING, "", blind=False, by="").link(
                one.review.question
            ),
        )

    @router.get("/ui/reviews/{run_id}")
    def show_question(
        request: Request, run_id: str, key: str = "", grader_id: str = "", turn: int | None = None
    ) -> HTMLResponse:
        listed = _list_questions(lab, request, run_id)
        chosen = _choose(listed, key, grader_id, turn) if key else listed.find_next()
        if key and chosen is None:
            raise HTTPException(404, f"The run {listed.run.name} was not asked this, or the case was run again since.")
        graders = Counter(grade.grader_id for grade in listed.reviewed.grades.values())
        judges = {grade.grader_id for grade in listed.reviewed.grades.values() if grade.judge}
        return render(
            request,
            "review.html.j2",
            graders=sorted(graders.items(), key=lambda item: (item[0] not in judges, item[0])),
            judges=judges,
            **_question(lab, listed, chosen, None),
        )

    @router.post("/ui/reviews/{run_id}")
    def answer_question(
        request: Request,
        run_id: str,
        key: Annotated[str, Form()],
        label: Annotated[Label, Form()],
        grader_id: Annotated[str, Form()] = WHOLE_CASE,
        turn: Annotated[str, Form()] = "",
        comment: Annotated[str, Form()] = "",
        by: Annotated[str, Form()] = "",
    ) -> HTMLResponse:
        row = find_writable(lab, run_id)
        question = (key, None if grader_id == WHOLE_CASE else grader_id, int(turn) if turn.isdecimal() else None)
        # Whoever has answered a question before has been told the verdict since.
        seen = any(one.question == question and one.by == (by.strip() or NOBODY) for one in read_reviews(row.root))
        blind = request.query_params.get("blind") == "1" and not seen
        verdict = keep(
            lab,
            row,
            lambda: review_question(lab, row, question, label, by, blind=blind, comment=comment),
        )
        listed = _list_questions(lab, request, run_id, by=by.strip())
        answered = AnsweredReview(question, label, verdict, listed.link(question, blind=""))
        shown = _question(lab, listed, listed.find_next(question), answered)
        page = render(request, "review_question.html.j2", **shown)
        page.set_cookie(NAME_COOKIE, quote(by.strip()), _A_YEAR_S, path="/ui", httponly=True, samesite="strict")
        return page

    return router


def _choose(listed: QuestionList, key: str, grader_id: str, turn: int | None) -> ReviewQuestion | None:
    """Return the question that an address names; without a grader, the first of the case-trial; None: it has none."""
    whole: ReviewQuestion = (key, None, None)
    if key not in listed.reviewed.sha256_of:
        return None
    if not grader_id:
        return next((question for question in listed.questions if question[0] == key), whole)
    named = whole if grader_id == WHOLE_CASE else (key, grader_id, turn)
    return named if named == whole or named in listed.reviewed.grades else None


_NOTHING = ReviewedRun({}, {}, ())


def reviewer_name(request: Request) -> str:
    """Return the name that the person has given here before; empty: none."""
    return unquote(request.cookies.get(NAME_COOKIE, ""))


def _list_questions(lab: Lab, request: Request, run_id: str, by: str | None = None) -> QuestionList:
    row = lab.index.get_run(run_id)
    if row is None:
        raise HTTPException(404, f"There is no run {run_id} here. It may have been moved or deleted.")
    asked = request.query_params
    name = reviewer_name(request) if by is None else by
    return QuestionList(row, find_reviewed(row), asked.get("grader", ""), asked.get("blind") == "1", name)


def _judge_reviews(lab: Lab, row: RunRow) -> list[JudgedReview]:
    """Return the reviews of a run that count beside what is said now; none where its files cannot be read."""
    try:
        reviewed = _read_kept(row.root, _stamp(row.root))
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [
        JudgedReview(row.id, review, verdict_now(lab, row, reviewed, review.question)) for review in reviewed.reviews
    ]


@lru_cache(maxsize=_MOST_RUNS)
def _read_kept(root: Path, _: object) -> ReviewedRun:
    return read_reviewed_run(root)


def _stamp(root: Path) -> tuple[tuple[int, int], ...]:
    found = [(root / name).stat() for name in _WATCHED if (root / name).is_file()]
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in found)


def _question(
    lab: Lab, listed: QuestionList, question: ReviewQuestion | None, answered: AnsweredReview | None
) -> dict[str, Any]:
    """Return what a question's page shows; with no question, that all are answered."""
    shown: dict[str, Any] = {
        "listed": listed,
        "answered": answered,
        "question": question,
        "case": None,
        "trouble": "",
        "criterion": "",
        "grade": None,
        "verdict": None,
        "mine": None,
        "turns": [],
        "sound": "",
        "case_link": "",
    }
    if question is None:
        return shown
    key, grader_id, turn_index = question
    shown["mine"] = listed.mine.get(question)
    try:
        case = read_case(open_run(listed.run.root, "the lab"), key)
    except (UserError, ValueError, KeyError, TypeError, OSError) as error:
        told = str(error) if isinstance(error, UserError) else f"records/{key}.json: cannot be read ({error})"
        return {**shown, "trouble": told.replace(f"{listed.run.root.parent}/", "")}
    if case is None:
        return {**shown, "trouble": f"{key} has not ended."}
    detail = case.source.detail()
    shown |= {
        "case": {name: detail[name] for name in ("expected", "expects_no_call", "failure", "inputs")},
        "criterion": _criterion(listed, case, question),
        "turns": [turn for turn in detail["turns"] if turn_index is None or turn["turn_index"] <= turn_index],
        "sound": f"{case_href(listed.run.id, key)}/call.wav" if has_sound(case.root, case.record) else "",
        "case_link": "" if listed.blind else case_href(listed.run.id, key),
    }
    if not listed.blind:  # nothing of a verdict may stand in a page of blind mode
        grade = listed.reviewed.grades.get(question) if grader_id else None
        shown |= {"grade": grade, "verdict": verdict_now(lab, listed.run, listed.reviewed, question)}
    return shown


def _criterion(listed: QuestionList, case: FinishedCase, question: ReviewQuestion) -> str:
    """Return what was asked, in words; empty for what is no judge's question."""
    grade = listed.reviewed.grades.get(question)
    asked = question_of(case.record, grade) if grade else None
    return asked.criterion if asked else ""
