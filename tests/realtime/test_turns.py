"""The collector's result depends on what a server says, not on the order, the repetitions or the noise around it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.realtime.events import ServerEvent
from evalkit.realtime.results import ResponseResult, TurnResult
from evalkit.realtime.turns import ResponseCollector
from evalkit.records.record import ToolCall, Usage

_CREATE = "evt_0007"
_IDS = {"response_id": "resp_1"}
_USAGE = Usage(
    input_tokens=11,
    output_tokens=7,
    input_text_tokens=4,
    input_audio_tokens=7,
    input_cached_tokens=2,
    input_cached_audio_tokens=1,
    output_text_tokens=2,
    output_audio_tokens=5,
)
_SERVER_ERROR = {"type": "server_error", "message": "sorry"}
_WORDS = st.text(alphabet="abc ", min_size=1, max_size=6)
_NOISE = [
    ServerEvent("rate_limits.updated", {"type": "rate_limits.updated", "event_id": "n1", "rate_limits": []}),
    ServerEvent("response.hologram.delta", {"type": "response.hologram.delta", "event_id": "n2", **_IDS}),
    ServerEvent("error", {"type": "error", "error": {"code": "response_cancel_not_active", "message": "late"}}),
    ServerEvent("error", {"type": "error", "error": {"code": "bad", "message": "other", "event_id": "evt_0003"}}),
]


@dataclass
class Script:
    """A valid response: its events as streams whose own order matters, and the result it must give."""

    streams: list[list[ServerEvent]] = field(default_factory=list)
    transcripts: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    _count: int = 0

    def event(self, event_type: str, **fields: Any) -> ServerEvent:
        self._count += 1
        return ServerEvent(event_type, {"type": event_type, "event_id": f"event_{self._count}", **fields})

    def add_stream(self, *events: ServerEvent) -> None:
        self.streams.append(list(events))


def _pieces(draw: st.DrawFn, whole: str) -> list[str]:
    cut = draw(st.integers(0, len(whole)))
    return [piece for piece in (whole[:cut], whole[cut:]) if piece]


def _add_message(draw: st.DrawFn, script: Script, index: int, *, spoken: bool) -> dict[str, Any]:
    place = {**_IDS, "item_id": f"item_{index}", "output_index": index, "content_index": 0}
    words = draw(_WORDS)
    kind, key = ("output_audio_transcript", "transcript") if spoken else ("output_text", "text")
    (script.transcripts if spoken else script.texts).append(words)
    script.add_stream(*(script.event(f"response.{kind}.delta", delta=piece, **place) for piece in _pieces(draw, words)))
    if spoken:
        deltas = draw(st.lists(st.binary(max_size=8), max_size=3))
        encoded = [base64.b64encode(data).decode() for data in deltas]
        script.add_stream(
            *(script.event("response.output_audio.delta", delta=each, **place) for each in encoded),
            script.event("response.output_audio.done", **place),
        )
    if draw(st.booleans()):
        script.add_stream(script.event(f"response.{kind}.done", **{key: words}, **place))
    if draw(st.booleans()):
        part = {"type": "audio" if spoken else "text", key: words}
        script.add_stream(script.event("response.content_part.done", part=part, **place))
    content = [{"type": "output_audio" if spoken else "output_text", key: words}]
    item = {"id": f"item_{index}", "type": "message", "role": "assistant", "content": content}
    script.add_stream(
        script.event("response.output_item.added", item={**item, "content": []}, output_index=index, **_IDS)
    )
    return item


def _add_call(draw: st.DrawFn, script: Script, index: int) -> dict[str, Any]:
    arguments = draw(st.dictionaries(_WORDS, _WORDS, max_size=2))
    raw = json.dumps(arguments) if draw(st.booleans()) else draw(st.sampled_from(['{"a": ', "[1]", "7", "nonsense"]))
    place = {**_IDS, "item_id": f"item_{index}", "output_index": index, "call_id": f"call_{index}"}
    item = {"id": f"item_{index}", "type": "function_call", "call_id": f"call_{index}", "name": f"tool_{index}"}
    script.add_stream(script.event("response.output_item.added", item=item, output_index=index, **_IDS))
    script.add_stream(
        *(script.event("response.function_call_arguments.delta", delta=piece, **place) for piece in _pieces(draw, raw))
    )
    if draw(st.booleans()):
        done = {"arguments": raw} if draw(st.booleans()) else {"arguments": raw, "name": f"tool_{index}"}
        script.add_stream(script.event("response.function_call_arguments.done", **done, **place))
    parsed = json.loads(raw) if raw.startswith("{") and raw.endswith("}") else None
    script.calls.append(ToolCall(f"tool_{index}", parsed, raw, f"call_{index}"))
    return {**item, "arguments": raw}


@st.composite
def _scripts(draw: st.DrawFn) -> Script:
    script = Script()
    script.add_stream(script.event("response.created", response={"id": "resp_1", "status": "in_progress"}))
    items = []
    for index, kind in enumerate(draw(st.lists(st.sampled_from(["spoken", "written", "call"]), max_size=4))):
        item = (
            _add_call(draw, script, index)
            if kind == "call"
            else _add_message(draw, script, index, spoken=kind == "spoken")
        )
        items.append(item)
        if draw(st.booleans()):
            script.add_stream(script.event("response.output_item.done", item=item, output_index=index, **_IDS))
    usage = {
        "input_tokens": 11,
        "output_tokens": 7,
        "input_token_details": {
            "text_tokens": 4,
            "audio_tokens": 7,
            "cached_tokens": 2,
            "cached_tokens_details": {"audio_tokens": 1},
        },
        "output_token_details": {"text_tokens": 2, "audio_tokens": 5},
    }
    output = items if draw(st.booleans()) else []
    script.add_stream(
        script.event(
            "response.done", response={"id": "resp_1", "status": "completed", "output": output, "usage": usage}
        )
    )
    return script


def _late(event: ServerEvent) -> ServerEvent:
    """The same event, of a response that was cancelled earlier."""
    payload = {**event.payload, "event_id": "late"}
    if "response" in payload:
        return ServerEvent(event.type, {**payload, "response": {**payload["response"], "id": "resp_0"}})
    return ServerEvent(event.type, {**payload, "response_id": "resp_0"})


@st.composite
def _deliveries(draw: st.DrawFn) -> tuple[Script, list[ServerEvent]]:
    """A script and a way it may arrive: streams merged at will, repeats, noise and late events in between."""
    script = draw(_scripts())
    turns = draw(st.permutations([i for i, stream in enumerate(script.streams) for _ in stream]))
    streams = [iter(stream) for stream in script.streams]
    arrived = [next(streams[i]) for i in turns]
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, len(arrived) - 1))
        arrived.insert(draw(st.integers(first + 1, len(arrived))), arrived[first])
    for _ in range(draw(st.integers(0, 4))):
        intruder = draw(st.sampled_from([*_NOISE, *map(_late, arrived)]))
        arrived.insert(draw(st.integers(0, len(arrived))), intruder)
    return script, arrived


def _collect(events: list[ServerEvent]) -> ResponseResult:
    collector = ResponseCollector(_CREATE, 1000.0, past_response_ids={"resp_0"}, served_model="m")
    for number, event in enumerate(events):
        collector.feed(event, 1000.0 + number)
    return collector.result()


@given(_deliveries())
def test_any_delivery_of_a_script_gives_the_same_result(delivery: tuple[Script, list[ServerEvent]]) -> None:
    """Reordered, repeated, among unknown and late events: words, calls, usage and status are the script's."""
    script, arrived = delivery
    result = _collect(arrived)
    assert (result.status, result.error_type, result.failure) == ("completed", None, None)
    assert result.transcript == " ".join(script.transcripts)
    assert result.text == " ".join(script.texts)
    assert result.tool_calls == tuple(script.calls)
    assert result.usage == _USAGE
    assert result.served_model == "m"
    seen: set[str] = set()
    audio = b""
    for event in arrived:
        event_id = event.payload.get("event_id", "")
        if event.type == "response.output_audio.delta" and event_id != "late" and event_id not in seen:
            audio += base64.b64decode(event.payload["delta"])
            seen.add(event_id)
    assert result.audio == audio


# fmt: off
_FIELDS = [
    "id", "response", "response_id", "item_id", "call_id", "output_index", "content_index", "delta", "arguments",
    "transcript", "text", "part", "item", "content", "output", "usage", "status", "status_details", "error", "code",
    "message", "type", "name", "model", "input_tokens", "event_id",
]
# fmt: on
_ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["resp_1", "item_0", "", "x", "completed"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=4),
    max_leaves=10,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*ResponseCollector._handlers, "response.output_audio.delta", "error", "unknown"]),
            st.dictionaries(st.sampled_from(_FIELDS), _ODD, max_size=6),
        ),
        max_size=12,
    )
)
def test_nothing_a_server_sends_makes_it_raise(events: list[tuple[str, dict[str, Any]]]) -> None:
    """Any known event with any fields at all is collected or ignored, and a bad end is classified."""
    result = _collect([ServerEvent(kind, {**fields, "type": kind}) for kind, fields in events])
    assert isinstance(result.transcript, str)
    assert result.failure is None or result.failure.error_type


@given(_deliveries(), st.data())
def test_an_error_for_our_request_is_the_result_or_too_late(
    delivery: tuple[Script, list[ServerEvent]], data: st.DataObject
) -> None:
    """An error that names our request, or none, gives its code; after the end of the response it changes nothing."""
    _, arrived = delivery
    event_id = data.draw(st.sampled_from([None, _CREATE]))
    error = ServerEvent("error", {"type": "error", "error": {"code": "c1", "message": "no", "event_id": event_id}})
    place = data.draw(st.integers(0, len(arrived)))
    result = _collect([*arrived[:place], error, *arrived[place:]])
    over = any(e.type == "response.done" and e.payload["event_id"] != "late" for e in arrived[:place])
    assert result.error_type == (None if over else "c1")


def _event(event_type: str, **fields: Any) -> ServerEvent:
    return ServerEvent(event_type, {"type": event_type, **fields})


def _audio(delta: Any, **fields: Any) -> ServerEvent:
    return _event("response.output_audio.delta", delta=delta, response_id="resp_1", **fields)


@pytest.mark.parametrize("delta", ["QUJDR", "QUJ", "QU!JD", "QUJDé", None, 7])
def test_audio_nobody_can_decode_is_named(delta: Any) -> None:
    """Truncated or broken base64 is error type audio_decode; the audio around it is kept."""
    result = _collect([_audio("QUJD"), _audio(delta), _audio("REVG"), _event("response.done", response={})])
    assert result.error_type == "audio_decode"
    assert result.audio == b"ABCDEF"
    assert result.failure is not None
    assert result.failure.stage == "response_error"


def test_times_count_from_the_request() -> None:
    """First audio, first text and done are milliseconds since response.create; silence and empty text do not count."""
    collector = ResponseCollector(_CREATE, 1000.0)
    words = {"response_id": "resp_1", "item_id": "item_0"}
    for at_ms, event in [
        (1010.0, _audio("")),
        (1012.0, _event("response.output_audio_transcript.delta", delta="", **words)),
        (1020.0, _audio("QUJD")),
        (1025.0, _event("response.output_audio_transcript.delta", delta="hi", **words)),
        (1030.0, _audio("QUJD")),
        (1050.0, _event("response.done", response={"status": "completed"})),
    ]:
        collector.feed(event, at_ms)
    result = collector.result()
    assert (result.first_audio_ms, result.first_text_ms, result.done_ms) == (20.0, 25.0, 50.0)


@pytest.mark.parametrize(
    ("metadata", "labels"), [({"tool_mode": "json"}, {"tool_mode": "json"}), ({"other": "x"}, {}), (None, {}), (7, {})]
)
def test_how_a_servers_model_was_told_of_tools_is_kept(metadata: Any, labels: dict[str, str]) -> None:
    """Where it tells: grades of different ways are not to be compared."""
    collector = ResponseCollector(_CREATE, 0.0)
    collector.feed(_event("response.done", response={"status": "completed", "metadata": metadata}), 1.0)
    assert TurnResult((collector.result(),)).labels == labels


def test_a_repeated_delta_points_at_its_first_copy() -> None:
    """Both copies say where the bytes are; servers that give no ids, or one id to all, lose nothing."""
    collector = ResponseCollector(_CREATE, 0.0)
    arrivals = [("a", "QUJD"), ("b", "REVG"), ("a", "QUJD"), ("a", "R0hJ"), ("", "QUJD"), ("", "QUJD")]
    pieces = [collector.feed(_audio(delta, event_id=event_id), 1.0) for event_id, delta in arrivals]
    assert [piece.offset for piece in pieces if piece is not None] == [0, 3, 0, 6, 9, 12]
    assert collector.result().audio == b"ABCDEFGHIABCABC"


@pytest.mark.parametrize(
    ("response", "error_type", "said"),
    [
        ({"status": "cancelled", "status_details": {"reason": "turn_detected"}}, "response_cancelled", "turn_detected"),
        ({"status": "incomplete", "status_details": {"reason": "max_output_tokens"}}, "response_incomplete", "max_out"),
        ({"status": "failed", "status_details": {"error": _SERVER_ERROR}}, "server_error", "sorry"),
        ({"status": "failed", "status_details": None}, "unknown_error", "without details"),
    ],
)  # fmt: skip
def test_a_response_that_ends_badly_is_a_failure_of_its_status(
    response: dict[str, Any], error_type: str, said: str
) -> None:
    """Cancelled, incomplete and failed responses have ended; their failure says how, and keeps what was heard."""
    result = _collect([_audio("QUJD"), _event("response.done", response={"id": "resp_1", **response})])
    assert result.failure is not None
    assert (result.failure.stage, result.failure.error_type) == ("response_status", error_type)
    assert said in result.failure.message
    assert (result.audio, result.status) == (b"ABC", response["status"])


def test_a_response_cut_off_keeps_what_was_heard() -> None:
    """Without response.done the status is in_progress, and half a tool call has no arguments."""
    call = {"response_id": "resp_1", "item_id": "i", "call_id": "c", "output_index": 0}
    result = _collect([_event("response.function_call_arguments.delta", delta='{"a": 1', **call), _audio("QUJD")])
    assert (result.status, result.done_ms, result.audio) == ("in_progress", None, b"ABC")
    assert result.tool_calls == (ToolCall("", None, '{"a": 1', "c"),)


def test_the_dialect_from_before_general_availability_is_understood() -> None:
    """Compatible servers that still use the older event names, and fewer ids, are heard the same."""
    result = _collect(
        [
            _event("response.audio_transcript.delta", delta="hi"),
            _event("response.audio.delta", delta="QUJD"),
            _event("response.text.delta", delta="yes", output_index=1),
            _event("response.text.done", text="yes!", output_index=1),
            _event("response.done", response={"status": "completed"}),
        ]
    )
    assert (result.transcript, result.audio, result.text) == ("hi", b"ABC", "yes!")


def test_a_result_can_be_asked_for_at_any_time() -> None:
    """Asking early changes nothing."""
    collector = ResponseCollector(_CREATE, 0.0)
    early = collector.result()
    collector.feed(_audio("QUJD"), 1.0)
    assert collector.result() == replace(early, response_id="resp_1", audio=b"ABC", first_audio_ms=1.0)


def _told(response_id: str, item_id: str, done_output: list[dict[str, Any]]) -> list[ServerEvent]:
    place = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    sound = base64.b64encode(b"\x01\x00").decode()
    told: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_audio_transcript.delta", "delta": "Hello.", **place},
        {"type": "response.output_audio.delta", "delta": sound, **place},
        {"type": "response.done", "response": {"id": "resp_1", "status": "completed", "output": done_output}},
    ]
    return [ServerEvent(payload["type"], payload) for payload in told]


_HELLO = {"id": "item_1", "type": "message", "content": [{"type": "output_audio", "transcript": "Hello."}]}


@pytest.mark.parametrize("output", [[], [_HELLO]])
def test_content_under_an_unknown_response_is_no_answer(output: list[dict[str, Any]]) -> None:
    """Its sound was for nobody: the server broke the protocol, and the assistant is not blamed for being silent."""
    result = _collect(_told("resp_9", "item_1", output))
    assert (result.error_type, result.audio) == ("invalid_event", b"")
    assert _collect(_told("resp_1", "item_1", output)).error_type is None


def test_an_item_told_of_under_two_ids_counts_once() -> None:
    """The finished response knows its items; another id in the same place is a wrong one."""
    result = _collect(_told("resp_1", "item_other", [_HELLO]))
    assert (result.transcript, result.audio, result.error_type) == ("Hello.", b"\x01\x00", None)
