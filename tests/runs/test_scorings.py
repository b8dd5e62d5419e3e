"""Scorings lie over a run: the newest holds, and never for a case that asks something else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.record import CaseRecord, from_json, to_json
from evalkit.reports.history import PriceDates
from evalkit.runs.scorings import (
    Scoring,
    asks_the_same,
    config_in_force,
    find_changes,
    overlay_of,
    price_dates,
    read_scorings,
    with_expectations,
    with_scoring,
)

CALL = ExpectedCall("get", {"order_id": "007"})
CRAWL = Case("a", "crawl", {"user_text": "hello"}, (CALL,))
SIMULATED = Case(
    "s",
    "run",
    {"scenario": "asks for an order", "persona": "calm", "tools": [{"name": "get"}], "tools_path": "/one/tools.json"},
    (CALL,),
    extra={"graders": [{"grader_id": "polite", "options": {"criteria": "is polite"}}]},
)
CONFIG: dict[str, Any] = {"mode": {"name": "crawl", "graders": ["a"]}, "judge": {"votes": 1}, "gate": {}, "report": {}}


def test_scorings_are_kept_in_order() -> None:
    """Through JSON and back, each as it was; a run that was never scored again has none."""
    first, second = Scoring("2026-01-01", ("judge.votes=3",), "p1", {"x": 1}), Scoring("2026-02-01", (), "p2")
    provenance = with_scoring(with_scoring({"argv": []}, first), second)
    assert read_scorings(json.loads(json.dumps(provenance))) == [first, second]
    assert read_scorings({}) == []


def test_the_newest_config_holds() -> None:
    """Graders, judge and gates of the newest; everything else is the run's."""
    newest = {**CONFIG, "judge": {"votes": 5}, "mode": {"name": "other", "graders": ["b"]}}
    scorings = [Scoring("1", (), "", overlay_of(CONFIG)), Scoring("2", (), "", overlay_of(newest))]
    found = config_in_force({**CONFIG, "seed": 1}, scorings)
    assert found == {**CONFIG, "judge": {"votes": 5}, "mode": {"name": "crawl", "graders": ["b"]}, "seed": 1}
    assert config_in_force(CONFIG, []) == CONFIG


def test_which_prices_held_when() -> None:
    """The run's from its start on, a scoring's from its own; an older run does not know its own."""
    provenance = with_scoring({"started_at": "2026-01-01", "price_date": "p0"}, Scoring("2026-02-01", (), "p1"))
    assert price_dates(provenance) == PriceDates((("2026-01-01", "p0"), ("2026-02-01", "p1")))
    assert price_dates({"started_at": "2026-01-01"}) == PriceDates()


def test_only_grading_may_change() -> None:
    """Other expectations, rules, graders, scenario or paths are the same question; another text or persona is not."""
    other_rule = replace(CRAWL, expected_calls=(ExpectedCall("get", {"order_id": "8"}, {"order_id": "id"}),))
    assert asks_the_same(CRAWL, other_rule)
    assert not asks_the_same(CRAWL, replace(CRAWL, inputs={"user_text": "good bye"}))
    moved = replace(SIMULATED, inputs={**SIMULATED.inputs, "scenario": "wants a refund", "tools_path": "/two.json"})
    assert asks_the_same(SIMULATED, moved)
    assert not asks_the_same(SIMULATED, replace(SIMULATED, inputs={**SIMULATED.inputs, "persona": "angry"}))
    played = replace(CRAWL, mode="walk", inputs={"user_text": "hello", "audio_sha256": "abc", "audio_path": "a.wav"})
    assert asks_the_same(played, CRAWL)


def test_changed_expectations_are_found_and_laid_over() -> None:
    """Nothing where nothing changed, also for a case that went through a record on disk."""
    record = CaseRecord(SIMULATED, 1, 0, "", {}, (), None, (), {}, "", "", 0.0)
    stored = from_json(json.loads(json.dumps(to_json(record)))).case
    assert find_changes(stored, SIMULATED) == {}
    today = replace(
        SIMULATED,
        inputs={**SIMULATED.inputs, "scenario": "wants a refund"},
        expected_calls=(),
        expects_no_call=True,
        extra={"graders": [{"grader_id": "kind"}, {"grader_id": "mood", "required": False}]},
    )
    changed = json.loads(json.dumps(find_changes(stored, today)))
    found = with_expectations(stored, changed)
    assert (found.expected_calls, found.expects_no_call) == ((), True)
    assert (found.inputs["scenario"], found.inputs["persona"]) == ("wants a refund", "calm")
    assert found.extra == today.extra
    assert found.required_graders == ("tool_call", "tool_call_args", "kind")
    assert find_changes(CRAWL, replace(CRAWL, expected_calls=())) == {"expected_calls": [], "expects_no_call": False}
