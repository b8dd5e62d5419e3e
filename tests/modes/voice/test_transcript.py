"""The lines of a conversation."""

from __future__ import annotations

from evalkit.modes.voice.transcript import turn_lines
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.records.record import ToolCall, ToolOutput, Usage


def _response(transcript: str, *calls: ToolCall) -> ResponseResult:
    return ResponseResult(
        response_id="r", created_at_ms=0, status="completed", status_reason="", error_type=None, error_message="",
        transcript=transcript, text="", audio=b"", tool_calls=calls, usage=Usage(), served_model=None,
        first_audio_ms=None, first_text_ms=None, done_ms=None,
    )  # fmt: skip


def test_lines_come_in_the_order_things_happened() -> None:
    """Both calls of a response before their outputs, what follows after them, and one line each whatever was said."""
    calls = (ToolCall("a", {"x": "ü"}, "", "c1"), ToolCall("b", None, "{", "c2"))
    result = TurnResult((_response("One\nmoment.", *calls), _response("Done.")))
    outputs = [ToolOutput("c1", "a", {"x": "ü"}, {"ok": True}), ToolOutput("c2", "b", None, {"error": "no"})]
    assert list(turn_lines(3, "Hi,\n there", result, outputs)) == [
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
    lines = list(turn_lines(1, "Hi.", TurnResult((_response("", ToolCall("a", {}, "{}", "c1")),)), []))
    assert [line.split(":")[0] for line in lines] == ["TURN 1 USER", "TURN 1 TOOL_CALL"]
