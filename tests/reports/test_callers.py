"""What simulated callers did to a run."""

from __future__ import annotations

from typing import Any

import pytest
from layouts import layout_of

from evalkit.records.faults import Failure, Stage
from evalkit.reports.callers import summarize_callers

SWAPPED = Failure(Stage.SIMULATOR_TURN, "role_swap", "how can I help")


def _notes(turns: int, regenerations: int, **problems: int) -> dict[str, Any]:
    return {"simulator": {"turns": turns, "regenerations": regenerations, "problems": problems}}


def test_rates_and_scores_with_and_without_the_lost_cases(make_record: Any) -> None:
    """Two counted cases, one of them made again, and one lost after three attempts at its second turn."""
    records = [
        make_record("c1", notes=_notes(3, 0)),
        make_record("c2", notes=_notes(2, 1, silence=1)),
        make_record("c3", failure=SWAPPED, notes=_notes(1, 2, role_swap=3)),
    ]
    found: Any = summarize_callers(layout_of("run"), records, {"c1": 1.0, "c2": 0.0})["simulator"]
    assert (found["caller_turns"], found["regenerations"], found["regeneration_rate"]) == (6, 3, 0.5)
    assert found["problems"] == {"role_swap": 3, "silence": 1}
    assert (found["lost_cases"], found["lost_share"]) == (1, pytest.approx(1 / 3))
    assert found["grade_mean_without"] == 0.5
    assert found["grade_mean_with"] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert found["grade_mean_first_try"] == 1.0


def test_nothing_is_known_of_no_calls(lost: Any) -> None:
    """Rates of nothing are null, and a mode without conversations has no such node."""
    found: Any = summarize_callers(layout_of("run"), [], {})["simulator"]
    assert (found["regeneration_rate"], found["lost_share"], found["grade_mean_without"]) == (None, None, None)
    assert found["grade_mean_with"] is None
    assert summarize_callers(layout_of("crawl"), [lost], {}) == {}
