"""The Realtime protocol's events as values: frames in, events out, and the events a client sends. No I/O.

Incoming frames are parsed lightly: JSON object, `type`, and the rest as it came. An unknown type is an event like any
other, so that a server may be newer (or older) than we are. Outgoing events are plain dicts in the GA shape, each with
an `event_id` that counts (``evt_0001``, ``evt_0002``, …): a server's ``error`` event names the one it objects to.

A server reports trouble in one shape, ``{"type", "code"?, "message", "event_id"?}``, inside ``error`` events, failed
responses and rejected handshakes alike; :func:`server_error` reads it and :func:`error_kind` gives it the name that
:mod:`evalkit.records.faults` decides by.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from evalkit.audio.formats import AudioFormat
from evalkit.records.json import Json, JsonObject

# orjson reads four times as deep as it writes; no event of the protocol is nested ten deep.
_DEEPEST = 200


class InvalidEvent(ValueError):
    """A frame that is not an event: binary, broken JSON, not an object, or without a type."""


class ServerEvent(NamedTuple):
    """One event as the server sent it. `payload` is the whole object, `type` included; nobody changes it."""

    type: str
    payload: dict[str, Any]


def parse_frame(frame: str | bytes) -> ServerEvent:
    """Return the event in one WebSocket message (`str` for a text message, `bytes` for a binary one).

    Raises:
        InvalidEvent: With what was found instead of an event.

    """
    payload = parse_object(frame)
    event_type = payload.get("type")
    if not isinstance(event_type, str) or not event_type:
        raise InvalidEvent("a JSON object without a type")
    return ServerEvent(event_type, payload)


def parse_object(frame: str | bytes) -> dict[str, Any]:
    """Return the JSON object in one WebSocket message. Raises InvalidEvent with what was found instead of one."""
    if isinstance(frame, bytes):
        raise InvalidEvent(f"a binary message of {len(frame)} bytes where a JSON text message was due")
    try:
        payload = orjson.loads(frame)
    except orjson.JSONDecodeError as error:
        raise InvalidEvent(f"a message that is not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise InvalidEvent(f"a JSON {type(payload).__name__} where an object was due")
    is_flat = "[" not in frame and frame.find("{", 1) < 0
    if not is_flat and frame.count("[") + frame.count("{") > _DEEPEST and _is_deeper(payload):
        raise InvalidEvent(f"JSON that is nested more than {_DEEPEST} deep")
    return payload


def _is_deeper(value: object) -> bool:
    """Whether `value` is nested deeper than what can be written again, in a trace for example."""
    layer = [value]
    for _ in range(_DEEPEST):
        layer = [
            child
            for holder in layer
            if isinstance(holder, (dict, list))
            for child in (holder.values() if isinstance(holder, dict) else holder)
        ]
    return bool(layer)


@dataclass(frozen=True)
class ServerError:
    """Trouble in the server's own words. `event_id` is the client event it objects to, when it says so."""

    error_type: str
    message: str
    event_id: str | None = None


# What servers call trouble that is theirs or the line's -> the one name evalkit has for it.
_TRANSPORT_KINDS = {
    "server_error": "server_error",
    "internal_server_error": "server_error",
    "service_unavailable": "server_error",
    "overloaded_error": "server_error",
    "internal_error": "internal_error",
    "rate_limit_exceeded": "rate_limit_exceeded",
    "rate_limit_error": "rate_limit_exceeded",
    "insufficient_quota": "insufficient_quota",
    "session_expired": "session_expired",
    "authentication_error": "authentication_failed",
    "invalid_api_key": "authentication_failed",
}


def error_kind(code: object, error_type: object) -> str:
    """Return the kind of a server's error: a transport kind if `code` or `error_type` is one, else its own code."""
    for name in (code, error_type):
        if isinstance(name, str) and name in _TRANSPORT_KINDS:
            return _TRANSPORT_KINDS[name]
    for name in (code, error_type):
        if isinstance(name, str) and name:
            return name
    return "unknown_error"


def server_error(error: object) -> ServerError:
    """Read an ``error`` object; whatever is missing or of a wrong type is replaced, never an exception."""
    if not isinstance(error, Mapping):
        return ServerError("unknown_error", "the server reported an error without details")
    message, event_id = error.get("message"), error.get("event_id")
    kind = error_kind(error.get("code"), error.get("type"))
    return ServerError(
        kind,
        message if isinstance(message, str) and message else f"the server reported {kind} without a message",
        event_id if isinstance(event_id, str) and event_id else None,
    )


class OutputModality(StrEnum):
    """What the assistant answers with. The protocol allows one of them, never both; audio brings its transcript."""

    AUDIO = "audio"
    TEXT = "text"


@dataclass(frozen=True)
class DetectionSpec:
    """How a server is asked to tell whose turn it is. None everywhere: as the server does by default.

    Attributes:
        kind: ``server_vad`` or ``semantic_vad``.
        threshold: How sure the server must be that it hears speech, 0 to 1 (``server_vad``).
        prefix_padding_ms: How much before the speech belongs to the turn (``server_vad``).
        silence_duration_ms: How long a silence ends a turn (``server_vad``).
        idle_timeout_ms: After how long a silence behind its answer the assistant speaks again (``server_vad``).
        eagerness: How soon a pause is an end: ``low``, ``medium``, ``high`` or ``auto`` (``semantic_vad``).

    """

    kind: str
    threshold: float | None = None
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None
    idle_timeout_ms: int | None = None
    eagerness: str | None = None

    def payload(self) -> dict[str, Any]:
        """Return the GA object; the server answers by itself, and stops when the caller cuts in."""
        chosen = {
            "threshold": self.threshold,
            "prefix_padding_ms": self.prefix_padding_ms,
            "silence_duration_ms": self.silence_duration_ms,
            "idle_timeout_ms": self.idle_timeout_ms,
            "eagerness": self.eagerness,
        }
        named = {name: value for name, value in chosen.items() if value is not None}
        return {"type": self.kind, **named, "create_response": True, "interrupt_response": True}


@dataclass(frozen=True)
class SessionSpec:
    """What a session is configured with.

    Attributes:
        instructions: The system prompt.
        input_format: How the audio we send is coded.
        output_format: How the audio we want back is coded.
        tools: Function tools in the protocol's shape.
        voice: None for the server's own choice.
        output_modality: Audio (with transcript) or text.
        transcription_model: Transcribes our audio beside the assistant; None for none.
        tool_choice: ``auto``, ``none``, ``required`` or a tool named by an object.
        turn_detection: How the server takes turns; None: it does not, the client says when an utterance ends.
        in_writing: Words go and come as text: answers are text, and nothing of sound is set up.
        model: The model's name, where the settings have it and not the address; None: the address.

    """

    instructions: str
    input_format: AudioFormat = AudioFormat.PCM16
    output_format: AudioFormat = AudioFormat.PCM16
    tools: Sequence[JsonObject] = ()
    voice: str | None = None
    output_modality: OutputModality = OutputModality.AUDIO
    transcription_model: str | None = None
    tool_choice: str | JsonObject = "auto"
    turn_detection: DetectionSpec | None = None
    in_writing: bool = False
    model: str | None = None

    def payload(self) -> dict[str, Any]:
        """Return the GA session object. Where we take the turns it says so by a null: left out, the server would."""
        modality = OutputModality.TEXT if self.in_writing else self.output_modality
        session: dict[str, Any] = {
            "type": "realtime",
            "instructions": self.instructions,
            "output_modalities": [str(modality)],
            "tools": list(self.tools),
            "tool_choice": self.tool_choice,
        }
        if self.model is not None:
            session["model"] = self.model
        return session if self.in_writing else {**session, "audio": self._sound()}

    def _sound(self) -> dict[str, Any]:
        detection = None if self.turn_detection is None else self.turn_detection.payload()
        audio_input: dict[str, Any] = {"format": _wire_format(self.input_format), "turn_detection": detection}
        if self.transcription_model is not None:
            audio_input["transcription"] = {"model": self.transcription_model}
        audio_output: dict[str, Any] = {"format": _wire_format(self.output_format)}
        if self.voice is not None:
            audio_output["voice"] = self.voice
        return {"input": audio_input, "output": audio_output}


def _wire_format(audio_format: AudioFormat) -> dict[str, Any]:
    if audio_format.is_pcm:
        return {"type": audio_format.wire_type, "rate": audio_format.sample_rate_hz}
    return {"type": audio_format.wire_type}


class AudioFrame(NamedTuple):
    """One ``input_audio_buffer.append`` event: its id, the audio in it, and the JSON text as it goes over the wire."""

    event_id: str
    audio: bytes
    text: bytes


_APPEND_HEAD, _APPEND_AUDIO = b'{"type":"input_audio_buffer.append","event_id":"', b'","audio":"'
_EVENT_ID = re.compile(r"^evt_([0-9]{4,12})$")


class ClientEvents:
    """Builds what one session sends, and counts it. One object per connection."""

    def __init__(self) -> None:
        self._sent = 0

    def session_update(self, spec: SessionSpec) -> dict[str, Any]:
        """Configure the session."""
        return self._event("session.update", session=spec.payload())

    def append_audio(self, wire: bytes) -> dict[str, Any]:
        """Add `wire` bytes to the input buffer."""
        return self._event("input_audio_buffer.append", audio=base64.b64encode(wire).decode("ascii"))

    def append_audio_frame(self, wire: bytes) -> AudioFrame:
        """Return what :meth:`append_audio` makes, as text: a call sends fifty a second, and base64 needs no escape."""
        self._sent += 1
        event_id = f"evt_{self._sent:04d}"
        coded = binascii.b2a_base64(wire, newline=False)
        return AudioFrame(event_id, wire, b"".join((_APPEND_HEAD, event_id.encode(), _APPEND_AUDIO, coded, b'"}')))

    def commit_audio(self) -> dict[str, Any]:
        """End the utterance: what is in the input buffer becomes a user message."""
        return self._event("input_audio_buffer.commit")

    def clear_audio(self) -> dict[str, Any]:
        """Throw away what is in the input buffer."""
        return self._event("input_audio_buffer.clear")

    def create_response(self, **options: Json) -> dict[str, Any]:
        """Ask for a response; `options` override the session's settings for this one."""
        return self._event("response.create", response=options) if options else self._event("response.create")

    def cancel_response(self, response_id: str | None = None) -> dict[str, Any]:
        """Stop the response under way, or the one named."""
        if response_id is None:
            return self._event("response.cancel")
        return self._event("response.cancel", response_id=response_id)

    def create_item(self, item: JsonObject) -> dict[str, Any]:
        """Add `item` to the conversation."""
        return self._event("conversation.item.create", item=item)

    def user_text(self, text: str) -> dict[str, Any]:
        """Add what the user says, in writing."""
        content = [{"type": "input_text", "text": text}]
        return self.create_item({"type": "message", "role": "user", "content": content})

    def truncate_item(self, item_id: str, content_index: int, audio_end_ms: int) -> dict[str, Any]:
        """Tell the server that of an item's sound no more than `audio_end_ms` was heard."""
        return self._event(
            "conversation.item.truncate", item_id=item_id, content_index=content_index, audio_end_ms=audio_end_ms
        )

    def function_call_output(self, call_id: str, output: Json) -> dict[str, Any]:
        """Answer a tool call. The protocol wants text: anything else becomes JSON."""
        text = output if isinstance(output, str) else orjson.dumps(output).decode()
        return self.create_item({"type": "function_call_output", "call_id": call_id, "output": text})

    def issued(self, event_id: str) -> bool:
        """Whether `event_id` is one of ours."""
        match = _EVENT_ID.match(event_id)
        return match is not None and 0 < int(match[1]) <= self._sent

    def _event(self, event_type: str, **fields: Any) -> dict[str, Any]:
        self._sent += 1
        return {"type": event_type, "event_id": f"evt_{self._sent:04d}", **fields}
