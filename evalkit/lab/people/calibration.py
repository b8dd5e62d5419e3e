"""What people said to judges' questions, as a labelled set to measure any judge with.

The label of a question is what most of its reviewers say. Questions on which they are evenly split have none; neither
do reviews of rules or of case-trials as a whole, which are no judge's questions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalkit.errors import ConfigError
from evalkit.graders.asked_again import question_of
from evalkit.graders.judge_prompt import JudgeQuestion
from evalkit.lab.people.agreement import JudgedReview, ReviewerAgreement, agreement_of_reviewers
from evalkit.lab.people.questions import read_reviewed_run, verdict_of
from evalkit.lab.people.reviews import REVIEWS_FILE, Label, Review, ReviewQuestion
from evalkit.records.grade import Grade
from evalkit.runs.stored_run import open_run

SPLIT, NO_JUDGE = "reviewers are evenly split", "no judge's question"


@dataclass(frozen=True)
class ReviewedQuestion:
    """A judge's question that people answered. `topic` is the grader that asked it, `label` what most of them say."""

    question_id: str
    topic: str
    criterion: str
    label: str
    asked: JudgeQuestion


@dataclass(frozen=True)
class ReviewedSet:
    """The questions that people answered in several runs.

    Attributes:
        questions: Those that have a label.
        runs: How many runs they are from.
        reviews: How many reviews the labels were made of.
        people: How well each two reviewers agree.
        left_out: Why a question has no label -> how many have none for that reason.

    """

    questions: tuple[ReviewedQuestion, ...]
    runs: int
    reviews: int
    people: tuple[ReviewerAgreement, ...]
    left_out: dict[str, int]


def read_reviewed_set(folders: Sequence[Path], *, only_blind: bool = False) -> ReviewedSet:
    """Return what people said in the runs in `folders`; each is a run, or holds runs at any depth.

    Raises ConfigError where there is no review of a judge's question, or a run's files cannot be read.

    Args:
        folders: Where to look.
        only_blind: Whether only what was said without having seen a verdict counts.

    """
    questions: list[ReviewedQuestion] = []
    judged: list[JudgedReview] = []
    left_out: Counter[str] = Counter()
    roots = list(dict.fromkeys(root for folder in folders for root in _find_reviewed(folder)))
    used: set[Path] = set()
    reviews = 0
    for root in roots:
        for name, grade, said, asked in _read_run(root, only_blind=only_blind):
            judged += [JudgedReview(str(root), review, verdict_of(grade.grade if grade else None)) for review in said]
            label = _label(said)
            if asked is None or grade is None:
                left_out[NO_JUDGE] += 1
            elif label is None:
                left_out[SPLIT] += 1
            else:
                questions.append(ReviewedQuestion(name, grade.grader_id, asked.criterion, label, asked))
                reviews += len(said)
                used.add(root)
    if not questions:
        raise ConfigError(_why_none(folders, roots, left_out, only_blind=only_blind))
    return ReviewedSet(tuple(questions), len(used), reviews, tuple(agreement_of_reviewers(judged)), dict(left_out))


def _find_reviewed(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise ConfigError(f"reviews: {folder} is not a folder; expected a run's directory, or one that holds runs")
    if (folder / REVIEWS_FILE).is_file():
        yield folder
    else:
        yield from sorted(path.parent for path in folder.rglob(REVIEWS_FILE))


def _read_run(
    root: Path, *, only_blind: bool
) -> Iterator[tuple[str, Grade | None, list[Review], JudgeQuestion | None]]:
    """Yield each reviewed question: its name, the grade that answered it, its reviews, and what the judge was asked."""
    run = open_run(root, "calibrate")
    try:
        reviewed = read_reviewed_run(root)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{root}: its grades cannot be read ({type(error).__name__}: {error})") from error
    by_question: dict[ReviewQuestion, list[Review]] = defaultdict(list)
    for review in reviewed.reviews:
        if review.blind or not only_blind:
            by_question[review.question].append(review)
    records = {record.key: record for record in run.records} if by_question else {}
    for question, said in by_question.items():
        key, grader_id, turn_index = question
        grade = reviewed.grades.get(question)
        asked = question_of(records[key], grade) if grade and grade.judge and key in records else None
        turn = "" if turn_index is None else f" turn {turn_index}"
        yield f"{run.name}: {key}{turn} {grader_id}", grade, said, asked


def _label(said: Sequence[Review]) -> str | None:
    counted = Counter(review.label for review in said)
    passes, fails = counted[Label.PASS], counted[Label.FAIL]
    return None if passes == fails else str(Label.PASS if passes > fails else Label.FAIL)


def _why_none(folders: Sequence[Path], roots: Sequence[Path], left_out: Counter[str], *, only_blind: bool) -> str:
    where = ", ".join(map(str, folders))
    if left_out:
        told = "; ".join(f"{reason}: {number}" for reason, number in left_out.items())
        return f"reviews: {where}: no reviewed question can be asked of a judge ({told})"
    kind = "blind review" if only_blind else "review"
    there = f"none of the {len(roots)} reviewed runs has a {kind} that counts" if roots else f"holds no {kind}"
    return f"reviews: {where}: {there}; make some on the page of reviews: evalkit lab"
