"""What the providers of telephone lines call the messages of a media stream, as data. No I/O.

All of them say the same: a call has begun, here are 20 ms of the caller's sound, this mark has been heard, a key was
pressed, the call has ended; and are told: play this, say when it has been heard, throw away what waits. They differ in
names, in whether numbers are texts, and in how the sound is called. A message that the line sends is a template in
which ``{stream}`` and the like stand for what a call fills in (:func:`fill`); what the application sends is found by
its event and by paths into it.

Twilio's is the documented protocol that most applications speak. The other two follow their public documentation, and
have not been tried with applications that serve the real providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from evalkit.audio.formats import AudioFormat
from evalkit.records.json import Json

Path = tuple[str, ...]
"""Where a value stands in a message: the keys to it."""

Template = Mapping[str, Any]
"""A message that the line sends, with what a call fills in; a text that is one name alone becomes the value itself."""


@dataclass(frozen=True)
class Dialect:
    """One provider's words.

    Attributes:
        name: As the config calls it.
        encodings: What each sound format that it can carry is called.
        numbers_are_text: Whether numbers are written as texts.
        connected: The first message; None: there is none.
        start: Says that a call has begun, and whose it is.
        media: 20 ms of the caller's sound.
        mark: What was asked for has been played.
        dtmf: A key was pressed.
        stop: The call has ended; None: the line hangs up without a word.
        cleared: What waited has been thrown away; None: that is not said.
        media_event: The application's word for: play this.
        mark_event: Its word for: say when what came before this has been played.
        clear_event: Its word for: throw away what waits.
        keys_event: Its word for: press these keys. Twilio and Telnyx know none, and would ignore it.
        payload: Where the sound stands in what is to be played.
        mark_name: Where the name stands in a mark.
        keys: Where the keys stand that the application presses.
        stream_id: Where the application says which stream it means.
        needs_stream_id: Whether the line plays nothing that does not say so.
        stream_prefix: What the ids of streams begin with.
        call_prefix: What the ids of calls begin with.
        account_prefix: What the ids of accounts begin with.

    """

    name: str
    encodings: Mapping[AudioFormat, str]
    numbers_are_text: bool
    connected: Template | None
    start: Template
    media: Template
    mark: Template
    dtmf: Template
    stop: Template | None
    cleared: Template | None = None
    media_event: str = "media"
    mark_event: str = "mark"
    clear_event: str = "clear"
    keys_event: str = "dtmf"
    payload: Path = ("media", "payload")
    mark_name: Path = ("mark", "name")
    keys: Path = ("dtmf", "digit")
    stream_id: Path = ("streamSid",)
    needs_stream_id: bool = True
    stream_prefix: str = ""
    call_prefix: str = ""
    account_prefix: str = ""


TWILIO = Dialect(
    name="twilio",
    encodings={AudioFormat.G711_ULAW: "audio/x-mulaw"},
    numbers_are_text=True,
    connected={"event": "connected", "protocol": "Call", "version": "1.0.0"},
    start={
        "event": "start",
        "sequenceNumber": "{sequence}",
        "start": {
            "accountSid": "{account}",
            "streamSid": "{stream}",
            "callSid": "{call}",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "{encoding}", "sampleRate": 8000, "channels": 1},
            "customParameters": "{parameters}",
        },
        "streamSid": "{stream}",
    },
    media={
        "event": "media",
        "sequenceNumber": "{sequence}",
        "media": {"track": "inbound", "chunk": "{chunk}", "timestamp": "{timestamp}", "payload": "{payload}"},
        "streamSid": "{stream}",
    },
    mark={"event": "mark", "sequenceNumber": "{sequence}", "streamSid": "{stream}", "mark": {"name": "{name}"}},
    dtmf={
        "event": "dtmf",
        "streamSid": "{stream}",
        "sequenceNumber": "{sequence}",
        "dtmf": {"track": "inbound_track", "digit": "{digit}"},
    },
    stop={
        "event": "stop",
        "sequenceNumber": "{sequence}",
        "stop": {"accountSid": "{account}", "callSid": "{call}"},
        "streamSid": "{stream}",
    },
    stream_prefix="MZ",
    call_prefix="CA",
    account_prefix="AC",
)

TELNYX = Dialect(
    name="telnyx",
    encodings={AudioFormat.G711_ULAW: "PCMU", AudioFormat.G711_ALAW: "PCMA"},
    numbers_are_text=True,
    connected={"event": "connected", "version": "1.0.0"},
    start={
        "event": "start",
        "sequence_number": "{sequence}",
        "stream_id": "{stream}",
        "start": {
            "user_id": "{account}",
            "call_control_id": "{call}",
            "call_session_id": "{call}",
            "from": "{caller}",
            "to": "{callee}",
            "media_format": {"encoding": "{encoding}", "sample_rate": 8000, "channels": 1},
            "custom_parameters": "{parameters}",
        },
    },
    media={
        "event": "media",
        "sequence_number": "{sequence}",
        "stream_id": "{stream}",
        "media": {"track": "inbound", "chunk": "{chunk}", "timestamp": "{timestamp}", "payload": "{payload}"},
    },
    mark={"event": "mark", "sequence_number": "{sequence}", "stream_id": "{stream}", "mark": {"name": "{name}"}},
    dtmf={"event": "dtmf", "sequence_number": "{sequence}", "stream_id": "{stream}", "dtmf": {"digit": "{digit}"}},
    stop={
        "event": "stop",
        "sequence_number": "{sequence}",
        "stream_id": "{stream}",
        "stop": {"user_id": "{account}", "call_control_id": "{call}"},
    },
    stream_id=("stream_id",),
    needs_stream_id=False,
)

PLIVO = Dialect(
    name="plivo",
    encodings={AudioFormat.G711_ULAW: "audio/x-mulaw"},
    numbers_are_text=False,
    connected=None,
    start={
        "event": "start",
        "sequenceNumber": "{sequence}",
        "start": {
            "callId": "{call}",
            "streamId": "{stream}",
            "accountId": "{account}",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "{encoding}", "sampleRate": 8000},
        },
        "extra_headers": "{headers}",
    },
    media={
        "event": "media",
        "sequenceNumber": "{sequence}",
        "streamId": "{stream}",
        "media": {"track": "inbound", "timestamp": "{timestamp}", "chunk": "{chunk}", "payload": "{payload}"},
        "extra_headers": "{headers}",
    },
    mark={"event": "playedStream", "sequenceNumber": "{sequence}", "streamId": "{stream}", "name": "{name}"},
    dtmf={
        "event": "dtmf",
        "sequenceNumber": "{sequence}",
        "streamId": "{stream}",
        "dtmf": {"track": "inbound", "timestamp": "{timestamp}", "digit": "{digit}"},
    },
    stop=None,
    cleared={"event": "clearedAudio", "sequenceNumber": "{sequence}", "streamId": "{stream}"},
    media_event="playAudio",
    mark_event="checkpoint",
    clear_event="clearAudio",
    keys_event="sendDTMF",
    mark_name=("name",),
    keys=("dtmf",),
    stream_id=("streamId",),
    needs_stream_id=False,
)

DIALECTS: Mapping[str, Dialect] = MappingProxyType({each.name: each for each in (TWILIO, TELNYX, PLIVO)})


@dataclass(frozen=True)
class CallIdentity:
    """Whose call it is, as the line says it.

    Attributes:
        stream_id: Of the stream.
        call_id: Of the call.
        account_id: Of the account.
        parameters: What the application is handed at the beginning.

    """

    stream_id: str
    call_id: str
    account_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)


def fill(template: Template, values: Mapping[str, Json]) -> dict[str, Json]:
    """Return the message that `template` makes of `values`. Raises KeyError for a name that has no value."""
    return {key: _fill(node, values) for key, node in template.items()}


def find(message: Mapping[str, Any], path: Path) -> Any:
    """Return what stands at `path` in a message; None where nothing does."""
    node: Any = message
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node


def _fill(node: Any, values: Mapping[str, Json]) -> Json:
    if isinstance(node, str):
        return values[node[1:-1]] if node.startswith("{") and node.endswith("}") else node
    if isinstance(node, Mapping):
        return {key: _fill(inner, values) for key, inner in node.items()}
    if isinstance(node, list):
        return [_fill(inner, values) for inner in node]
    plain: Json = node
    return plain
