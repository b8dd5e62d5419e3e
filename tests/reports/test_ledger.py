"""``ledger.csv``: every role of every case-trial, what is unknown said to be unknown, and sums that add up."""

from __future__ import annotations

import csv
import io
from typing import Any

from evalkit.reports.history import PriceDates
from evalkit.reports.ledger import COLUMNS, ledger_csv

JUDGED = {"model": "judge-1", "votes": 3, "cost_usd": 0.5, "input_tokens": 900, "output_tokens": 60}
DATES = PriceDates((("2026-01-01", "2025-12-01"), ("2026-06-01", "2026-05-20")))


def read(records: Any, grades: Any = (), config: Any = None, dates: PriceDates = DATES) -> list[dict[str, str]]:
    text = ledger_csv(records, grades, config or {}, dates)
    assert text.splitlines()[0] == ",".join(COLUMNS)
    return list(csv.DictReader(io.StringIO(text)))


def test_each_role_of_a_case_trial(make_record: Any, make_grade: Any) -> None:
    """Roles of the record and of its graders, with model, tokens and the day of the prices."""
    settings = {"assistant": {"model": "model-a"}, "speech": {"model": "tts-a"}}
    record = make_record("case-1", 2, settings=settings)
    heard = make_grade("case-1.t2", "wer", 0.9, cost_usd={"transcription": 0.01})
    judged = make_grade("case-1.t2", "polite", 1, judge=JUDGED, graded_at="2026-07-01T00:00:00Z")
    config = {"provider": {"models": {"transcription": "ears-1"}}}
    lines = [line for line in read([record], [heard, judged], config) if line["scope"] == "case_trial"]
    shown = {
        line["role"]: (line["model"], line["cost_usd"], line["input_tokens"], line["price_date"]) for line in lines
    }
    assert shown == {
        "assistant": ("model-a", "0.25", "50", "2025-12-01"),
        "speech": ("tts-a", "0.125", "", "2025-12-01"),
        "judge": ("judge-1", "0.5", "900", "2026-05-20"),
        "transcription": ("ears-1", "0.01", "", "2025-12-01"),
    }
    assert {(line["key"], line["case_id"], line["trial"]) for line in lines} == {("case-1.t2", "case-1", "2")}


def test_sums_by_role_and_in_all(make_record: Any, make_grade: Any) -> None:
    """A grade that was replaced was paid for: both count."""
    records = [make_record("a"), make_record("b")]
    grades = [make_grade("a", "polite", 1, judge=JUDGED), make_grade("a", "polite", 0, judge=JUDGED)]
    lines = read(records, grades)
    sums = {line["role"]: line["cost_usd"] for line in lines if line["scope"] == "role"}
    assert sums == {"assistant": "0.5", "judge": "1.0", "speech": "0.25"}
    assert lines[-1]["scope"] == "run"
    assert (lines[-1]["role"], lines[-1]["cost_usd"], lines[-1]["priced"]) == ("all", "1.75", "yes")


def test_an_unknown_price_is_never_0(make_record: Any) -> None:
    """It is empty and marked, and so is every sum that it is part of; other roles keep theirs."""
    lines = read([make_record("a"), make_record("b", cost_usd={"assistant": None, "speech": 0.5})])
    found = {(line["scope"], line["key"], line["role"]): (line["cost_usd"], line["priced"]) for line in lines}
    assert found["case_trial", "b", "assistant"] == ("", "no")
    assert found["role", "", "assistant"] == ("", "no")
    assert found["role", "", "speech"] == ("0.625", "yes")
    assert found["run", "", "all"] == ("", "no")


def test_lost_attempts_are_in_it(make_record: Any, lost: Any) -> None:
    """A case that was lost was paid for, and its attempts are counted."""
    from evalkit.records.record import Attempt

    again = make_record("again", attempts=(Attempt(1, 1.0, lost.failure), Attempt(2, 1.0)))
    lines = read([lost, again])
    attempts = {line["key"]: line["attempts"] for line in lines if line["scope"] == "case_trial"}
    assert attempts == {"case-lost": "1", "again": "2"}


def test_nothing_asked_costs_nothing() -> None:
    """An empty run has one line: nothing, and known to be."""
    [line] = read([], dates=PriceDates())
    assert (line["scope"], line["cost_usd"], line["priced"], line["price_date"]) == ("run", "0.0", "yes", "")
