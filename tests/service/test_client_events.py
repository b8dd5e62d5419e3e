"""What counts as a client event."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent

from evalkit.service import client_events
from evalkit.service.bad_request import BadRequest


def test_every_client_event_of_the_protocol_is_known():
    """The events are those of the official client, but for the one that only WebRTC and SIP have."""
    import typing

    union = typing.get_args(RealtimeClientEvent)[0]
    names = {typing.get_args(one.model_fields["type"].annotation)[0] for one in typing.get_args(union)}
    assert set(client_events.EVENT_TYPES) == names - {"output_audio_buffer.clear"}


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
def test_text_is_refused_or_read(text):
    """Any text is an object or is refused, and nothing else happens."""
    refusal = None
    try:
        assert isinstance(client_events.decode(text), dict)
    except BadRequest as error:
        refusal = error
    assert refusal is None or refusal.code == "invalid_json"


def test_the_quick_path_is_the_same_as_the_schema():
    """An append in its plain form is accepted without a schema; anything more is checked by it."""
    assert client_events.check_event({"type": "input_audio_buffer.append", "audio": "", "event_id": "x"})
    with pytest.raises(BadRequest, match="Unknown parameter: 'rate'"):
        client_events.check_event({"type": "input_audio_buffer.append", "audio": "", "rate": 1})


@given(st.dictionaries(st.sampled_from(["type", "role", "content", "id", "call_id", "output", "name"]), st.sampled_from(
    ["message", "user", [], [{}], {}, 1, None, "function_call", "function_call_output"])))  # fmt: skip
def test_items_are_refused_or_accepted(item):
    """Whatever stands in an item, the answer is a refusal with a path, or acceptance."""
    refusal = None
    try:
        client_events.read_item(item)
    except BadRequest as error:
        refusal = error
    assert refusal is None or str(refusal.param).startswith("item")
    assert refusal is None or orjson.dumps(refusal.body())
