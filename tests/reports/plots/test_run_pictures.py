"""Which pictures a run has."""

from __future__ import annotations

from typing import Any

from turn_taking_notes import heard

from evalkit.reports.plots.run_pictures import PICTURES, draw_run


def test_a_crawl_that_went_well_has_three(results: Any, make_record: Any, both_grades: Any) -> None:
    """Nothing failed, and there are no turns to tell apart."""
    records = [make_record()]
    drawn = draw_run(*results(records, both_grades("case-1", 1, 1)), records)
    assert set(drawn) == {"scorecard.png", "latency.png", "cost.png"}


def test_dialogues_with_a_loss_have_all_but_one(results: Any, make_record: Any, lost: Any) -> None:
    """Every name is one that is known, so that a picture that is no longer drawn can be taken away."""
    records = [make_record(mode="run"), lost]
    drawn = draw_run(*results(records, mode="run"), records)
    assert {*drawn, "breakdown.png", "turn_taking.png"} == set(PICTURES)


def test_calls_in_full_duplex_have_one_more(results: Any, make_record: Any) -> None:
    """Of how long answers and yields took."""
    records = [make_record(mode="run", notes={"turn_taking": heard([0.5])})]
    assert "turn_taking.png" in draw_run(*results(records, mode="run"), records)


def test_a_mode_without_sound_or_dialogue_has_its_pictures(results: Any, make_record: Any, make_turn: Any) -> None:
    """Nothing in a picture needs a voice."""
    records = [make_record(mode="quiz", turns=(make_turn(latencies={}, measures={}),))]
    assert "scorecard.png" in draw_run(*results(records, mode="quiz"), records)


def test_the_same_run_gives_the_same_bytes(results: Any, make_record: Any, both_grades: Any) -> None:
    """Nothing of time, version or machine is in a picture."""
    records, grades = [make_record()], both_grades("case-1", 1, 0)
    assert draw_run(*results(records, grades), records) == draw_run(*results(records, grades), records)
