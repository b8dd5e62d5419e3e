"""Frames become events or InvalidEvent; what we send has the shape the protocol's own types ask for."""

from __future__ import annotations

import base64
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.events import (
    ClientEvents,
    DetectionSpec,
    InvalidEvent,
    OutputModality,
    SessionSpec,
    error_kind,
    parse_frame,
    server_error,
)
from evalkit.realtime.trace import Direction, Trace
from evalkit.records.faults import Failure, Fault, Stage, decide_fault

_CLIENT_EVENT: TypeAdapter[Any] = TypeAdapter(RealtimeClientEvent)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.text() | st.binary() | _JSON.map(json.dumps))
def test_parse_frame_never_crashes(frame: str | bytes) -> None:
    """Any message at all is an event or InvalidEvent."""
    try:
        event = parse_frame(frame)
    except InvalidEvent:
        return
    assert event.payload["type"] == event.type


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b'{"type": "x"}', "binary message of 13 bytes"),
        ('{"type": ', "not JSON"),
        ("\ud800", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "JSON list"),
        ('{"event_id": "a"}', "without a type"),
        ('{"type": 7}', "without a type"),
        ('{"type": ""}', "without a type"),
    ],
)
def test_a_frame_that_is_no_event_says_what_it_is(frame: str | bytes, said: str) -> None:
    """InvalidEvent tells what was found."""
    with pytest.raises(InvalidEvent, match=said):
        parse_frame(frame)


def test_an_unknown_event_is_an_event() -> None:
    """A type nobody has heard of is passed on with all its fields."""
    event = parse_frame('{"type": "response.telepathy.delta", "thought": [1]}')
    assert event.type == "response.telepathy.delta"
    assert event.payload["thought"] == [1]


@given(_JSON)
def test_server_error_reads_anything(error: object) -> None:
    """An error object of any shape gives a kind and a message."""
    read = server_error(error)
    assert read.error_type
    assert read.message


@pytest.mark.parametrize(
    ("code", "error_type", "kind"),
    [
        ("rate_limit_exceeded", "tokens", "rate_limit_exceeded"),
        (None, "server_error", "server_error"),
        ("model_overloaded", "server_error", "server_error"),
        ("session_expired", "invalid_request_error", "session_expired"),
        ("insufficient_quota", "insufficient_quota", "insufficient_quota"),
        ("invalid_api_key", "invalid_request_error", "authentication_failed"),
    ],
)
def test_the_servers_trouble_is_infrastructure(code: str | None, error_type: str, kind: str) -> None:
    """Trouble that is the server's or the line's is named so that no assistant is blamed for it, at any stage."""
    assert error_kind(code, error_type) == kind
    assert decide_fault(Failure(Stage.RESPONSE_ERROR, kind, "")) is Fault.INFRASTRUCTURE


def test_other_errors_keep_the_servers_code() -> None:
    """What is not the line's trouble is called what the server calls it."""
    told = {"type": "invalid_request_error", "code": "conversation_already_has_active_response", "message": "busy"}
    error = server_error({**told, "event_id": "evt_0004"})
    assert (error.error_type, error.message, error.event_id) == (told["code"], "busy", "evt_0004")
    assert error_kind(None, "invalid_request_error") == "invalid_request_error"


@pytest.mark.parametrize("audio_format", [AudioFormat.PCM16, AudioFormat.G711_ULAW, AudioFormat.G711_ALAW])
@pytest.mark.parametrize("modality", list(OutputModality))
def test_what_we_send_is_what_the_protocol_asks_for(audio_format: AudioFormat, modality: OutputModality) -> None:
    """Every client event validates against the official package's types and survives it unchanged."""
    tool = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    spec = SessionSpec(
        "be brief",
        audio_format,
        audio_format,
        tools=[tool],
        voice="marin",
        output_modality=modality,
        transcription_model="whisper-1",
    )
    events = ClientEvents()
    sent = [
        events.session_update(spec),
        events.append_audio(b"\x00\x01"),
        events.commit_audio(),
        events.clear_audio(),
        events.create_response(),
        events.create_response(instructions="say hi", output_modalities=["text"]),
        events.user_text("hello"),
        events.function_call_output("call_1", {"status": "ok"}),
        events.cancel_response(),
        events.cancel_response("resp_1"),
        events.truncate_item("item_1", 0, 1500),
        events.session_update(SessionSpec("x", turn_detection=DetectionSpec("server_vad", 0.4, 200, 700, 6000))),
        events.session_update(SessionSpec("x", turn_detection=DetectionSpec("semantic_vad", eagerness="low"))),
    ]
    for event in sent:
        typed = _CLIENT_EVENT.validate_json(json.dumps(event))
        assert typed.to_dict(mode="json", exclude_unset=True) == event
    assert [event["event_id"] for event in sent] == [f"evt_{number:04d}" for number in range(1, 14)]


def test_turn_detection_is_an_explicit_null() -> None:
    """Manual turns are asked for; a session that leaves turn detection out would be listened to."""
    audio = SessionSpec("x").payload()["audio"]
    assert audio["input"]["turn_detection"] is None
    assert "turn_detection" in audio["input"]
    assert "voice" not in audio["output"]
    assert "transcription" not in audio["input"]


def test_a_tools_output_is_text() -> None:
    """An output that is text already is not quoted again; anything else becomes JSON."""
    events = ClientEvents()
    assert events.function_call_output("c", "done")["item"]["output"] == "done"
    assert events.function_call_output("c", {"eta": "Grüße"})["item"]["output"] == '{"eta":"Grüße"}'


def test_a_turn_detection_is_asked_for_with_what_is_named() -> None:
    """What is None is left to the server; it answers and stops by itself in any case."""
    audio = SessionSpec("x", turn_detection=DetectionSpec("semantic_vad", eagerness="low")).payload()["audio"]
    assert audio["input"]["turn_detection"] == {
        "type": "semantic_vad", "eagerness": "low", "create_response": True, "interrupt_response": True,
    }  # fmt: skip


@given(st.binary(max_size=64))
def test_appended_audio_is_base64_of_the_bytes(wire: bytes) -> None:
    """The server decodes exactly the bytes we were given."""
    assert base64.b64decode(ClientEvents().append_audio(wire)["audio"], validate=True) == wire
    frame = ClientEvents().append_audio_frame(wire)
    assert orjson.loads(frame.text) == ClientEvents().append_audio(wire)
    assert (frame.audio, frame.event_id) == (wire, "evt_0001")


@given(st.text() | st.from_regex(r"evt_\d{1,14}", fullmatch=True))
def test_only_our_own_event_ids_are_ours(event_id: str) -> None:
    """An id counts as issued when, and only when, it is one of those handed out."""
    events = ClientEvents()
    ours = {events.commit_audio()["event_id"] for _ in range(3)}
    assert events.issued(event_id) == (event_id in ours)


@pytest.mark.parametrize("deep", ["[", '{"a":'])
def test_what_cannot_be_written_again_is_no_event(deep: str) -> None:
    """A parser reads deeper than a trace can be written; nesting beyond any protocol's is refused where it is read."""

    def frame(depth: int) -> str:
        close = "]" if deep == "[" else "}"
        return '{"type": "x", "a": ' + deep * depth + "1" + close * depth + "}"

    for depth in (201, 300, 900, 5000):
        with pytest.raises(InvalidEvent):
            parse_frame(frame(depth))
    lines: list[bytes] = []
    payload = parse_frame(frame(190)).payload
    Trace(lines.append).record(source="a", direction=Direction.RECEIVED, turn_index=1, at_ms=0.0, payload=payload)
    assert json.loads(lines[0])["event"] == payload
    wide = json.dumps({"type": "x", "a": [{}] * 1000})
    assert parse_frame(wide).type == "x"
