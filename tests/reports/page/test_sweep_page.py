"""The page of a sweep, as text."""

from __future__ import annotations

from typing import Any

from stored_run import HOSTILE

from evalkit.reports.page.sweep_page import SweepRow, sweep_page
from evalkit.reports.sweep import SweepJob
from evalkit.reports.sweep_differences import CaseGrade, compare_jobs


def row(number: int, *, best: bool = False, link: str = "", **summary: Any) -> SweepRow:
    entry = {
        "job": number, "overrides": [f"model={HOSTILE}"], "status": "completed" if summary else "vanished",
        "exit_code": 0, "config_sha256": "c", "directory": "/d",
    }  # fmt: skip
    return SweepRow(SweepJob(entry, summary).cells, entry["overrides"], "", link, best)


GOOD = {"n": 4, "grade_mean": 0.75, "grade_ci95": [0.3, 0.95], "cost_usd": {"assistant": 0.5}}


def test_best_and_differences_and_links() -> None:
    """The best by lower bound is named with its bound; a job that left nothing has dashes and no link."""
    grades = {n: {(f"h{c}", 1): CaseGrade(f"c{c}", float(n)) for c in range(20)} for n in (0, 1)}
    rows = [row(0, **GOOD), row(1, best=True, link="1_x/report.html", **GOOD), row(2)]
    page = "".join(sweep_page("nightly", rows, compare_jobs(grades, 1), b"png"))
    assert "<strong>Job 1</strong>" in page
    assert "at least 0.30" in page
    assert 'href="1_x/report.html"' in page
    assert "job 1 is better" in page
    assert "vanished" in page
    assert "data:image/png;base64,cG5n" in page


def test_overrides_are_text() -> None:
    """A value with a tag in it is shown."""
    assert "<script>document" not in "".join(sweep_page(HOSTILE, [row(0, **GOOD)], [], None))


def test_ties_and_nothing_at_all() -> None:
    """Several best are said to tie; without grades there is no best."""
    tied = "".join(sweep_page("s", [row(0, best=True, **GOOD), row(1, best=True, **GOOD)], [], None))
    assert "Jobs 0, 1 tie" in tied
    empty = "".join(sweep_page("s", [], [], None))
    assert "No job has a grade" in empty
    assert "Fewer than two jobs" in empty
