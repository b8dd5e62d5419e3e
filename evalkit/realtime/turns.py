"""From events to a result: collects what the assistant said and did in one response. No I/O.

A :class:`ResponseCollector` is fed every event that arrives after ``response.create`` went out and can be asked for its
result at any time, so that a case that fails half-way still leaves evidence. Servers tell the same thing up to five
times; the highest rank is right, whatever the order of arrival:

===== ============================== ====================================================
rank  event                          says
===== ============================== ====================================================
0     ``….delta``                    a piece; used while nothing better is known
1     ``….done``                     one text, transcript or arguments, whole
2     ``response.content_part.done`` the same, as a content part
3     ``response.output_item.done``  a whole message or tool call
4     ``response.done``              everything but audio; the status; the usage
===== ============================== ====================================================

Audio comes once only, in deltas, and is kept in the order it arrived. A delta that repeats another's event id and
content is dropped; events of other responses (late ones of an earlier or cancelled response) and unknown types are none
of its business, but a response whose content came under an id that nobody knows is not an answer (``invalid_event``).
Nothing a server sends makes it raise: what cannot be used is ignored, what makes the response useless becomes its
`error_type`, and a response that brings more than :data:`MAX_RESPONSE_CHARS` is cut off.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping, Set
from typing import Any, ClassVar, NamedTuple

import orjson

from evalkit.realtime.events import ServerError, ServerEvent, server_error
from evalkit.realtime.items import Item, Items
from evalkit.realtime.results import ResponseResult
from evalkit.records.record import ToolCall, Usage, join_words

# A race that harms nobody: the response was over before our cancellation arrived.
BENIGN_ERRORS = frozenset({"response_cancel_not_active"})

MAX_RESPONSE_CHARS = 96 * 1024 * 1024
"""What one response may bring, in characters of its events as they come: 25 minutes of PCM16 at 24 kHz."""

# What an event costs beside its delta: ids, and the note that it was seen.
_EVENT_CHARS = 200

# The second name of each pair is from before general availability; compatible servers still use it.
AUDIO_DELTAS = frozenset({"response.output_audio.delta", "response.audio.delta"})


class AudioPiece(NamedTuple):
    """The audio of one event: its bytes and where they begin in the response's audio."""

    offset: int
    data: bytes


class ResponseCollector:
    """Collects one response. Feed it all events; it picks its own.

    Args:
        create_event_id: The `event_id` of our ``response.create``: an error that names it is this response's.
        created_at_ms: When that event was sent, in milliseconds since the case began.
        past_response_ids: Responses known from before; the first other one to appear is ours.
        served_model: The model the session named, for servers whose responses do not.

    """

    def __init__(
        self,
        create_event_id: str,
        created_at_ms: float,
        *,
        past_response_ids: Set[str] = frozenset(),
        served_model: str | None = None,
    ) -> None:
        self.response_id = ""
        self.error: ServerError | None = None
        self._create_event_id = create_event_id
        self.created_at_ms = created_at_ms
        self._past_response_ids = past_response_ids
        self._served_model = served_model
        self._seen: dict[int, int] = {}
        self._items = Items()
        self._audio = bytearray()
        self._status, self._status_reason = "in_progress", ""
        self._usage = Usage()
        self._tool_mode = ""
        self._first_audio_at_ms: float | None = None
        self._first_text_at_ms: float | None = None
        self._done_at_ms: float | None = None
        self._refused = False
        self._stray_deltas = self._stray_audio = 0
        self._brought_chars = 0

    @property
    def done(self) -> bool:
        """Whether the response came to its own end, good or bad."""
        return self._done_at_ms is not None

    @property
    def refused(self) -> bool:
        """Whether an error event ended it instead."""
        return self._refused and not self.done

    def feed(self, event: ServerEvent, at_ms: float) -> AudioPiece | None:
        """Take one event that arrived at `at_ms` (since the case began); return the audio it brought, if any.

        A repeated event returns the piece its first copy brought, so that a trace can point both at the same bytes.
        """
        if event.type in AUDIO_DELTAS:
            is_wanted = self._is_ours(event) and not self._is_too_much(event)
            return self._take_audio(event, at_ms) if is_wanted else None
        if event.type == "error":
            self._take_error(server_error(event.payload.get("error")))
            return None
        handler = self._handlers.get(event.type)
        if handler is not None and self._is_ours(event) and not self._is_too_much(event):
            handler(self, event, at_ms)
        return None

    def result(self) -> ResponseResult:
        """Return what is known by now."""
        items = self._items.in_order()
        return ResponseResult(
            response_id=self.response_id,
            created_at_ms=self.created_at_ms,
            status=self._status,
            status_reason=self._status_reason,
            error_type=self.error.error_type if self.error else None,
            error_message=self.error.message if self.error else "",
            transcript=join_words(words for item in items for words in item.texts(lambda part: part.transcript)),
            text=join_words(words for item in items for words in item.texts(lambda part: part.text)),
            audio=bytes(self._audio),
            tool_calls=tuple(_tool_call(item) for item in items if item.is_call),
            usage=self._usage,
            served_model=self._served_model,
            first_audio_ms=self._since_created(self._first_audio_at_ms),
            first_text_ms=self._since_created(self._first_text_at_ms),
            done_ms=self._since_created(self._done_at_ms),
            tool_mode=self._tool_mode,
        )

    def _since_created(self, at_ms: float | None) -> float | None:
        return None if at_ms is None else at_ms - self.created_at_ms

    def _is_ours(self, event: ServerEvent) -> bool:
        response_id = response_id_of(event)
        if response_id in ("", self.response_id):
            return True
        if not self.response_id and response_id not in self._past_response_ids:
            self.response_id = response_id
        elif response_id not in self._past_response_ids:
            self._stray_deltas += event.type.endswith(".delta")
            self._stray_audio += event.type in AUDIO_DELTAS
        return response_id == self.response_id

    def _is_too_much(self, event: ServerEvent) -> bool:
        """Whether the response has brought more than it may, which ends it as an error would; its end still counts."""
        if event.type == "response.done":
            return False
        delta = event.payload.get("delta")
        self._brought_chars += _EVENT_CHARS + len(delta if isinstance(delta, str) else orjson.dumps(event.payload))
        if self._brought_chars <= MAX_RESPONSE_CHARS:
            return False
        message = f"the response brought more than {MAX_RESPONSE_CHARS} characters and was cut off"
        self.error = self.error or ServerError("response_too_large", message)
        self._refused = True
        return True

    def _item(self, payload: Mapping[str, Any]) -> Item:
        return self._items.find(_text(payload, "item_id"), _number(payload, "output_index"), _text(payload, "call_id"))

    def _is_repeated(self, event: ServerEvent, offset: int = 0) -> int | None:
        """Return the offset of the first copy of a delta; None, remembering `offset`, when this is the first."""
        event_id, delta = event.payload.get("event_id"), event.payload.get("delta")
        if not (isinstance(event_id, str) and event_id and isinstance(delta, str)):
            return None
        identity = hash((event_id, event.type, delta))
        if identity in self._seen:
            return self._seen[identity]
        self._seen[identity] = offset
        return None

    def _take_error(self, error: ServerError) -> None:
        if error.error_type in BENIGN_ERRORS or error.event_id not in (None, self._create_event_id):
            return
        if not self.done and not self._refused:
            self.error, self._refused = self.error or error, True

    def _take_audio(self, event: ServerEvent, at_ms: float) -> AudioPiece | None:
        try:
            data = binascii.a2b_base64(event.payload["delta"], strict_mode=True)
        except (ValueError, TypeError, KeyError) as reason:
            self.error = self.error or ServerError("audio_decode", f"audio that is not base64: {reason}")
            return None
        start = len(self._audio)
        earlier = self._is_repeated(event, start)
        if earlier is not None:
            return AudioPiece(earlier, data)
        if data and self._first_audio_at_ms is None:
            self._first_audio_at_ms = at_ms
        self._audio += data
        return AudioPiece(start, data)

    def _take_word_delta(self, event: ServerEvent, at_ms: float) -> None:
        piece = _text(event.payload, "delta")
        if not piece or self._is_repeated(event) is not None:
            return
        part = self._item(event.payload).part(_number(event.payload, "content_index"))
        (part.transcript if "transcript" in event.type else part.text).add(piece)
        self._note_text(at_ms)

    def _take_words(self, event: ServerEvent, at_ms: float) -> None:
        self._settle_part(self._item(event.payload), _number(event.payload, "content_index"), event.payload, 1, at_ms)

    def _take_part(self, event: ServerEvent, at_ms: float) -> None:
        part = _object(event.payload, "part")
        self._settle_part(self._item(event.payload), _number(event.payload, "content_index"), part, 2, at_ms)

    def _settle_part(
        self, item: Item, content_index: int | None, told: Mapping[str, Any], rank: int, at_ms: float
    ) -> None:
        transcript, text = _text(told, "transcript"), _text(told, "text")
        part = item.part(content_index)
        part.transcript.settle(rank, transcript)
        part.text.settle(rank, text)
        if transcript or text:
            self._note_text(at_ms)

    def _note_text(self, at_ms: float) -> None:
        if self._first_text_at_ms is None:
            self._first_text_at_ms = at_ms

    def _take_arguments_delta(self, event: ServerEvent, _at_ms: float) -> None:
        if self._is_repeated(event) is None:
            item = self._item(event.payload)
            item.is_call = True
            item.arguments.add(_text(event.payload, "delta"))

    def _take_arguments(self, event: ServerEvent, _at_ms: float) -> None:
        self._settle_call(self._item(event.payload), event.payload, 1)

    def _settle_call(self, item: Item, told: Mapping[str, Any], rank: int) -> None:
        item.is_call = True
        item.name = item.name or _text(told, "name")
        item.arguments.settle(rank, _text(told, "arguments"))

    def _take_item_added(self, event: ServerEvent, at_ms: float) -> None:
        # Its content is still empty or a beginning; only a tool call's name and ids are worth knowing now.
        told = _object(event.payload, "item")
        if told.get("type") == "function_call":
            self._take_item(told, _number(event.payload, "output_index"), 0, at_ms)

    def _take_item_done(self, event: ServerEvent, at_ms: float) -> None:
        self._take_item(_object(event.payload, "item"), _number(event.payload, "output_index"), 3, at_ms)

    def _take_item(self, told: Mapping[str, Any], output_index: int | None, rank: int, at_ms: float) -> Item:
        item = self._items.find(_text(told, "id"), output_index, _text(told, "call_id"))
        if told.get("type") == "function_call":
            self._settle_call(item, told, rank)
        for index, part in enumerate(_objects(told, "content")):
            self._settle_part(item, index, part, rank, at_ms)
        return item

    def _take_response(self, event: ServerEvent, _at_ms: float) -> None:
        self._served_model = _text(_object(event.payload, "response"), "model") or self._served_model

    def _take_done(self, event: ServerEvent, at_ms: float) -> None:
        response = _object(event.payload, "response")
        if self._done_at_ms is None:
            self._done_at_ms = at_ms
        self._served_model = _text(response, "model") or self._served_model
        self._status = _text(response, "status") or "completed"
        self._usage = _usage(_object(response, "usage"))
        self._tool_mode = _text(_object(response, "metadata"), "tool_mode")
        details = _object(response, "status_details")
        reported = server_error(details["error"]) if isinstance(details.get("error"), Mapping) else None
        if self._status == "failed":
            self.error = self.error or reported or server_error(None)
        self._status_reason = _text(details, "reason") or (reported.error_type if reported else "")
        for index, told in enumerate(_objects(response, "output")):
            self._take_item(told, index, 4, at_ms).is_final = True
        self._find_strays()

    def _find_strays(self) -> None:
        """Call a response useless whose content came under the id of a response that nobody asked for."""
        lost_audio = self._stray_audio and not self._audio
        lost_all = self._stray_deltas and not self._audio and not any(map(_holds_something, self._items.in_order()))
        if self._status == "completed" and (lost_audio or lost_all):
            message = f"{self._stray_deltas} events of response {self.response_id} carried the id of another response"
            self.error = self.error or ServerError("invalid_event", message)

    _handlers: ClassVar[dict[str, Callable[[ResponseCollector, ServerEvent, float], None]]] = {
        "response.created": _take_response,
        "response.output_item.added": _take_item_added,
        "response.output_audio_transcript.delta": _take_word_delta,
        "response.audio_transcript.delta": _take_word_delta,
        "response.output_text.delta": _take_word_delta,
        "response.text.delta": _take_word_delta,
        "response.function_call_arguments.delta": _take_arguments_delta,
        "response.output_audio_transcript.done": _take_words,
        "response.audio_transcript.done": _take_words,
        "response.output_text.done": _take_words,
        "response.text.done": _take_words,
        "response.function_call_arguments.done": _take_arguments,
        "response.content_part.done": _take_part,
        "response.output_item.done": _take_item_done,
        "response.done": _take_done,
    }


def response_id_of(event: ServerEvent) -> str:
    """Return the response an event belongs to; empty for none."""
    return _text(event.payload, "response_id") or _text(_object(event.payload, "response"), "id")


def _holds_something(item: Item) -> bool:
    return item.is_call or any(part.transcript.value or part.text.value for part in item.parts.values())


def _tool_call(item: Item) -> ToolCall:
    raw = item.arguments.value
    try:
        arguments = orjson.loads(raw)
    except orjson.JSONDecodeError:
        arguments = None
    return ToolCall(item.name, arguments if isinstance(arguments, dict) else None, raw, item.call_id)


def _usage(told: Mapping[str, Any]) -> Usage:
    input_details, output_details = _object(told, "input_token_details"), _object(told, "output_token_details")
    return Usage(
        input_tokens=_number(told, "input_tokens"),
        output_tokens=_number(told, "output_tokens"),
        input_text_tokens=_number(input_details, "text_tokens"),
        input_audio_tokens=_number(input_details, "audio_tokens"),
        input_cached_tokens=_number(input_details, "cached_tokens"),
        input_cached_audio_tokens=_number(_object(input_details, "cached_tokens_details"), "audio_tokens"),
        output_text_tokens=_number(output_details, "text_tokens"),
        output_audio_tokens=_number(output_details, "audio_tokens"),
    )


def _text(told: Mapping[str, Any], key: str) -> str:
    value = told.get(key)
    return value if isinstance(value, str) else ""


def _number(told: Mapping[str, Any], key: str) -> int | None:
    value = told.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _object(told: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = told.get(key)
    return value if isinstance(value, Mapping) else {}


def _objects(told: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    value = told.get(key)
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
