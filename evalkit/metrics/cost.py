"""What a run cost, by role. Costs were computed where they arose and stand in the records; here they are only added.

None means that a price is unknown, and an unknown price makes a sum unknown: it is never taken for 0.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from evalkit.records.grade import Grade
from evalkit.records.record import CaseRecord

JUDGE = "judge"


def sum_known_usd(costs: Iterable[float | None]) -> float | None:
    """Return the sum of `costs` in dollars; None when one is unknown or there is none at all."""
    listed = list(costs)
    known = [cost for cost in listed if cost is not None]
    return math.fsum(known) if listed and len(known) == len(listed) else None


def cost_by_role_usd(records: Iterable[CaseRecord], grades: Iterable[Grade]) -> dict[str, float | None]:
    """Return what each role cost over `records`, lost ones too, and what asking for `grades` cost."""
    costs: dict[str, list[float | None]] = defaultdict(list)
    for record in records:
        for role, cost_usd in record.cost_usd.items():
            costs[role].append(cost_usd)
    for grade in grades:
        for role, cost_usd in grade_costs_usd(grade).items():
            costs[role].append(cost_usd)
    return {role: sum_known_usd(listed) for role, listed in sorted(costs.items())}


def grade_costs_usd(grade: Grade) -> dict[str, float | None]:
    """Return what each role cost for one grade; nothing for a grader that asks no model."""
    return {**grade.cost_usd, **({JUDGE: _judge_cost_usd(grade.judge)} if grade.judge else {})}


def _judge_cost_usd(judge: Mapping[str, object]) -> float | None:
    cost_usd = judge.get("cost_usd")
    return float(cost_usd) if isinstance(cost_usd, int | float) else None
