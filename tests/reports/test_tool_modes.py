"""Runs whose models were told of tools in different ways are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from evalkit.records.record import CaseRecord
from evalkit.reports.tool_modes import count_tool_modes, tool_mode_lines, tool_mode_warnings


@pytest.fixture
def told(make_record: Any) -> Any:
    """Make records of a turn each, with the tool modes given; None: nobody tells."""

    def make(*modes: str | None) -> Sequence[CaseRecord]:
        records = [make_record(f"c{number}") for number in range(len(modes))]
        labels = [{} if mode is None else {"tool_mode": mode} for mode in modes]
        return [
            replace(record, turns=(replace(record.turns[0], labels=told),))
            for record, told in zip(records, labels, strict=True)
        ]

    return make


def test_turns_are_counted_by_it(told: Any) -> None:
    """Those that tell."""
    assert count_tool_modes(told("json", "native", None, "native")) == {"native": 2, "json": 1}
    assert count_tool_modes(told(None)) == {}


def test_what_a_run_says_at_its_end() -> None:
    """Of what is not told by the API's own field, or not called by it."""
    assert tool_mode_lines({"native": 3, "none": 1}) == []
    told, written = tool_mode_lines({"json": 2, "native": 3, "written": 5})
    assert ("tool_mode json): 2 turns" in told, "tool_mode written): 5 turns" in written) == (True, True)


@pytest.mark.parametrize(
    ("before", "after", "warns"),
    [
        (("native",), ("native", "native"), False),
        ((None,), (None,), False),
        (("native",), ("json",), True),
        (("native",), ("json", "native"), True),
        (("native",), (None,), True),
        (("native",), ("written", "native"), False),
        (("written",), ("native",), False),
        (("written",), ("json",), True),
    ],
)
def test_who_differs_is_warned(told: Any, before: Any, after: Any, warns: bool) -> None:
    """In one sentence, with both ways."""
    warnings = tool_mode_warnings(told(*before), told(*after))
    assert len(warnings) == warns
    assert all(str(mode) in warnings[0] for mode in (*before, *after) if warns and mode in ("native", "json"))
