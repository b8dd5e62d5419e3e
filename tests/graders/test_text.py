"""Checks on the assistant's own words."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.graders.context import GraderContext
from evalkit.graders.registry import GRADER_TYPES
from evalkit.records.grade import GraderSpec


async def grade(record: Any, kind: str, turn: int | None = 1, **options: Any) -> float | None:
    asked = GraderContext(record, record.turns[0] if turn else None, GraderSpec("g", kind, options))
    return (await GRADER_TYPES[kind].grade(asked)).grade


@pytest.mark.parametrize(
    ("kind", "options", "wanted"),
    [
        ("contains", {"texts": ["order 48213"]}, 1),
        ("contains", {"texts": ["ORDER  48213", "shipped"]}, 1),
        ("contains", {"texts": ["order", "refund"]}, 0),
        ("contains", {"texts": ["ORDER"], "ignore_case": False}, 0),
        ("not_contains", {"texts": ["refund"]}, 1),
        ("not_contains", {"texts": ["refund", "SHIPPED"]}, 0),
        ("not_contains", {"texts": ["SHIPPED"], "ignore_case": False}, 1),
        ("contains", {"texts": ["order 48213th"]}, 1),
        ("not_contains", {"texts": ["order 48213th"]}, 0),
        ("regex", {"pattern": r"order\s+\d{5}\b"}, 1),
        ("regex", {"pattern": r"^order"}, 0),
        ("regex", {"pattern": "YOUR"}, 1),
        ("regex", {"pattern": "YOUR", "ignore_case": False}, 0),
    ],
)
async def test_one_turn(make_record: Any, kind: str, options: dict[str, Any], wanted: float) -> None:
    """Each check on one sentence."""
    assert await grade(make_record([], [], text="Your order\n 48213 has shipped."), kind, **options) == wanted


async def test_a_trace_is_all_turns_together(make_record: Any) -> None:
    """At trace level the words of all turns count."""
    record = make_record([], [], [], text="hello")
    assert await grade(record, "regex", turn=None, pattern="hello\nhello") == 1
    assert await grade(record, "regex", turn=1, pattern="hello\nhello") == 0
