"""A sweep's rows say what each job changed and found, also when a job left nothing."""

import csv
import io
from dataclasses import replace

from layouts import QUIZ, layout_of
from rich.console import Console

from evalkit.reports.sweep import (
    SweepJob,
    differing_overrides,
    shown_in_sweeps,
    sweep_columns,
    sweep_csv,
    sweep_table,
)  # fmt: skip

GOOD = SweepJob(
    {
        "job": 0, "overrides": ["chunk_ms=20", "assistant.model='a,b'"], "status": "completed", "exit_code": 0,
        "config_sha256": "c", "directory": "/d",
    },
    {
        "n": 4, "grade_mean": 0.5, "grade_ci95": [0.1, 0.9], "passed_mean": 0.25, "passed_ci95": [0.05, 0.7],
        "latency_first_audio_ms_p50": 30.0, "latency_first_audio_ms_p95": 31.0, "publishable_latencies": True,
        "publishable_latencies_reason": "", "cost_usd": {"assistant": 0.25, "speech": 0.5},
    },
    layout_of("crawl"),
)  # fmt: skip
GONE = SweepJob(
    {
        "job": 1,
        "overrides": ["chunk_ms=40"],
        "status": "vanished",
        "exit_code": 70,
        "config_sha256": None,
        "directory": None,
    },
    {},
)
UNKNOWN = replace(GOOD, summary={**GOOD.summary, "cost_usd": {"assistant": None, "speech": 0.5}})


def test_every_job_has_a_row() -> None:
    """One that vanished has empty cells, not zeros; an unknown price is unknown."""
    rows = list(csv.DictReader(io.StringIO(sweep_csv([GOOD, GONE, UNKNOWN]))))
    assert [row["grade_mean"] for row in rows] == ["0.5", "", "0.5"]
    assert [row["grade_ci95_low"] for row in rows] == ["0.1", "", "0.1"]
    assert [(row["passed_mean"], row["passed_ci95_low"]) for row in rows] == [
        ("0.25", "0.05"),
        ("", ""),
        ("0.25", "0.05"),
    ]
    assert [row["cost_usd"] for row in rows] == ["0.75", "", ""]
    assert rows[0]["overrides"] == "chunk_ms=20 assistant.model='a,b'"


def test_the_closing_table_shows_every_job() -> None:
    """Overrides are text, never markup."""
    console = Console(width=160, record=True, file=io.StringIO())
    job = replace(GOOD, entry={**GOOD.entry, "overrides": ["run_name=[bold]"]})
    console.print(sweep_table([job, GONE]))
    text = console.export_text()
    assert "run_name=[bold]" in text
    assert "vanished" in text
    assert "0.05 to 0.70" in text


def test_a_latency_that_must_not_be_compared_is_left_out() -> None:
    """Beside one that may be, its cells are empty and the reason stands there."""
    reason = "the embedded provider remembers what it has heard"
    slow = {
        "latency_first_audio_ms_p50": 3354.0,
        "publishable_latencies": False,
        "publishable_latencies_reason": reason,
    }
    fast, left_out = csv.DictReader(io.StringIO(sweep_csv([GOOD, replace(GOOD, summary={**GOOD.summary, **slow})])))
    assert (fast["latency_first_audio_ms_p50"], fast["publishable_latencies_reason"]) == ("30.0", "")
    assert (left_out["latency_first_audio_ms_p50"], left_out["latency_first_audio_ms_p95"]) == ("", "")
    assert left_out["publishable_latencies_reason"] == reason


def test_a_sweep_has_the_columns_of_its_jobs_modes() -> None:
    """A quiz has neither tool calls nor sound; beside a crawl both have columns."""
    quiz = replace(GOOD, layout=QUIZ)
    alone, together = sweep_columns([quiz, GONE]), sweep_columns([quiz, GOOD])
    assert "latency_first_text_ms_p50" in alone
    assert not [column for column in alone if "tool_call" in column or "audio" in column]
    assert {"tool_call_correctness_mean", "latency_first_audio_ms_p50", "latency_first_text_ms_p50"} <= set(together)
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(sweep_table([quiz]))
    assert "tool" not in console.export_text()


def test_what_jobs_differ_in() -> None:
    """An override that all have tells none apart; a job alone is told by all of its own."""
    assert differing_overrides([GOOD, UNKNOWN]) == [[], []]
    assert differing_overrides([GOOD, GONE])[1] == ["chunk_ms=40"]
    assert differing_overrides([GONE]) == [["chunk_ms=40"]]
    assert differing_overrides([]) == []


def test_of_very_many_jobs_the_closing_table_has_the_best() -> None:
    """Best first, and how many there are beside them; a job without an interval comes last."""
    jobs = [
        replace(
            GOOD,
            entry={**GOOD.entry, "job": n, "overrides": [f"seed={n}"]},
            summary={**GOOD.summary, "passed_ci95": [n / 100, 1.0] if n else None},
        )
        for n in range(60)
    ]
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(sweep_table(jobs))
    text = console.export_text()
    assert [word for word in text.split() if word.startswith("seed=")] == [f"seed={n}" for n in range(59, 39, -1)]
    assert "the best by lower bound; 40 jobs more in sweep.csv" in text
    console.print(sweep_table(jobs[:50]))
    assert "seed=0" in (text := console.export_text())
    assert "more in sweep.csv" not in text


def test_what_a_sweep_shows_of_a_summary_is_all_that_its_table_needs() -> None:
    """The rest is not held."""
    layout = layout_of("crawl")
    whole = {**GOOD.summary, "run_name": "x", "latency_first_audio_ms_p99": 40.0}
    shown = shown_in_sweeps(whole, layout)
    assert set(whole) - set(shown) == {"run_name", "latency_first_audio_ms_p99"}
    assert sweep_csv([replace(GOOD, summary=shown)]) == sweep_csv([replace(GOOD, summary=whole)])
