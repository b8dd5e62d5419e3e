"""The session as clients see it, without a socket."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.service.brain.conversation import Call, Reply
from evalkit.service.session import Session
from evalkit.service.work import FindVoice, LetTimePass, Recognise, SessionStep, Work


def test_greeting(bench):
    """A client is greeted with its session and its conversation."""
    events = bench.settle(bench.session.open())
    assert events.types == ["session.created", "conversation.created"]
    assert events[0]["session"]["model"] == "local-agent"


def test_commit_makes_an_item(bench):
    """Committed audio becomes a user's item, announced as the GA protocol does it."""
    events = bench.say()
    assert events.types == ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    assert {event.get("item_id") or event["item"]["id"] for event in events} == {events[0]["item_id"]}
    assert events[1]["item"]["content"] == [{"type": "input_audio", "transcript": None}]


def test_voice_is_settled_by_speaking(bench):
    """The voice may change until the assistant has spoken."""
    voice = {"audio": {"output": {"voice": "cedar"}}}
    assert bench.configure(**voice)[0]["session"]["audio"]["output"]["voice"] == "cedar"
    bench.send("response.create")
    assert bench.configure(**voice).types == ["session.updated"]
    assert bench.configure(audio={"output": {"voice": "marin"}}).error["code"] == "cannot_update_voice"


def test_input_format_is_settled_by_audio(bench):
    """The input format does not change under audio that waits in the buffer."""
    bench.send("input_audio_buffer.append", audio=base64.b64encode(bytes(960)).decode())
    error = bench.configure(audio={"input": {"format": {"type": "audio/pcmu"}}}).error
    assert error["param"] == "session.audio.input.format"
    bench.send("input_audio_buffer.clear")
    assert bench.configure(audio={"input": {"format": {"type": "audio/pcmu"}}}).types == ["session.updated"]


@pytest.mark.parametrize("frame", ["{", "[]", "null", '"x"', "", b"{}", '{"type": "\\ud800"}'])
def test_frames_that_are_no_events(bench, frame):
    """Whatever is no JSON object in a text frame gets an error event."""
    assert bench.frame(frame).error["code"] in {"invalid_json", "invalid_frame"}


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "session.fly"}, "invalid_value", "type"),
        ({"type": 7}, "invalid_value", "type"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 1}, "invalid_type", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "?"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.commit", "now": True}, "unknown_parameter", "now"),
        ({"type": "conversation.item.delete", "item_id": "x"}, "item_delete_invalid_item_id", "item_id"),
        ({"type": "conversation.item.retrieve", "item_id": "x"}, "item_retrieve_invalid_item_id", "item_id"),
        (
            {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 1},
            "item_truncate_invalid_item_id",
            "item_id",
        ),
        (
            {
                "type": "conversation.item.create",
                "item": {"type": "function_call_output", "call_id": "c", "output": ""},
            },
            "invalid_tool_call_id",
            "item.call_id",
        ),
        (
            {"type": "session.update", "session": {"type": "realtime", "temperature": 0.8}},
            "unknown_parameter",
            "session.temperature",
        ),
        ({"type": "response.create", "response": {"temperature": 1}}, "unknown_parameter", "response.temperature"),
    ],
)
def test_mistakes_are_named(bench, event, code, param):
    """A wrong event gets an error with its code, the path of the field and the client's event id."""
    frame = orjson.dumps({**event, "event_id": "mine"}).decode()
    error = bench.frame(frame).error
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
    assert error["type"] == "invalid_request_error"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 40000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_ITEM_IDS = st.sampled_from(["a", "b", "root", "item_00000003", "item_0000000c"])
_AUDIO = st.sampled_from([0, 101, 4800, 9600]).map(lambda n: base64.b64encode(bytes(n)).decode()) | st.just("?")
_PARTS = st.sampled_from(
    [
        {"type": "input_text", "text": "hi"},
        {"type": "input_audio", "audio": "AAAA"},
        {"type": "output_text", "text": "hello"},
        {"type": "output_audio", "transcript": "hello"},
        {"type": "input_image", "image_url": "x"},
    ]
)
_ITEMS = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "role": st.sampled_from(["user", "assistant", "system", []]),
            "content": st.lists(_PARTS),
        },
        optional={"id": _ITEM_IDS},
    ),
    st.sampled_from(
        [
            {"type": "function_call", "name": "f", "arguments": "{", "call_id": "c"},
            {"type": "function_call_output", "call_id": "c", "output": "o"},
            {"type": "item_reference", "id": "a"},
        ]
    ),
    _JSON,
)
_AUDIO_CONFIG = st.sampled_from(
    [
        {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}},
        {"input": {"transcription": {"model": "whisper-1"}}},
        {"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}},
        {"input": {"turn_detection": {"type": "semantic_vad", "interrupt_response": False}}},
        {"output": {"format": {"type": "audio/pcma"}, "voice": "cedar", "speed": 1.2}},
        {"output": {"format": {"type": "audio/pcma", "rate": 8000}}},
        {"output": {"voice": "bob"}},
        {"output": {"speed": 9}},
    ]
)
_CONFIG: dict[str, st.SearchStrategy[Any]] = {
    "instructions": st.text(max_size=5),
    "output_modalities": st.sampled_from([["text"], ["audio"], ["text", "audio"]]),
    "max_output_tokens": st.sampled_from(["inf", 1, 5, 0, "many"]),
    "tool_choice": st.sampled_from(["auto", "required", {"type": "function", "name": "f"}, {"type": "mcp"}, 1]),
    "tools": st.sampled_from([[], [{"type": "function", "name": "f"}], [{"type": "mcp"}], [1]]),
}


def _event(event_type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    named = {"type": st.just(event_type)}
    extra = {"event_id": st.just("mine") | _JSON}
    return st.one_of(
        st.fixed_dictionaries({**named, **fields}),
        st.fixed_dictionaries({**named, **fields}),
        st.fixed_dictionaries(named, optional={**extra, **fields}),
    )


_SESSIONS = st.fixed_dictionaries({"type": st.just("realtime")}, optional={**_CONFIG, "audio": _AUDIO_CONFIG}) | _JSON
_RESPONSES = st.fixed_dictionaries(
    {},
    optional={
        **_CONFIG,
        "audio": _AUDIO_CONFIG,
        "conversation": st.sampled_from(["none", "auto", "x"]),
        "input": st.lists(_ITEMS, max_size=2),
        "metadata": st.just({"a": "b"}) | _JSON,
    },
)
_SENDS = st.one_of(
    _event("session.update", session=_SESSIONS),
    _event("input_audio_buffer.append", audio=_AUDIO),
    _event("input_audio_buffer.commit"),
    _event("input_audio_buffer.clear"),
    _event("conversation.item.create", item=_ITEMS, previous_item_id=_ITEM_IDS),
    _event("conversation.item.delete", item_id=_ITEM_IDS),
    _event("conversation.item.retrieve", item_id=_ITEM_IDS),
    _event(
        "conversation.item.truncate",
        item_id=_ITEM_IDS,
        content_index=st.integers(-1, 2),
        audio_end_ms=st.integers(0, 500),
    ),
    _event("response.create", response=_RESPONSES),
    _event("response.create"),
    _event("response.cancel", response_id=st.just("resp_x")),
    _JSON,
).map(lambda event: orjson.dumps(event).decode())
_REPLIES = st.sampled_from(
    [
        Reply("Good day."),
        Reply(""),
        Reply("", (Call("f", {"a": "b" * 30}),)),
        Reply("Wait.", (Call("f", {}),) * 2, "Hm."),
    ]
)
_ACTIONS = st.one_of(
    _SENDS, st.sampled_from(["say", "work", "work", "draw", "draw", "fail"]), st.binary(max_size=3), st.text(max_size=4)
)


@given(actions=st.lists(_ACTIONS, max_size=25), reply=_REPLIES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_events(new_bench, actions, reply):
    """Whatever comes in whatever order, events stay valid and every response that began ends exactly once."""
    bench = new_bench(holds_work=True, reply=lambda _: reply, voice=lambda frame: float(frame % 20 < 5))
    events = bench.settle(bench.session.open())
    for action in actions:
        events += _act(bench, action)
    bench.holds_work = False
    events += bench.frame(b"the end")
    created = [event["response"]["id"] for event in events if event["type"] == "response.created"]
    done = [event["response"]["id"] for event in events if event["type"] == "response.done"]
    assert sorted(created) == sorted(done)
    assert len({event["event_id"] for event in events}) == len(events)


def _act(bench: Any, action: str | bytes) -> list[dict[str, Any]]:
    if action == "say":
        return bench.say()
    if action == "draw":
        return bench.settle(SessionStep(bench.draw(1)))
    if action in {"work", "fail"}:
        if not bench.work:
            return []
        work = bench.work.pop(0)
        if action == "work":
            return bench.settle(SessionStep(bench.do(work)))
        return bench.settle(_failed(bench.session, work))
    return bench.frame(action)


def _failed(session: Session, work: Work) -> SessionStep:
    match work:
        case Recognise():
            return session.not_heard(work.ticket, "x")
        case FindVoice():
            return session.not_judged(work.ticket, "x")
        case LetTimePass():
            return session.waited(work.ticket)
        case _:
            return session.failed(work.response_id, "x")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.create", "response": {"instructions": None, "tools": None, "tool_choice": None,
            "output_modalities": None, "max_output_tokens": None, "metadata": None, "audio": {"output": None},
            "conversation": None, "input": None, "prompt": None}},
        {"type": "session.update", "session": {"type": "realtime", "instructions": None, "tools": None, "model": None,
            "tracing": None, "truncation": None, "audio": {"input": {"format": None, "transcription": None,
            "noise_reduction": None, "turn_detection": None}, "output": {"voice": None, "speed": None}}}},
        {"type": "conversation.item.create", "previous_item_id": None, "item": {"id": None, "object": None,
            "status": None, "type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Hello.", "transcript": None, "audio": None}]}},
    ],
    ids=["response", "session", "item"],
)  # fmt: skip
def test_an_optional_field_may_be_null(bench, event):
    """Clients that write every field, null where they have nothing to say, are served as if they had left it out."""
    sent = bench.send(event.pop("type"), **event)
    assert "error" not in sent.types
    assert bench.session._config.wire["instructions"] == ""


def test_a_required_field_may_not_be_null(bench):
    """Null is no value where one is needed, and what a client defines itself is read as it stands."""
    assert bench.send("conversation.item.create", item={"type": "message", "role": "user", "content": None}).error
    parameters = {"type": "object", "properties": {"size": {"enum": ["S", None], "default": None}}}
    updated = bench.configure(tools=[{"type": "function", "name": "f", "parameters": parameters, "description": None}])
    assert updated.only("session.updated")["session"]["tools"][0]["parameters"] == parameters
