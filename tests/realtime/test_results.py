"""A turn is its responses together, timed from the first request."""

from __future__ import annotations

from dataclasses import replace

from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.records.record import ToolCall, Usage

_CALL = ToolCall("lookup", {"id": "1"}, '{"id": "1"}', "call_1")
_FIRST = ResponseResult(
    response_id="resp_1",
    created_at_ms=1000.0,
    status="completed",
    status_reason="",
    error_type=None,
    error_message="",
    transcript="One moment.",
    text="",
    audio=b"ab",
    tool_calls=(_CALL,),
    usage=Usage(input_tokens=10, output_tokens=5),
    served_model="m",
    first_audio_ms=120.0,
    first_text_ms=None,
    done_ms=200.0,
)
_SECOND = replace(
    _FIRST,
    response_id="resp_2",
    created_at_ms=1300.0,
    transcript="It is on its way.",
    text="(written)",
    audio=b"cd",
    tool_calls=(),
    usage=Usage(input_tokens=20),
    first_text_ms=50.0,
    done_ms=400.0,
)


def test_a_turn_joins_its_responses() -> None:
    """Words, audio, calls and tokens of all responses, in order."""
    turn = TurnResult((_FIRST, _SECOND))
    assert turn.assistant_text == "One moment. It is on its way. (written)"
    assert turn.audio == b"abcd"
    assert turn.tool_calls == (_CALL,)
    assert turn.usage == Usage(input_tokens=30, output_tokens=5)
    assert (turn.status, turn.served_model) == ("completed", "m")


def test_a_turn_tells_of_another_way_to_call_wherever_it_was() -> None:
    """In one of its responses; nothing where none tells."""
    for modes, told in (
        (("native", "native"), {"tool_mode": "native"}),
        (("written", "native"), {"tool_mode": "written"}),
        (("native", "written"), {"tool_mode": "written"}),
        (("json", ""), {"tool_mode": "json"}),
        (("none", "none"), {"tool_mode": "none"}),
        (("", ""), {}),
    ):
        responses = tuple(replace(_FIRST, tool_mode=mode) for mode in modes)
        assert TurnResult(responses).labels == told


def test_latencies_count_from_the_first_request() -> None:
    """The whole turn is timed from its first response.create, tool calls included."""
    assert TurnResult((_FIRST, _SECOND)).latencies == {
        "latency_first_audio_ms": 120.0,
        "latency_first_text_ms": 350.0,
        "latency_response_done_ms": 700.0,
    }


def test_a_silent_preamble_counts_from_the_first_request_too() -> None:
    """When only the second response speaks, its audio is timed from the first request."""
    turn = TurnResult((replace(_FIRST, first_audio_ms=None), _SECOND))
    assert turn.first_audio_ms == 420.0


def test_what_never_came_has_no_latency() -> None:
    """An unfinished or empty turn has only the latencies that happened."""
    cut_off = replace(_SECOND, done_ms=None, first_audio_ms=None, first_text_ms=None, status="in_progress")
    assert TurnResult((replace(_FIRST, first_audio_ms=None), cut_off)).latencies == {}
    empty = TurnResult(())
    assert (empty.latencies, empty.status, empty.assistant_text, empty.served_model) == ({}, "in_progress", "", None)


def test_a_good_response_is_no_failure() -> None:
    """Completed is fine; an end that never came is for the session to name."""
    assert _FIRST.failure is None
    assert replace(_FIRST, status="in_progress", done_ms=None).failure is None
