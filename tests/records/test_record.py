"""Records survive the way to disk and back, and add up what they know."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from factories import make_record
from hypothesis import given
from hypothesis import strategies as st

from evalkit.records.case import Case, ExpectedCall
from evalkit.records.faults import Failure, Fault, Stage
from evalkit.records.record import Attempt, CaseRecord, ToolCall, ToolOutput, Turn, Usage, Words, from_json, to_json

_COUNTS = st.none() | st.integers(min_value=0, max_value=10**6)
_USAGES = st.builds(Usage, input_tokens=_COUNTS, output_tokens=_COUNTS, output_audio_tokens=_COUNTS)
_NUMBERS = st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False), max_size=3)
_STAGES = st.sampled_from(Stage) | st.text()
_FAILURES = st.none() | st.builds(Failure, _STAGES, st.text(), st.text())
_PATHS = st.dictionaries(st.text(), st.text(), max_size=2)
_ARGUMENTS = st.none() | _NUMBERS
_STEPS = st.one_of(
    st.builds(Words, st.text()),
    st.builds(ToolCall, st.text(), _ARGUMENTS, st.text(), st.text()),
    st.builds(ToolOutput, st.text(), st.text(), _ARGUMENTS, _NUMBERS | st.text() | st.none()),
)
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
            Turn, turn_index=st.integers(1, 9), user_text=st.text(), steps=st.lists(_STEPS, max_size=5).map(tuple),
            order_is_known=st.booleans(), latencies=_NUMBERS, artifacts=_PATHS, usage=_USAGES,
        ),
        max_size=2,
    ).map(tuple),
    failure=_FAILURES,
    attempts=st.lists(
        st.builds(Attempt, st.integers(1, 9), st.floats(0, 1e6), _FAILURES, _PATHS), max_size=2
    ).map(tuple),
    cost_usd=st.dictionaries(st.text(), st.none() | st.floats(0, 9), max_size=2), served_model=st.text(),
    started_at=st.text(), duration_ms=st.floats(0, 1e6), fault=st.none() | st.sampled_from(Fault),
)  # fmt: skip


CALL = ToolCall("get_order_status", {"order_id": "48213"}, '{"order_id": "48213"}', "c1")
OUTPUT = ToolOutput("c1", "get_order_status", {"order_id": "48213"}, {"status": "shipped"})


@given(_RECORDS)
def test_a_record_comes_back_exactly(record: CaseRecord) -> None:
    """Through real JSON text, with any words in it."""
    assert from_json(json.loads(json.dumps(to_json(record)))) == record


def test_another_version_is_refused() -> None:
    """A record of tomorrow is not half-read today."""
    with pytest.raises(ValueError, match="record version 99, this evalkit reads 1 and 2"):
        from_json({"record_version": 99})


def test_a_turn_keeps_the_order_and_tells_its_parts() -> None:
    """Words before a call stay before it; all words, all calls and all outputs can be had apart, each in order."""
    turn = Turn(1, "Where is it?", (Words("One moment."), CALL, OUTPUT, Words(""), Words("It has been shipped.")))
    record = CaseRecord(Case("a", "m", {}), 1, 0, "", {}, (turn,), None, (), {}, "", "", 0.0)
    (stored,) = json.loads(json.dumps(to_json(record)))["turns"]
    assert [step["kind"] for step in stored["steps"]] == ["words", "tool_call", "tool_output", "words", "words"]
    assert turn.assistant_text == "One moment. It has been shipped."
    assert (turn.tool_calls, turn.tool_outputs) == ((CALL,), (OUTPUT,))


def test_what_was_said_is_stored_once() -> None:
    """The joined text of a turn is made from its steps and stands in no file beside them."""
    turn = Turn(1, "", (Words("It has been shipped."),))
    record = CaseRecord(Case("a", "m", {}), 1, 0, "", {}, (turn,), None, (), {}, "", "", 0.0)
    assert json.dumps(to_json(record)).count("It has been shipped.") == 1


@pytest.fixture
def version_1() -> CaseRecord:
    """A record that was stored before turns kept their order: two turns, two attempts, lost to a timeout."""
    return from_json(json.loads((Path(__file__).parent / "record_version_1.json").read_text(encoding="utf-8")))


def test_a_record_of_version_1_is_read(version_1: CaseRecord) -> None:
    """Nothing of it is lost: words, calls, outputs, numbers, failures, attempts."""
    first, second = version_1.turns
    assert first.assistant_text == "One moment. It has been shipped."
    assert first.tool_calls == (CALL, ToolCall("notify", None, "{oops", "c2"))
    assert first.tool_outputs == (OUTPUT,)
    assert (first.latencies, first.usage.output_tokens) == ({"latency_first_audio_ms": 412.5}, 20)
    assert first.artifacts == {"user_audio_path": "audio/order/turn_01_user.wav"}
    assert (second.user_text, second.assistant_text) == ("Thanks.", "You're welcome.")
    assert version_1.failure is not None
    assert (version_1.failure.stage, version_1.fault) == ("case_timeout", Fault.INFRASTRUCTURE)
    refused = Failure(Stage.CONNECT, "connection_refused", "nobody listens")
    assert version_1.attempts == (Attempt(1, 30.0, refused), Attempt(2, 60_000.0))
    assert (version_1.key, version_1.reuse_key, version_1.notes) == ("order", "abc", {"ended_by": "failure"})


def test_a_turn_of_version_1_says_where_its_order_is_not_known(version_1: CaseRecord) -> None:
    """Each call with its output, then all words, as judges read it then; without calls there is nothing to mix up."""
    first, second = version_1.turns
    assert [type(step) for step in first.steps] == [ToolCall, ToolOutput, ToolCall, Words]
    assert (first.order_is_known, second.order_is_known) == (False, True)


def test_a_record_of_version_1_that_is_written_again_is_the_same_record(version_1: CaseRecord) -> None:
    """It is written as version 2, and still says that its order is not known."""
    written = json.loads(json.dumps(to_json(version_1)))
    assert written["record_version"] == 2
    assert from_json(written) == version_1


def test_an_output_without_its_call_is_kept() -> None:
    """Whatever a server did with its call ids, a record of version 1 loses nothing."""
    data = json.loads((Path(__file__).parent / "record_version_1.json").read_text(encoding="utf-8"))
    data["turns"][0]["tool_outputs"][0]["call_id"] = "another"
    (output,) = from_json(data).turns[0].tool_outputs
    assert (output.call_id, output.output) == ("another", {"status": "shipped"})


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
