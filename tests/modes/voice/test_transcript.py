"""The lines of a conversation."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evalkit.mocks.session import MockAnswer
from evalkit.modes.voice.transcript import order_steps, turn_lines
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.records.record import CallerWords, ToolCall, ToolOutput, Turn, Usage, Words
from evalkit.tool_host.hosted_call import HostedAnswer, Via


def _response(transcript: str, *calls: ToolCall, text: str = "", at_ms: float = 0) -> ResponseResult:
    return ResponseResult(
        response_id="r", created_at_ms=at_ms, status="completed", status_reason="", error_type=None, error_message="",
        transcript=transcript, text=text, audio=b"", tool_calls=calls, usage=Usage(), served_model=None,
        first_audio_ms=None, first_text_ms=None, done_ms=None,
    )  # fmt: skip


def test_lines_come_in_the_order_things_happened() -> None:
    """Both calls of a response before their outputs, what follows after them, and one line each whatever was said."""
    calls = (ToolCall("a", {"x": "ü"}, "", "c1"), ToolCall("b", None, "{", "c2"))
    result = TurnResult((_response("One\nmoment.", *calls), _response("Done.")))
    outputs = [ToolOutput("c1", "a", {"x": "ü"}, {"ok": True}), ToolOutput("c2", "b", None, {"error": "no"})]
    assert list(turn_lines(3, "Hi,\n there", order_steps(result, outputs))) == [
        "TURN 3 USER: Hi, there",
        "TURN 3 ASSISTANT: One moment.",
        'TURN 3 TOOL_CALL: {"name": "a", "arguments": {"x": "ü"}, "call_id": "c1"}',
        'TURN 3 TOOL_CALL: {"name": "b", "arguments": "{", "call_id": "c2"}',
        'TURN 3 TOOL_OUTPUT: {"call_id": "c1", "name": "a", "output": {"ok": true}}',
        'TURN 3 TOOL_OUTPUT: {"call_id": "c2", "name": "b", "output": {"error": "no"}}',
        "TURN 3 ASSISTANT: Done.",
    ]


def test_a_call_that_was_cut_off_has_no_output() -> None:
    """What never happened is not in the transcript."""
    steps = order_steps(TurnResult((_response("", ToolCall("a", {}, "{}", "c1")),)), [])
    lines = list(turn_lines(1, "Hi.", steps))
    assert [line.split(":")[0] for line in lines] == ["TURN 1 USER", "TURN 1 TOOL_CALL"]


def test_what_was_said_and_written_in_one_response_is_said_in_one_go() -> None:
    """And a response without words has none."""
    result = TurnResult((_response("Spoken.", text="Written."), _response(""), _response("More.")))
    assert order_steps(result, []) == (Words("Spoken. Written."), Words("More."))


def test_tools_that_the_assistant_called_by_itself_stand_where_it_called_them() -> None:
    """Among its words and what the caller said, by the clock; a call that got no answer has no output."""
    result = TurnResult((_response("One moment.", at_ms=1000), _response("Shipped.", at_ms=4000)))
    said = [(2500.0, CallerWords("mm-hmm", "backchannel"))]
    first, second, late = (_hosted(call_id, at_ms) for call_id, at_ms in (("1", 2000), ("2", 3000), ("3", 5000)))
    unanswered = replace(second, answered_at_ms=None)
    assert order_steps(result, [], said, [unanswered, first, late]) == (
        Words("One moment."), first.call, first.output, said[0][1], second.call, Words("Shipped."), late.call,
        late.output,
    )  # fmt: skip


def _hosted(call_id: str, at_ms: float) -> HostedAnswer:
    call = ToolCall("a", {}, "{}", call_id)
    return HostedAnswer(call, MockAnswer(ToolOutput(call_id, "a", {}, "ok"), "mock #1", (), 0), at_ms, at_ms, Via.MCP)


_CALLS = st.lists(st.builds(ToolCall, st.text(), st.none(), st.text(), st.text()), max_size=3)


@given(st.lists(st.tuples(st.text(), st.text(), _CALLS), max_size=4), st.integers(0, 12))
def test_a_records_turn_tells_what_its_responses_tell(said: list[tuple[str, str, list[ToolCall]]], most: int) -> None:
    """All words, all calls and all outputs, however many of the last calls were not answered."""
    result = TurnResult(tuple(_response(transcript, *calls, text=text) for transcript, text, calls in said))
    outputs = tuple(ToolOutput(call.call_id, call.name, None, "ok") for call in result.tool_calls[:most])
    turn = Turn(1, "", order_steps(result, outputs))
    assert turn.assistant_text == result.assistant_text
    assert (turn.tool_calls, turn.tool_outputs) == (result.tool_calls, outputs)
