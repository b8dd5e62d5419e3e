"""Sums of recorded costs, in which an unknown price stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from factories import make_grade, make_record

from evalkit.metrics.cost import cost_by_role_usd, sum_known_usd
from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord


@pytest.mark.parametrize(
    ("costs", "wanted"), [([0.1, 0.2], 0.3), ([0.0], 0.0), ([0.1, None], None), ([None], None), ([], None)]
)
def test_a_sum_is_known_only_when_all_parts_are(costs: list[float | None], wanted: float | None) -> None:
    """One unknown price makes the sum unknown; nothing at all is no sum; 0 is a price."""
    assert sum_known_usd(costs) == (None if wanted is None else pytest.approx(wanted))


def record(cost_usd: Mapping[str, float | None]) -> CaseRecord:
    return make_record(cost_usd=cost_usd)


def grade(judge: Mapping[str, Any]) -> Grade:
    return make_grade("case-1", "polite", 1.0, judge=judge)


def test_costs_by_role_with_the_judges() -> None:
    """Each role is summed by itself; deterministic grades cost nothing and are no judge."""
    records = [record({"assistant": 0.25, "speech": 0.5}), record({"assistant": 0.5, "speech": None})]
    grades = [grade({}), grade({"cost_usd": 0.125}), grade({"cost_usd": 0.125})]
    assert cost_by_role_usd(records, grades) == {"assistant": 0.75, "judge": 0.25, "speech": None}
    assert cost_by_role_usd(records, [grade({"model": "j"})])["judge"] is None
    assert cost_by_role_usd([record({})], [grade({})]) == {}
