"""What is found in how the sound of a telephone application arrives: by name, with what it means and whose fault it is.

A telephone line has a buffer: it plays what it is sent in real time, whenever it came. So sound that comes ahead of
being heard is harmless, and so is sound that comes a little late. What comes later than that leaves the line with
nothing to play, and whoever listens hears a hole. ``docs/targets.md`` shows the table; a test holds it equal to
:data:`FINDINGS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from evalkit.records.faults import Fault
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord

NOTE = "line_findings"
"""Where the ``turn_taking`` of a record's notes has them: name -> what was found; empty: nothing was."""


class LineFinding(StrEnum):
    """The names of what is found."""

    STARVED_PLAYBACK = "starved_playback"
    BURSTS = "bursts"
    JITTER = "jitter"


@dataclass(frozen=True)
class FindingMeaning:
    """What a finding means, for a person, and whose fault it is; None: it is harmless."""

    meaning: str
    fault: Fault | None = None


FINDINGS: Mapping[LineFinding, FindingMeaning] = MappingProxyType(
    {
        LineFinding.STARVED_PLAYBACK: FindingMeaning(
            "sound came so late that its speech broke off inside words and went on", Fault.ASSISTANT
        ),
        LineFinding.BURSTS: FindingMeaning("sound came 1 s or more ahead of being heard; the line plays it in time"),
        LineFinding.JITTER: FindingMeaning(
            "sound came more than 20 ms late, and the line's buffer of 60 ms made up for it"
        ),
    }
)


@dataclass(frozen=True)
class FoundOnLine:
    """A finding of one call.

    Attributes:
        finding: Which.
        count: How often.
        longest_ms: How long the longest hole is; how far ahead or how late sound came at most.
        total_ms: How long all holes are together; None: of what makes none.
        spans_s: Where the holes are, in seconds since the case began.

    """

    finding: LineFinding
    count: int
    longest_ms: float
    total_ms: float | None = None
    spans_s: Sequence[tuple[float, float]] = ()

    def to_json(self) -> JsonObject:
        """Return it as a record keeps it; `fault` is null where it is harmless."""
        fault = FINDINGS[self.finding].fault
        holes: JsonObject = (
            {}
            if self.total_ms is None
            else {"total_ms": round(self.total_ms), "spans_s": [list(span) for span in self.spans_s]}
        )
        told = None if fault is None else str(fault)
        return {"fault": told, "count": self.count, "longest_ms": round(self.longest_ms), **holes}


def findings_of(record: CaseRecord) -> Mapping[LineFinding, FoundOnLine] | None:
    """Return what a record has of a call over a telephone line, by name; None of any other, and of older records.

    Names that nobody knows any more are left out.
    """
    turn_taking: Any = record.notes.get("turn_taking")
    noted = turn_taking.get(NOTE) if isinstance(turn_taking, Mapping) else None
    if not isinstance(noted, Mapping):
        return None
    known = {str(each): each for each in LineFinding}
    return {known[name]: _read(known[name], found) for name, found in noted.items() if name in known}


def _read(finding: LineFinding, found: Mapping[str, Any]) -> FoundOnLine:
    spans = tuple((float(start), float(end)) for start, end in found.get("spans_s", ()))
    return FoundOnLine(finding, int(found["count"]), found["longest_ms"], found.get("total_ms"), spans)
