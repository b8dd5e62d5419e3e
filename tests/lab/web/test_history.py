"""A case's history says what one wants to know of it: whether it is flaky, and since when it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import stored_runs
from labs import make_lab
from starlette.testclient import TestClient

from evalkit.lab.lab import Lab
from evalkit.lab.web.history import CaseCourse, CaseState, follow_courses

CASE = "order-1"


def _write(folder: Path, verdicts: str, model: str = "model-a") -> None:
    """Write a run for each of `verdicts` (``+`` passed, ``-`` did not); a digit begins another config."""
    config = 0
    for hour, verdict in enumerate(verdicts):
        if verdict.isdigit():
            config = int(verdict)
            continue
        stored_runs.write_crawl(
            folder / f"{model}-{hour:02d}",
            model,
            passing=(verdict == "+",),
            name=f"{model} {hour:02d}",
            config_sha256=f"config-{config}",
        )


def _course(tmp_path: Path, verdicts: str) -> CaseCourse:
    _write(tmp_path / "outputs", verdicts)
    lab = make_lab(tmp_path)
    rows = sorted(lab.index.case_course(CASE), key=lambda row: row.run_name, reverse=True)
    (course,) = follow_courses(rows)
    return course


@pytest.mark.parametrize(
    ("verdicts", "state", "since", "before", "streak"),
    [
        ("++", CaseState.PASSES, "model-a 00", None, 2),
        ("--", CaseState.FAILS, "model-a 00", None, 2),
        ("++1--", CaseState.FAILS, "model-a 03", "model-a 01", 2),
        ("-1+2-3++", CaseState.PASSES, "model-a 06", "model-a 04", 2),
        ("+-", CaseState.FLAKY, None, None, 0),
        ("+-1++++", CaseState.FLAKY, None, None, 0),
    ],
)
def test_how_a_case_stands(
    tmp_path: Path, verdicts: str, state: CaseState, since: str | None, before: str | None, streak: int
) -> None:
    """A change of the config explains a change of the verdict; the same config that finds both does not."""
    course = _course(tmp_path, verdicts)
    assert course.state == state
    assert (course.since.run_name if course.since else None) == since
    assert (course.before.run_name if course.before else None) == before
    assert course.streak == streak
    assert course.passed == verdicts.count("+")


def test_what_was_lost_decides_nothing(tmp_path: Path) -> None:
    """It is counted apart."""
    stored_runs.write_crawl(tmp_path / "outputs" / "run")
    (course,) = follow_courses(make_lab(tmp_path).index.case_course("order-lost"))
    assert (course.state, course.lost, course.decided, course.interval) == (CaseState.UNDECIDED, 1, (), None)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """Two models: one fails, the other found both with one config."""
    _write(tmp_path / "outputs", "--")
    _write(tmp_path / "outputs", "+-", "model-b")
    return make_lab(tmp_path)


def test_the_page_tells_each_models_course(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """What fails now first; every try opens its page."""
    page = open_client(lab).get(f"/ui/cases/{CASE}?mode=crawl").text
    assert page.index('aria-label="model-a"') < page.index('aria-label="model-b"')
    assert "Runs of the same config found both: 1 passed, 1 did not." in page
    for run in lab.index.case_history(CASE).rows:
        assert f'href="/ui/runs/{run.run.id}/cases/{CASE}"' in page
    assert "of 4 tries" in page


def test_a_course_and_its_table_are_in_one_order(lab: Lab) -> None:
    """Newest first, and no more than asked for."""
    tries, rows = lab.index.case_course(CASE, "crawl"), lab.index.case_history(CASE, "crawl").rows
    assert [(one.run_id, one.key, one.ending, one.passed) for one in tries] == [
        (row.run.id, row.trial.key, row.trial.ending, row.trial.passed) for row in rows
    ]
    assert lab.index.case_course(CASE, size=3) == tries[:3]
    assert lab.index.case_course(CASE, "coding") == []


def test_a_case_that_nobody_tried_has_no_history(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """Neither has one in another mode; what its name is cannot become part of the page."""
    client = open_client(lab)
    for path in ("nobody", f"{CASE}?mode=coding", "%3Cimg%20src=x%20onerror=alert(1)%3E"):
        answer = client.get(f"/ui/cases/{path}")
        assert answer.status_code == 404
        assert "No run has tried this case" in answer.text
        assert "<img" not in answer.text


def test_pages_beyond_the_last_are_empty(lab: Lab, open_client: Callable[[Lab], TestClient]) -> None:
    """And no error, whatever number is asked for."""
    for page in ("7", "0", "-3"):
        assert open_client(lab).get(f"/ui/cases/{CASE}?page={page}").status_code == 200
