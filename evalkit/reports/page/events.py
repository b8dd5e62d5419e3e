"""What a page shows of an event log: an excerpt that stays short, and the moments a timeline is drawn from.

The log is read line by line and never held; a log of hundreds of megabytes leaves a few kilobytes. A torn last line,
as a run that is still going has it, is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import orjson

_DELTA = ".delta"
_DELTAS = "response deltas"
_APPEND = "input_audio_buffer.append"
_LINE_SOUND = ("media", "playAudio")  # of a telephone line
_LIVE_SOUND = ("realtimeInput.audio", "serverContent.modelTurn")  # of Gemini Live
_SOUND_DELTAS = ("response.output_audio.delta", "response.audio.delta")
# A line up to here says what kind of event it is and where it belongs; the rest differs from piece to piece.
_HEAD_END = b',"event_index"'
_RESPONSE_ID = re.compile(rb'"response_id":"([^"\\]+)"')
_ELIDED_BYTES = re.compile(rb'"bytes":(\d+)')
_Place: TypeAlias = tuple[str, str, int, str]
# What only says again what another event says.
_HOUSEKEEPING = (
    "rate_limits.updated",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.created",
    "input_audio_buffer.committed",
    "response.output_item.",
    "response.content_part.",
    "response.output_audio.done",
)
_MOST_WORDS = 160


@dataclass
class Response:
    """One response of the assistant, in milliseconds since the case began. `sound_bytes` is what it said, in sound."""

    first_sound_ms: float | None = None
    sound_bytes: int = 0


@dataclass
class CallMark:
    """When a tool was called, and when it was answered; None: never."""

    name: str
    called_ms: float
    answered_ms: float | None = None


@dataclass
class TurnMarks:
    """The moments of one turn, in milliseconds since the case began; None where the log does not say."""

    sound_began_ms: float | None = None
    asked_ms: float | None = None
    done_ms: float | None = None
    responses: dict[str, Response] = field(default_factory=dict)
    calls: dict[str, CallMark] = field(default_factory=dict)


@dataclass
class ExcerptLine:
    """One event, or several of a kind in a row, in words."""

    at_ms: float
    source: str
    direction: str
    turn_index: int
    event_type: str
    count: int
    words: str

    @property
    def place(self) -> _Place:
        """What a streamed event must share with this line to be counted in it."""
        return self.source, self.direction, self.turn_index, self.event_type


@dataclass(frozen=True)
class EventDigest:
    """What is shown of a log. `total` counts all its events."""

    total: int = 0
    lines: tuple[ExcerptLine, ...] = ()
    turns: Mapping[int, TurnMarks] = field(default_factory=dict)


def read_digest(path: Path, most_lines: int) -> EventDigest:
    """Return the digest of the event log at `path`, with at most `most_lines` lines; empty when there is no log."""
    if not path.is_file():
        return EventDigest()
    with path.open("rb") as log:
        return digest_events(log, most_lines)


def digest_events(log: Iterable[bytes], most_lines: int) -> EventDigest:
    """Return the digest of an event log, line by line. Where it is too long, the middle is left out, errors last."""
    digester = _Digester()
    for raw in log:
        digester.read(raw)
    return EventDigest(digester.total, tuple(_bounded(digester.lines, most_lines)), digester.turns)


class _Digester:
    """Reads a log line by line.

    Nine of ten lines are pieces of a stream. The first of its kind is parsed; of the others only what differs is read.
    """

    def __init__(self) -> None:
        self.total = 0
        self.turns: dict[int, TurnMarks] = {}
        self.lines: list[ExcerptLine] = []
        self._streams: dict[bytes, _Place] = {}

    def read(self, raw: bytes) -> None:
        """Take one line; what is not an event is passed over."""
        head = raw[: max(0, raw.find(_HEAD_END))]
        if head in self._streams and self._count(head, raw):
            return
        try:
            event = orjson.loads(raw)
            kind, payload = event["type"], event["event"]
            at_ms, turn_index = event["event_time_ms"], event["turn_index"]
            shown = _DELTAS if kind.endswith(_DELTA) else _name_of(kind, payload)
            place = (event["source"], event["direction"], turn_index, shown)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return
        self.total += 1
        if event["source"] == "assistant":
            turn = self.turns.setdefault(turn_index, TurnMarks())
            _mark(turn, kind, at_ms, payload)
            with suppress(AttributeError, TypeError):  # a message that is not as its protocol has it
                _mark_live(turn, shown, at_ms, payload)
        if shown in (_DELTAS, _APPEND, *_LINE_SOUND, *_LIVE_SOUND):
            if head and shown not in _LIVE_SOUND:  # whose other messages begin alike
                self._streams[head] = place
            if self.lines and self.lines[-1].place == place:
                self.lines[-1].count += 1
            else:
                self.lines.append(ExcerptLine(at_ms, *place, 1, ""))
        elif not kind.startswith(_HOUSEKEEPING):
            self.lines.append(ExcerptLine(at_ms, *place, 1, tell_event(kind, payload)))

    def _count(self, head: bytes, raw: bytes) -> bool:
        """Count one more piece of a known stream; return whether that was all there is to know about it."""
        place = self._streams[head]
        if not self.lines or self.lines[-1].place != place:
            return False
        if place[0] == "assistant" and b"audio.delta" in head and not self._add_sound(place[2], raw):
            return False
        self.lines[-1].count += 1
        self.total += 1
        return True

    def _add_sound(self, turn_index: int, raw: bytes) -> bool:
        """Add a piece of sound to the response it belongs to, when that one has begun and the sound is elided."""
        named, size = _RESPONSE_ID.search(raw), _ELIDED_BYTES.search(raw)
        response = self.turns[turn_index].responses.get(named[1].decode()) if named and size else None
        if response is None or size is None:
            return False
        response.sound_bytes += int(size[1])
        return True


def _mark(turn: TurnMarks, kind: str, at_ms: float, payload: Mapping[str, Any]) -> None:
    if kind == _APPEND:
        turn.sound_began_ms = at_ms if turn.sound_began_ms is None else turn.sound_began_ms
    elif kind == "response.create":
        turn.asked_ms = at_ms if turn.asked_ms is None else turn.asked_ms
    elif kind in _SOUND_DELTAS:
        response = turn.responses.setdefault(str(payload.get("response_id")), Response())
        response.first_sound_ms = at_ms if response.first_sound_ms is None else response.first_sound_ms
        response.sound_bytes += _sound_bytes(payload.get("delta"))
    elif kind == "response.function_call_arguments.done":
        turn.calls.setdefault(str(payload.get("call_id")), CallMark(str(payload.get("name") or ""), at_ms))
    elif kind == "conversation.item.create":
        item = payload.get("item") or {}
        call = turn.calls.get(str(item.get("call_id")))
        if call is not None and item.get("type") == "function_call_output":
            call.answered_ms = at_ms
    elif kind == "response.done":
        turn.done_ms = at_ms


def _name_of(kind: str, payload: Mapping[str, Any]) -> str:
    """Return what an event is shown as: a message of Gemini Live by the first thing in it too."""
    inner = payload.get(kind) if kind in ("realtimeInput", "serverContent") else None
    return f"{kind}.{next(iter(inner))}" if isinstance(inner, Mapping) and inner else kind


def _mark_live(turn: TurnMarks, shown: str, at_ms: float, payload: Mapping[str, Any]) -> None:
    """Mark what a message of Gemini Live tells of a turn; its responses are told apart by the calls between them."""
    if shown == "realtimeInput.audio":
        turn.sound_began_ms = at_ms if turn.sound_began_ms is None else turn.sound_began_ms
    elif shown == "realtimeInput.activityEnd":
        turn.asked_ms = at_ms if turn.asked_ms is None else turn.asked_ms
    elif shown == "serverContent.modelTurn":
        response = turn.responses.setdefault(f"answer_{len(turn.calls)}", Response())
        for part in payload["serverContent"]["modelTurn"].get("parts", ()):
            sound = part.get("inlineData")
            if sound:
                response.first_sound_ms = at_ms if response.first_sound_ms is None else response.first_sound_ms
                response.sound_bytes += _sound_bytes(sound.get("data"))
    elif shown == "toolCall":
        for call in payload["toolCall"].get("functionCalls", ()):
            turn.calls.setdefault(str(call.get("id")), CallMark(str(call.get("name") or ""), at_ms))
    elif shown == "toolResponse":
        for answer in payload["toolResponse"].get("functionResponses", ()):
            call = turn.calls.get(str(answer.get("id")))
            if call is not None:
                call.answered_ms = at_ms
    elif shown == "serverContent.turnComplete":
        turn.done_ms = at_ms


def _sound_bytes(sound: object) -> int:
    """Return how many bytes an event's sound was: it says so where it is elided, else it is base64."""
    if isinstance(sound, Mapping):
        return int(sound.get("bytes", 0))
    return len(sound) * 3 // 4 if isinstance(sound, str) else 0


def tell_event(kind: str, payload: Mapping[str, Any]) -> str:
    """Return what is worth reading in an event, short."""
    if kind in ("session.update", "session.updated", "session.created"):
        session = payload.get("session")
        return _short(session.get("model", "")) if isinstance(session, Mapping) else ""
    if kind == "response.done":
        response = payload.get("response") or {}
        details = response.get("status_details")
        return _short(f"{response.get('status', '')} {_json(details) if details else ''}".strip())
    if kind == "conversation.item.create":
        item = payload.get("item") or {}
        return _short(item.get("output") or item.get("type") or "")
    if kind == "response.function_call_arguments.done":
        return _short(f"{payload.get('name') or ''}({payload.get('arguments', '')})")
    if "transcript" in payload:
        return _short(payload["transcript"])
    rest = {key: value for key, value in payload.items() if key not in ("type", "event_id", "response", "item")}
    return _short(_json(rest)) if rest else ""


def _bounded(lines: list[ExcerptLine], most: int) -> list[ExcerptLine]:
    """Return at most `most` lines: every error (while they fit), then the beginning and the end."""
    if len(lines) <= most:
        return lines
    errors = [place for place, line in enumerate(lines) if line.event_type == "error"][:most]
    half = (most - len(errors)) // 2
    kept = sorted({*range(half), *errors, *range(len(lines) - half, len(lines))})
    return [lines[place] for place in kept]


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _short(value: object) -> str:
    text = value if isinstance(value, str) else _json(value)
    return text if len(text) <= _MOST_WORDS else f"{text[: _MOST_WORDS - 1]}…"
