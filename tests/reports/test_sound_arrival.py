"""What was found on the lines of a run's calls, in its summary and in sentences."""

from __future__ import annotations

from typing import Any

from evalkit.reports.sound_arrival import summarize_line_findings, tell_line_findings

STARVED = {"fault": "assistant", "count": 2, "longest_ms": 300, "total_ms": 400, "spans_s": [[1.25, 1.35], [5.2, 5.5]]}
BURSTS = {"fault": None, "count": 1, "longest_ms": 2500}


def _found(make_record: Any, **findings: Any) -> Any:
    return make_record(notes={"turn_taking": {"line_findings": findings}})


def test_a_run(make_record: Any) -> None:
    """Calls with a finding are counted among calls over a line; what is harmless is told to be."""
    records = [
        _found(make_record, starved_playback=STARVED, bursts=BURSTS),
        _found(make_record, starved_playback={**STARVED, "longest_ms": 500}),
        _found(make_record),
        make_record(),
    ]
    summary = summarize_line_findings(records)
    assert summary == {
        "line_findings": {
            "calls": 3,
            "found": {
                "starved_playback": {"fault": "assistant", "calls": 2, "count": 4, "longest_ms": 500},
                "bursts": {"fault": None, "calls": 1, "count": 1, "longest_ms": 2500},
            },
        }
    }
    starved, bursts = tell_line_findings(summary)
    assert starved.text.startswith("starved_playback: sound came so late")
    assert starved.text.endswith("(4 times in 2 of 3 calls, 500 ms at most); fault of assistant")
    assert (bursts.fault, bursts.text.endswith("harmless")) == (None, True)


def test_nothing_is_said_without_a_line(make_record: Any) -> None:
    """A realtime model has no line to starve."""
    assert summarize_line_findings([make_record()]) == {}
    assert tell_line_findings({}) == []
    assert summarize_line_findings([_found(make_record)]) == {"line_findings": {"calls": 1, "found": {}}}
