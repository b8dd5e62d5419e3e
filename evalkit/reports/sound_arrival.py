"""What was found in how the sound of a telephone application arrived, over all calls of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.records.json import Json
from evalkit.records.line_findings import FINDINGS, LineFinding, findings_of
from evalkit.records.record import CaseRecord


def summarize_line_findings(records: Sequence[CaseRecord]) -> dict[str, Json]:
    """Return the summary's ``line_findings``: name -> in how many calls, how often; nothing without a line."""
    told = [found for record in records if (found := findings_of(record)) is not None]
    if not told:
        return {}
    summed: dict[str, Json] = {}
    for finding in LineFinding:
        own = [found[finding] for found in told if finding in found]
        if own:
            fault = FINDINGS[finding].fault
            summed[finding] = {
                "fault": None if fault is None else str(fault),
                "calls": len(own),
                "count": sum(found.count for found in own),
                "longest_ms": max(found.longest_ms for found in own),
            }
    return {"line_findings": {"calls": len(told), "found": summed}}


@dataclass(frozen=True)
class ToldFinding:
    """A finding in a sentence, and whose fault it is; None: it is harmless."""

    text: str
    fault: str | None


def tell_line_findings(summary: Mapping[str, Any]) -> list[ToldFinding]:
    """Return what a summary has of them, each in a sentence."""
    told = summary.get("line_findings", {"calls": 0, "found": {}})
    return [
        ToldFinding(
            f"{name}: {FINDINGS[LineFinding(name)].meaning} ({found['count']} times in {found['calls']} of "
            f"{told['calls']} calls, {found['longest_ms']:.0f} ms at most); "
            + ("harmless" if found["fault"] is None else f"fault of {found['fault']}"),
            found["fault"],
        )
        for name, found in told["found"].items()
    ]
