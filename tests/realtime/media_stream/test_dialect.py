"""What a line says is what the providers document, in their words."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.media_stream.dialect import DIALECTS, PLIVO, TELNYX, TWILIO, CallIdentity, Dialect, fill, find
from evalkit.realtime.media_stream.frames import LineFrames

CALL = CallIdentity("MZ1", "CA1", "AC1", {"tenant": "7"})


def _frames(dialect: Dialect) -> LineFrames:
    return LineFrames(dialect, CALL, AudioFormat.G711_ULAW)


def test_a_call_in_the_words_of_twilio() -> None:
    """Numbers are texts, the custom parameters are handed over, every message but the first is numbered."""
    frames = _frames(TWILIO)
    connected, start = frames.opening()
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": "MZ1",
        "start": {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"tenant": "7"},
        },
    }
    assert frames.media(b"\xff\x00", 0.0) == {
        "event": "media",
        "sequenceNumber": "2",
        "streamSid": "MZ1",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "0", "payload": "/wA="},
    }
    assert frames.media(b"", 20.0)["media"] == {"track": "inbound", "chunk": "2", "timestamp": "20", "payload": ""}
    assert frames.mark("a") == {
        "event": "mark", "sequenceNumber": "4", "streamSid": "MZ1", "mark": {"name": "a"}
    }  # fmt: skip
    assert frames.dtmf("5", 30.0) == {
        "event": "dtmf", "sequenceNumber": "5", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "5"}
    }  # fmt: skip
    assert frames.cleared() is None
    assert frames.stop() == {
        "event": "stop", "sequenceNumber": "6", "streamSid": "MZ1", "stop": {"accountSid": "AC1", "callSid": "CA1"}
    }  # fmt: skip


def test_a_call_in_the_words_of_telnyx() -> None:
    """Other names, and A-law as well."""
    frames = LineFrames(TELNYX, CALL, AudioFormat.G711_ALAW)
    _, start = frames.opening()
    assert find(start, ("start", "media_format", "encoding")) == "PCMA"
    assert find(start, ("start", "custom_parameters")) == {"tenant": "7"}
    assert (start["stream_id"], start["sequence_number"]) == ("MZ1", "1")


def test_a_call_in_the_words_of_plivo() -> None:
    """Numbers are numbers, nothing comes before the start, and no word after the end."""
    frames = _frames(PLIVO)
    (start,) = frames.opening()
    assert (start["sequenceNumber"], start["extra_headers"]) == (1, '{"tenant":"7"}')
    assert find(frames.media(b"", 40.0), ("media", "timestamp")) == 40
    assert frames.mark("a") == {"event": "playedStream", "sequenceNumber": 3, "streamId": "MZ1", "name": "a"}
    assert frames.cleared() == {"event": "clearedAudio", "sequenceNumber": 4, "streamId": "MZ1"}
    assert frames.stop() is None


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_nothing_is_left_open_in_what_a_line_says(dialect: Dialect) -> None:
    """Every name in a template has a value, whatever the dialect."""
    frames = LineFrames(dialect, CALL, next(iter(dialect.encodings)))
    said: list[Any] = [*frames.opening(), frames.media(b"x", 1.5), frames.mark("m"), frames.dtmf("1", 2), frames.stop()]
    assert "{" not in "".join(part for part in _texts(said) if not part.startswith('{"tenant"'))
    with pytest.raises(KeyError):
        fill({"event": "{unheard_of}"}, {})


def _texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [text for child in inner for text in _texts(child)]
