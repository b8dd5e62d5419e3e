"""What an application sends is read, or refused in a sentence; nothing it can send breaks the reader."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.realtime.media_stream.dialect import DIALECTS, PLIVO, TELNYX, TWILIO, Dialect
from evalkit.realtime.media_stream.frames import INVALID_FRAME, WRONG_STREAM, AppEvent, InvalidFrame, read_frame

STREAM = "MZ1"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(["media", "mark", "clear", "playAudio", "checkpoint", "clearAudio", "stop", ""])
KEYS = st.sampled_from(["event", "media", "mark", "streamSid", "stream_id", "streamId", "name", "payload"])


def _read(message: Any, dialect: Dialect = TWILIO) -> Any:
    return read_frame(dialect, json.dumps(message), STREAM)


@given(sound=st.binary(max_size=3000))
def test_sound_comes_through_whatever_its_length(sound: bytes) -> None:
    """160 bytes or 1100, odd or none: in each dialect the bytes are the bytes."""
    payload = base64.b64encode(sound).decode()
    assert _read({"event": "media", "streamSid": STREAM, "media": {"payload": payload}}).sound == sound
    assert _read({"event": "media", "media": {"payload": payload}}, TELNYX).sound == sound
    told = {"event": "playAudio", "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": payload}}
    assert _read({**told, "streamId": STREAM}, PLIVO).sound == sound


def test_marks_and_clears() -> None:
    """The three words of each dialect, and what is no word of it."""
    assert _read({"event": "mark", "streamSid": STREAM, "mark": {"name": "a"}}).mark == "a"
    assert _read({"event": "checkpoint", "streamId": STREAM, "name": "b"}, PLIVO).mark == "b"
    assert _read({"event": "clear", "streamSid": STREAM}).event is AppEvent.CLEAR
    assert _read({"event": "clear"}, TELNYX).event is AppEvent.CLEAR
    assert _read({"event": "clearAudio", "streamId": STREAM}, PLIVO).event is AppEvent.CLEAR
    assert _read({"event": "playAudio"}).event is AppEvent.OTHER


def test_keys_that_an_application_presses() -> None:
    """Plivo has a word for it; what the others would ignore is kept too."""
    pressed = _read({"event": "sendDTMF", "dtmf": "12#"}, PLIVO)
    assert (pressed.event, pressed.keys) == (AppEvent.KEYS, "12#")
    pressed = _read({"event": "dtmf", "dtmf": {"digit": "5"}})
    assert (pressed.event, pressed.keys) == (AppEvent.KEYS, "5")
    for odd in ({"event": "dtmf"}, {"event": "dtmf", "dtmf": {"digit": 5}}, {"event": "dtmf", "dtmf": "5"}):
        assert _read(odd).event is AppEvent.OTHER


@pytest.mark.parametrize(
    ("frame", "kind", "sentence"),
    [
        (b"\x00\x01", INVALID_FRAME, "a binary message of 2 bytes where a JSON text message was due"),
        ("hello", INVALID_FRAME, "a message that is not JSON"),
        ("[1]", INVALID_FRAME, "a JSON list where an object was due"),
        ("{}", INVALID_FRAME, "a JSON object without 'event'; a twilio line is told 'media', 'mark', 'clear'"),
        ('{"event": "media"}', WRONG_STREAM, "'media' with no streamSid: a twilio line would not play it"),
        ('{"event": "clear", "streamSid": "MZ2"}', WRONG_STREAM, "streamSid 'MZ2', which is another call's"),
        ('{"event": "media", "streamSid": "MZ1"}', INVALID_FRAME, "sent nothing at media.payload; expected base64"),
        (
            '{"event": "media", "streamSid": "MZ1", "media": {"payload": [1]}}',
            INVALID_FRAME,
            "sent a list at media.payload",
        ),
        (
            '{"event": "media", "streamSid": "MZ1", "media": {"payload": "a"}}',
            INVALID_FRAME,
            "sent media.payload that is no base64",
        ),
        ('{"event": "mark", "streamSid": "MZ1"}', INVALID_FRAME, "sent a 'mark' without mark.name"),
        ("[" * 300 + "]" * 300, INVALID_FRAME, "a JSON list"),
        ('{"event": "x", "deep": ' + "[" * 300 + "]" * 300 + "}", INVALID_FRAME, "nested more than 200 deep"),
    ],
)
def test_what_no_line_could_take(frame: str | bytes, kind: str, sentence: str) -> None:
    """One sentence that says what was found and what was expected."""
    with pytest.raises(InvalidFrame) as refused:
        read_frame(TWILIO, frame, STREAM)
    assert refused.value.kind == kind
    assert sentence in refused.value.message


@given(
    dialect=st.sampled_from(list(DIALECTS.values())),
    message=st.dictionaries(KEYS, WORDS | JSON, max_size=5) | JSON,
    text=st.text(max_size=30) | st.binary(max_size=30),
)
def test_nothing_breaks_the_reader(dialect: Dialect, message: Any, text: str | bytes) -> None:
    """Any JSON, any text, any bytes: a message, or InvalidFrame with a kind and a sentence."""
    for frame in (json.dumps(message), text):
        told = _told(dialect, frame)
        if isinstance(told, InvalidFrame):
            assert told.kind in (INVALID_FRAME, WRONG_STREAM)
            assert told.message.startswith("the application sent ")
        else:
            assert isinstance(told.message, dict)
            assert isinstance(told.sound, bytes)


def _told(dialect: Dialect, frame: str | bytes) -> Any:
    try:
        return read_frame(dialect, frame, STREAM)
    except InvalidFrame as error:
        return error
