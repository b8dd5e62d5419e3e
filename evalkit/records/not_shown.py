"""What the line to a system under test does not show, so that nobody takes it for nothing.

A telephone line carries sound: no tool call, no token, no text of the application's own. A record of such a case says
so in its notes, with the reason, and whoever would count or grade what was not shown finds it here. It is ungraded,
never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalkit.records.record import CaseRecord

TOOL_CALLS = "tool_calls"
"""The calls that the system made, and what they were answered."""

TRANSCRIPT = "transcript"
"""The system's own text of what it said."""

USAGE = "usage"
"""The tokens it took, and so what it cost."""

NOTE = "not_shown"
"""Where a record's notes have it: what was not shown -> the reason."""


def why_not_shown(record: CaseRecord, what: str) -> str | None:
    """Return why `what` is not known of a case; None where it was shown."""
    told: Any = record.notes.get(NOTE)
    reason = told.get(what) if isinstance(told, Mapping) else None
    return str(reason) if reason else None
