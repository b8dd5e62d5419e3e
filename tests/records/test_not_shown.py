"""What a line did not show is known of a record, with the reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from evalkit.records.not_shown import NOTE, TOOL_CALLS, USAGE, why_not_shown


@pytest.mark.parametrize(
    ("notes", "reason"),
    [
        ({NOTE: {TOOL_CALLS: "a line carries sound"}}, "a line carries sound"),
        ({NOTE: {USAGE: "nor this"}}, None),
        ({NOTE: {TOOL_CALLS: ""}}, None),
        ({NOTE: "broken"}, None),
        ({}, None),
    ],
)
def test_the_reason_stands_in_the_notes(notes: dict[str, Any], reason: str | None) -> None:
    """None: it was shown, as it is wherever nothing else is said."""
    record: Any = SimpleNamespace(notes=notes)
    assert why_not_shown(record, TOOL_CALLS) == reason
