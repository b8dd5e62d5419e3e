"""The messages of one media stream: those that the line sends, numbered, and those of the application, read. No I/O."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from evalkit.audio.formats import AudioFormat
from evalkit.realtime.events import InvalidEvent, parse_object
from evalkit.realtime.media_stream.dialect import CallIdentity, Dialect, Template, fill, find
from evalkit.records.json import Json

INVALID_FRAME = "invalid_frame"
"""The kind of failure that a message which no line could take is."""

WRONG_STREAM = "wrong_stream"
"""The kind of failure that sound for another call's stream, or for none, is."""


class AppEvent(Enum):
    """What an application asks of the line. OTHER: nothing that changes what is heard."""

    PLAY = auto()
    MARK = auto()
    CLEAR = auto()
    KEYS = auto()
    OTHER = auto()


@dataclass(frozen=True)
class AppMessage:
    """One message of the application.

    Attributes:
        event: What it asks.
        message: The whole of it, as it came.
        sound: What is to be played.
        mark: The name of a mark.
        keys: What it presses.

    """

    event: AppEvent
    message: dict[str, Any]
    sound: bytes = b""
    mark: str = ""
    keys: str = ""


class InvalidFrame(ValueError):
    """A message that no line could take. `kind` is the kind of failure, `message` what was found and expected."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind, self.message = kind, message
        super().__init__(message)


class LineFrames:
    """Makes the messages of one call, in the words of one provider, each with the next number.

    Args:
        dialect: The provider's words.
        call: Whose call it is.
        audio_format: Of the sound in both directions.

    """

    def __init__(self, dialect: Dialect, call: CallIdentity, audio_format: AudioFormat) -> None:
        self._dialect = dialect
        self._sequence = self._chunks = 0
        parameters = dict(call.parameters)
        self._known: dict[str, Json] = {
            "account": call.account_id,
            "call": call.call_id,
            "stream": call.stream_id,
            "caller": "+15550100001",
            "callee": "+15550100002",
            "encoding": dialect.encodings[audio_format],
            "parameters": parameters,
            "headers": orjson.dumps(parameters).decode(),
        }

    def opening(self) -> list[dict[str, Json]]:
        """Return what is said before any sound."""
        first = [] if self._dialect.connected is None else [fill(self._dialect.connected, {})]
        return [*first, self._next(self._dialect.start)]

    def media(self, chunk: bytes, timestamp_ms: float) -> dict[str, Json]:
        """Return what carries the caller's next sound, which began at a time since the stream did."""
        self._chunks += 1
        return self._next(
            self._dialect.media,
            chunk=self._number(self._chunks),
            timestamp=self._number(math.floor(timestamp_ms)),
            payload=base64.b64encode(chunk).decode("ascii"),
        )

    def mark(self, name: str) -> dict[str, Json]:
        """Return what says that a mark has been heard, or thrown away."""
        return self._next(self._dialect.mark, name=name)

    def dtmf(self, digit: str, timestamp_ms: float) -> dict[str, Json]:
        """Return what says that a key was pressed."""
        return self._next(self._dialect.dtmf, digit=digit, timestamp=self._number(math.floor(timestamp_ms)))

    def cleared(self) -> dict[str, Json] | None:
        """Return what says that all that waited was thrown away; None: this provider does not say so."""
        return None if self._dialect.cleared is None else self._next(self._dialect.cleared)

    def stop(self) -> dict[str, Json] | None:
        """Return what says that the call has ended; None: this provider hangs up without a word."""
        return None if self._dialect.stop is None else self._next(self._dialect.stop)

    def _next(self, template: Template, **values: Json) -> dict[str, Json]:
        self._sequence += 1
        return fill(template, {**self._known, "sequence": self._number(self._sequence), **values})

    def _number(self, value: int) -> Json:
        return str(value) if self._dialect.numbers_are_text else value


def read_frame(dialect: Dialect, frame: str | bytes, stream_id: str) -> AppMessage:
    """Return what the application said in one WebSocket message.

    Raises:
        InvalidFrame: It is no message of a media stream, or its sound cannot be read or is for another stream.

    """
    try:
        message = parse_object(frame)
    except InvalidEvent as error:
        raise InvalidFrame(INVALID_FRAME, f"the application sent {error}") from None
    event = message.get("event")
    if not isinstance(event, str) or not event:
        raise InvalidFrame(INVALID_FRAME, f"the application sent a JSON object without 'event'; {_expected(dialect)}")
    if event == dialect.media_event:
        _require_stream(dialect, message, stream_id)
        return AppMessage(AppEvent.PLAY, message, sound=_read_sound(dialect, message))
    if event == dialect.mark_event:
        _require_stream(dialect, message, stream_id)
        return AppMessage(AppEvent.MARK, message, mark=_read_name(dialect, message))
    if event == dialect.clear_event:
        _require_stream(dialect, message, stream_id)
        return AppMessage(AppEvent.CLEAR, message)
    keys = find(message, dialect.keys) if event == dialect.keys_event else None
    if isinstance(keys, str) and keys:
        return AppMessage(AppEvent.KEYS, message, keys=keys)
    return AppMessage(AppEvent.OTHER, message)


def _require_stream(dialect: Dialect, message: Mapping[str, Any], stream_id: str) -> None:
    told, where = find(message, dialect.stream_id), ".".join(dialect.stream_id)
    if told == stream_id or (told is None and not dialect.needs_stream_id):
        return
    found = f"no {where}" if told is None else f"{where} {str(told)[:80]!r}, which is another call's"
    raise InvalidFrame(
        WRONG_STREAM,
        f"the application sent {message['event']!r} with {found}: a {dialect.name} line would not play it; expected "
        f"the {where} of the start message, {stream_id!r}",
    )


def _read_sound(dialect: Dialect, message: Mapping[str, Any]) -> bytes:
    payload, where = find(message, dialect.payload), ".".join(dialect.payload)
    if not isinstance(payload, str):
        found = "nothing" if payload is None else f"a {type(payload).__name__}"
        raise InvalidFrame(INVALID_FRAME, f"the application sent {found} at {where}; expected base64 of G.711 sound")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidFrame(INVALID_FRAME, f"the application sent {where} that is no base64 ({error})") from None


def _read_name(dialect: Dialect, message: Mapping[str, Any]) -> str:
    name, where = find(message, dialect.mark_name), ".".join(dialect.mark_name)
    if not isinstance(name, str):
        raise InvalidFrame(INVALID_FRAME, f"the application sent a {dialect.mark_event!r} without {where}")
    return name


def _expected(dialect: Dialect) -> str:
    words = ", ".join(repr(word) for word in (dialect.media_event, dialect.mark_event, dialect.clear_event))
    return f"a {dialect.name} line is told {words}"
