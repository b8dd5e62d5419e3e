"""What is found on a line, as records keep it."""

from __future__ import annotations

from typing import Any

import pytest
from factories import make_record

from evalkit.records.faults import Fault
from evalkit.records.line_findings import FINDINGS, FoundOnLine, LineFinding, findings_of

STARVED = FoundOnLine(LineFinding.STARVED_PLAYBACK, 2, 300, 400, ((1.25, 1.35), (5.25, 5.55)))
BURSTS = FoundOnLine(LineFinding.BURSTS, 1, 2500)


def test_every_finding_has_a_meaning() -> None:
    """And only what is heard is somebody's fault."""
    assert set(FINDINGS) == set(LineFinding)
    assert {name for name, found in FINDINGS.items() if found.fault} == {LineFinding.STARVED_PLAYBACK}
    assert FINDINGS[LineFinding.STARVED_PLAYBACK].fault is Fault.ASSISTANT


@pytest.mark.parametrize("found", [STARVED, BURSTS])
def test_what_is_written_is_read(found: FoundOnLine) -> None:
    """Name by name."""
    record = make_record(notes={"turn_taking": {"line_findings": {str(found.finding): found.to_json()}}})
    assert findings_of(record) == {found.finding: found}


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        ({}, None),
        ({"turn_taking": {"duration_s": 1}}, None),
        ({"turn_taking": {"line_findings": {}}}, {}),
        ({"turn_taking": {"line_findings": {"of_a_later_version": {"count": 1}}}}, {}),
    ],
)
def test_calls_without_findings_are_told_from_calls_without_a_line(notes: Any, found: Any) -> None:
    """None and empty are not the same."""
    assert findings_of(make_record(notes=notes)) == found
