"""Records survive the way to disk and back, and add up what they know."""

from __future__ import annotations

import json

import pytest
from factories import make_record
from hypothesis import given
from hypothesis import strategies as st

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.record import Attempt, CaseRecord, ToolCall, Turn, Usage, from_json, to_json

_COUNTS = st.none() | st.integers(min_value=0, max_value=10**6)
_USAGES = st.builds(Usage, input_tokens=_COUNTS, output_tokens=_COUNTS, output_audio_tokens=_COUNTS)
_NUMBERS = st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False), max_size=3)
_FAILURES = st.none() | st.builds(Failure, st.sampled_from(Stage), st.text(), st.text())
_RECORDS = st.builds(
    CaseRecord,
    case=st.builds(
        Case,
        case_id=st.text(),
        mode=st.just("crawl"),
        inputs=st.dictionaries(st.text(), st.text(), max_size=3),
        expected_calls=st.lists(st.builds(ExpectedCall, st.text(), _NUMBERS), max_size=2).map(tuple),
    ),
    trial=st.integers(1, 9), seed=st.integers(0, 2**31), reuse_key=st.text(), settings=_NUMBERS,
    turns=st.lists(
        st.builds(
            Turn, turn_index=st.integers(1, 9), user_text=st.text(), assistant_text=st.text(),
            tool_calls=st.lists(
                st.builds(ToolCall, st.text(), st.none() | _NUMBERS, st.text(), st.text()), max_size=2
            ).map(tuple),
            latencies=_NUMBERS, usage=_USAGES,
        ),
        max_size=2,
    ).map(tuple),
    failure=_FAILURES,
    attempts=st.lists(st.builds(Attempt, st.integers(1, 9), st.floats(0, 1e6), _FAILURES), max_size=2).map(tuple),
    cost_usd=st.dictionaries(st.text(), st.none() | st.floats(0, 9), max_size=2), served_model=st.text(),
    started_at=st.text(), duration_ms=st.floats(0, 1e6), fault=st.none() | st.sampled_from(Fault),
)  # fmt: skip


@given(_RECORDS)
def test_a_record_comes_back_exactly(record: CaseRecord) -> None:
    """Through real JSON text, with any words in it."""
    assert from_json(json.loads(json.dumps(to_json(record)))) == record


def test_another_version_is_refused() -> None:
    """A record of tomorrow is not half-read today."""
    with pytest.raises(ValueError, match="record version 99"):
        from_json({"record_version": 99})


@given(_USAGES, _USAGES)
def test_usage_adds_what_is_known(first: Usage, second: Usage) -> None:
    """A known number plus an unknown one is the known one; both unknown stay unknown."""
    total = (first + second).output_tokens
    known = [count for count in (first.output_tokens, second.output_tokens) if count is not None]
    assert total == (sum(known) if known else None)


@pytest.mark.parametrize(
    ("fault", "scored"),
    [(None, True), *((fault, fault is Fault.ASSISTANT) for fault in Fault)],
)
def test_only_the_assistants_own_failures_count(fault: Fault | None, scored: bool) -> None:
    """A case lost to anybody else is excluded, never a 0."""
    assert make_record(fault=fault).scored is scored
