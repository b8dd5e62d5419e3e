"""The page of a sweep, as text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from layouts import layout_of
from stored_run import HOSTILE

from evalkit.metrics.statistics import Estimate
from evalkit.reports.page.sweep_page import SweepJobRow, sweep_page
from evalkit.reports.realism import LadderStep, RealismLadder, RealismReport, RealismStep
from evalkit.reports.sweep import SweepJob
from evalkit.reports.sweep_differences import CasePass, compare_jobs

COLUMNS = ("job", "tool_call_correctness_mean", "latency_first_audio_ms_p50", "latency_first_audio_ms_p95")


def row(number: int, *, best: bool = False, link: str = "", **summary: Any) -> SweepJobRow:
    entry = {
        "job": number, "overrides": [f"model={HOSTILE}"], "status": "completed" if summary else "vanished",
        "exit_code": 0, "config_sha256": "c", "directory": "/d",
    }  # fmt: skip
    job = SweepJob(entry, summary, layout_of("crawl"))
    return SweepJobRow(job.cells, entry["overrides"], job.why_latencies_are_left_out, link, job.ranking, best)


GOOD = {"n": 4, "passed_mean": 0.75, "passed_n": 4, "passed_ci95": [0.3, 0.95], "cost_usd": {"assistant": 0.5}}


def test_best_and_differences_and_links() -> None:
    """The best by lower bound is named with its bound; a job that left nothing has dashes and no link."""
    grades = {n: {(f"h{c}", 1): CasePass(f"c{c}", passed=n == 1) for c in range(20)} for n in (0, 1)}
    rows = [row(0, **GOOD), row(1, best=True, link="1_x/report.html", **GOOD), row(2)]
    page = "".join(sweep_page("nightly", COLUMNS, rows, compare_jobs(grades, 1), {"sweep.png": b"png"}))
    assert "<strong>Job 1</strong>" in page
    assert "at least 0.30 of what it is asked passes" in page
    assert 'href="1_x/report.html"' in page
    assert "job 1 is better" in page
    assert "vanished" in page
    assert "data:image/png;base64,cG5n" in page


def test_overrides_are_text() -> None:
    """A value with a tag in it is shown."""
    assert "<script>document" not in "".join(sweep_page(HOSTILE, COLUMNS, [row(0, **GOOD)], [], {}))


def test_ties_and_nothing_at_all() -> None:
    """Several best are said to tie; without grades there is no best."""
    tied = "".join(sweep_page("s", COLUMNS, [row(0, best=True, **GOOD), row(1, best=True, **GOOD)], [], {}))
    assert "Jobs 0, 1 tie" in tied
    empty = "".join(sweep_page("s", (), [], [], {}))
    assert "No job has a case" in empty
    assert "Fewer than two jobs" in empty


def test_a_latency_that_must_not_be_compared_is_not_beside_one_that_may() -> None:
    """It is left out, with the jobs and the reason said below; where no job's may be compared, there is no column."""
    measured = {"latency_first_audio_ms_p50": 30.0, "latency_first_audio_ms_p95": 31.0}
    slow = {"latency_first_audio_ms_p50": 3354.0, "latency_first_audio_ms_p95": 3355.0}
    remembered = {"publishable_latencies": False, "publishable_latencies_reason": "the service <remembers>"}
    both = "".join(sweep_page("s", COLUMNS, [row(0, **GOOD, **measured), row(1, **GOOD, **slow, **remembered)], [], {}))
    assert "first audio p50, ms</th>" in both
    assert ">30<" in both
    assert "3354" not in both
    assert "Latencies of job 1 are left out, for they are not comparable: the service &lt;remembers&gt;." in both
    none = "".join(sweep_page("s", COLUMNS, [row(n, **GOOD, **measured, **remembered) for n in (0, 1)], [], {}))
    assert "first audio" not in none
    assert "Latencies of jobs 0, 1 are left out" in none


def test_jobs_that_are_ranked_apart_have_a_best_each() -> None:
    """Where "passed" does not mean the same, no job is better than the other."""
    rows = [replace(row(n, best=True, **GOOD), ranking=f"lenient: {word}") for n, word in enumerate(("true", "false"))]
    page = "".join(sweep_page("s", COLUMNS, rows, [], {"breakdown.png": b"png"}))
    assert page.count("<strong>Job") == 2
    assert "<h3>lenient: false</h3>" in page
    assert "tie" not in page[page.index("Best by lower bound") : page.index('id="jobs"')]
    assert "not ranked or compared with each other" in page
    assert "What passed, by kind of case" in page


def test_what_rising_realism_costs_is_a_section() -> None:
    """With a table for each ladder, its readings, and the runs that are on none; without steps there is no section."""
    text = RealismStep(is_duplex=False, is_line=False, is_voice=False)
    half = Estimate(0.5, 4, None)
    ladder = RealismLadder((f"model={HOSTILE}",), (LadderStep(text, "r", "/r", half, half, None, "what it says"),))
    report = RealismReport((ladder,), ("run-9: alone",))
    page = "".join(sweep_page("s", COLUMNS, [row(0, **GOOD)], [], {"realism.png": b"png"}, report))
    assert 'id="realism"' in page
    assert "<li>what it says</li>" in page
    assert "Not on a ladder: run-9: alone" in page
    assert "<script>document" not in page
    assert 'id="realism"' not in "".join(sweep_page("s", COLUMNS, [row(0, **GOOD)], [], {}))
