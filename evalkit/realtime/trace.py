"""The event trace: one JSON line for every event in either direction, complete though it holds no audio. No I/O.

::

    {"type": "input_audio_buffer.append", "source": "assistant", "direction": "sent", "turn_index": 1,
     "event_index": 7, "event_time_ms": 41.207,
     "event": {"type": "input_audio_buffer.append", "event_id": "evt_0003",
               "audio": {"bytes": 960, "sha256": "9f2c…", "wav": "audio/c1/input.wav", "offset": 1920}}}

`event_index` counts over all connections of a case; `event_time_ms` is on the case's one clock. Audio that stands in a
WAV file is elided: its base64 is replaced by how many bytes it was, their hash, the file, and where they begin in the
turn's stream *as it went over the wire*. Log and files together give back every byte (:func:`restore_audio` does it):

- Input, and PCM16 output, are stored as they went over the wire: the bytes are ``stream[offset:offset + bytes]`` of
  the file's sample data.
- G.711 output is stored decoded, as PCM16: one sample per wire byte, so that encoding the samples again gives back the
  stream, but for one code. Mu-law has two zeros, 0xFF and 0x7F, and both decode to sample 0, which encodes to 0xFF.
  Where a piece held the other zero, `negative_zeros` says where: base64 of one bit per byte, first byte in the highest
  bit. A-law has one code per value and needs none.

Audio without a place in a file stays in the line: a late piece of a cancelled response, or base64 nobody can decode.
Whatever looks like a credential is blanked, by its key or by its shape.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import orjson

from evalkit.realtime.events import AudioFrame

_ULAW_NEGATIVE_ZERO = 0x7F
_AUDIO_FIELDS = {
    "input_audio_buffer.append": "audio",
    "response.output_audio.delta": "delta",
    "response.audio.delta": "delta",
}
_REDACTED = "[redacted]"
_SECRET_KEYS = frozenset(
    {
        "authorization", "api-key", "api_key", "apikey", "x-api-key", "x-goog-api-key", "client_secret", "access_token",
        "secret_key",
    }
)  # fmt: skip
_SUSPECT = re.compile(
    rb'"(?:authorization|(?:x-)?(?:goog-)?api[-_]?key|client_secret|access_token|secret_key)"', re.IGNORECASE
)
_SECRET_VALUE = re.compile(rb"\b(?:sk-[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{30,}|Bearer [A-Za-z0-9._~+/-]{8,}=*)")


class Direction(StrEnum):
    """Which way an event went, as seen from evalkit."""

    SENT = "sent"
    RECEIVED = "received"


class AudioRef(NamedTuple):
    """Where the audio of one event can be found again.

    Attributes:
        audio: The bytes that went over the wire.
        offset: Where they begin in that stream of the turn.
        wav: The file that holds the stream, relative to the run directory; None when none is written.
        stored_as_ulaw_samples: The file holds mu-law decoded to samples, so negative zeros must be noted.
        place: The keys, and places in lists, that lead to the base64 in the event; empty: where the Realtime protocol
            has it.

    """

    audio: bytes
    offset: int
    wav: str | None
    stored_as_ulaw_samples: bool = False
    place: tuple[str | int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what stands in the line instead of the base64."""
        line: dict[str, Any] = {
            "bytes": len(self.audio),
            "sha256": hashlib.sha256(self.audio).hexdigest(),
            "wav": self.wav,
            "offset": self.offset,
        }
        if self.stored_as_ulaw_samples and _ULAW_NEGATIVE_ZERO in self.audio:
            zeros = np.packbits(np.frombuffer(self.audio, dtype=np.uint8) == _ULAW_NEGATIVE_ZERO)
            line["negative_zeros"] = base64.b64encode(zeros.tobytes()).decode("ascii")
        return line


def restore_audio(elided: Mapping[str, Any], stream: bytes) -> bytes:
    """Return the wire bytes that `elided` (from a trace line) stands for.

    Args:
        elided: The object in place of the base64.
        stream: The file's stream in the wire's coding: its sample data as stored, or, for G.711 output, encoded again.

    Raises:
        ValueError: The stream does not hold these bytes.

    """
    piece = bytearray(stream[elided["offset"] : elided["offset"] + elided["bytes"]])
    if "negative_zeros" in elided:
        mask = np.unpackbits(np.frombuffer(base64.b64decode(elided["negative_zeros"]), dtype=np.uint8))
        for position in np.flatnonzero(mask[: len(piece)]):
            piece[position] = _ULAW_NEGATIVE_ZERO
    if len(piece) != elided["bytes"] or hashlib.sha256(piece).hexdigest() != elided["sha256"]:
        raise ValueError(f"{elided['wav']} does not hold the {elided['bytes']} bytes sent at offset {elided['offset']}")
    return bytes(piece)


class Trace:
    """Writes one case's event log. All connections of the case share it, and so its counter.

    Args:
        sink: Takes one line at a time, newline included; it buffers, this does not.
        elide_audio: False keeps base64 in the lines.

    """

    def __init__(self, sink: Callable[[bytes], object], *, elide_audio: bool = True) -> None:
        self._sink = sink
        self._elide_audio = elide_audio
        self._event_index = 0

    def record(
        self,
        *,
        source: str,
        direction: Direction,
        turn_index: int,
        at_ms: float,
        payload: Mapping[str, Any],
        audio: AudioRef | Sequence[AudioRef] | None = None,
    ) -> int:
        """Write one event that happened at `at_ms` since the case began; return its `event_index`, from 1."""
        self._event_index += 1
        event_type = _type_of(payload)
        sounds = (audio,) if isinstance(audio, AudioRef) else tuple(audio or ())
        for sound in sounds if self._elide_audio else ():
            payload = _with(payload, sound.place or (_AUDIO_FIELDS[event_type],), sound.to_json())
        line = {
            "type": event_type,
            "source": source,
            "direction": direction,
            "turn_index": turn_index,
            "event_index": self._event_index,
            "event_time_ms": round(at_ms, 3),
            "event": payload,
        }
        # Audio events are nine of ten, and hold ids and numbers only.
        self._sink(_blank_secrets(line) if not sounds else orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        return self._event_index

    def record_sent_audio(
        self, frames: Sequence[AudioFrame], *, source: str, turn_index: int, at_ms: float, wav: str | None, offset: int
    ) -> None:
        """Write what :meth:`record` would for each of `frames`, sent one after the other; nine of ten events are one.

        Args:
            frames: ``input_audio_buffer.append`` events.
            source: As in :meth:`record`, and so are the next two.
            turn_index: Counts from 1.
            at_ms: When all of them were sent.
            wav: The file that will hold the audio, None for none.
            offset: Where the audio of the first one begins in the turn's stream.

        """
        named, named_wav = orjson.dumps(source).decode(), orjson.dumps(wav).decode()
        head = f'{{"type":"input_audio_buffer.append","source":{named},"direction":"sent","turn_index":{turn_index},'
        time = f'"event_time_ms":{round(at_ms, 3)!r},"event":'
        for event_id, audio, text in frames:
            self._event_index += 1
            line = f'{head}"event_index":{self._event_index},{time}'
            if self._elide_audio:
                line += (
                    f'{{"type":"input_audio_buffer.append","event_id":"{event_id}","audio":{{"bytes":{len(audio)},'
                    f'"sha256":"{hashlib.sha256(audio).hexdigest()}","wav":{named_wav},"offset":{offset}}}}}}}\n'
                )
                self._sink(line.encode())
            else:
                self._sink(line.encode() + text + b"}\n")
            offset += len(audio)


def _type_of(payload: Mapping[str, Any]) -> str:
    """Return what an event is called: telephone lines have another key for that; Gemini's has one field, named so."""
    told = payload.get("type") or payload.get("event")
    return str(told) if told else next((key for key in payload if key != "usageMetadata"), next(iter(payload), ""))


def _with(payload: Any, place: Sequence[str | int], value: Any) -> Any:
    """Return `payload` with `value` at the place that some keys lead to."""
    key, *further = place
    inner = _with(payload[key], further, value) if further else value
    if isinstance(payload, list):
        return [inner if number == key else each for number, each in enumerate(payload)]
    return {**payload, key: inner}


def _blank_secrets(line: dict[str, Any]) -> bytes:
    written = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    if _SUSPECT.search(written):
        written = orjson.dumps(_blank_keys(line), option=orjson.OPT_APPEND_NEWLINE)
    if b"sk-" in written or b"Bearer " in written or b"AIza" in written:
        written = _SECRET_VALUE.sub(_REDACTED.encode(), written)
    return written


def _blank_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _REDACTED if str(key).lower() in _SECRET_KEYS else _blank_keys(inner) for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_blank_keys(inner) for inner in value]
    return value
