"""One response as a stream of events: created, items with their deltas, done.

A response is opened when the client asks, begun when the reply (and its audio) is known, then advanced batch by batch
until it is finished. It can be stopped between any two batches; what was said so far stays, marked incomplete.

========================= ==============================================================================
batch                     events
========================= ==============================================================================
open                      response.created, rate_limits.updated
a message begins          response.output_item.added, conversation.item.added, response.content_part.added
a piece of 100 ms         response.output_audio_transcript.delta (some words), response.output_audio.delta
a piece of text           response.output_text.delta
a message ends            …audio.done, …transcript.done (or …text.done), content_part.done, both item dones
a tool call               item added, several function_call_arguments.delta, …done, both item dones
end                       response.done, with the usage
========================= ==============================================================================

A reply that its model is still writing is a message whose sentences come when they have been spoken; until the next one
has, a batch is empty.

A response outside the conversation (``conversation: "none"``) sends no ``conversation.item`` events.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from evalkit.service.brain.conversation import Call, Origin, Reply
from evalkit.service.events_out import Event, Events, Ids
from evalkit.service.items import ContentPart, ConversationItem, ConversationItems
from evalkit.service.session_config import ResponseConfig, format_wire
from evalkit.service.spoken_sentences import SpokenSentences, pieces_of
from evalkit.service.token_usage import Tokens, realtime_usage, reported_usage, summed

PIECE_MS = 100
_ARGUMENT_PIECE_CHARS = 12


class _LimitReachedError(Exception):
    """The next piece would exceed max_output_tokens."""


class ResponseStream:
    """A response on its way.

    Args:
        config: What it is made with.
        input_tokens: What the model was shown, in tokens; None where they are not ours to count.
        ids: Where ids come from.
        conversation_id: The session's conversation.
        items: The conversation's items, to which a response inside it adds its own.

    Attributes:
        origin: Of a reply that was made elsewhere, when it is known.

    """

    def __init__(
        self,
        config: ResponseConfig,
        input_tokens: Tokens | None,
        ids: Ids,
        conversation_id: str,
        items: ConversationItems,
    ) -> None:
        self.id = ids.new("resp")
        self.config = config
        self.finished = False
        self.origin: Origin | None = None
        self._input_tokens = input_tokens
        self._ids = ids
        self._events = Events(ids)
        self._conversation_id = conversation_id
        self._items = items
        self._output: list[ConversationItem] = []
        self._script: Iterator[list[Event]] | None = None
        self._close_item: Callable[[str], list[Event]] | None = None

    @property
    def begun(self) -> bool:
        """Whether the reply is known and events can be drawn."""
        return self._script is not None

    @property
    def audio_ms(self) -> float:
        """How long what was said so far plays, in milliseconds."""
        return sum([part.duration_ms for item in self._output for part in item.parts if part.is_audio])

    @property
    def has_called(self) -> bool:
        """Whether a client was given a tool call, whole."""
        return any(item.type == "function_call" and item.status == "completed" for item in self._output)

    def heard_words(self, played_ms: float) -> int:
        """Return how many of its words the caller has heard: by the client's word, else of `played_ms` of sound."""
        parts = [part for item in self._output for part in item.parts if part.is_audio]
        return sum(len((part.heard if part.heard is not None else part.words_by(played_ms)).split()) for part in parts)

    def played(self, played_ms: float) -> None:
        """Take it that its playback was stopped after `played_ms` of sound, if there was more."""
        parts = [part for item in self._output for part in item.parts if part.is_audio]
        if played_ms < sum(part.duration_ms for part in parts):
            for part in parts:
                part.played_ms = min(played_ms, part.duration_ms)
                played_ms -= part.played_ms

    def open(self) -> list[Event]:
        """Return the events that say the response exists."""
        created = self._events.make("response.created", response=self._wire("in_progress", None))
        return [created, self._events.rate_limits()]

    def begin(self, reply: Reply, audio: bytes) -> None:
        """Take the reply and its audio in the response's output format (empty for silence, or for text)."""
        self._script = self._play(reply, audio)

    def begin_pieces(self, pieces: Iterable[tuple[str, bytes]]) -> None:
        """Take a message as pieces of words and sound that come while it streams; an empty piece is not an event."""
        self._script = self._play_message(pieces, b"")

    def begin_sentences(self, sentences: SpokenSentences) -> None:
        """Take a reply that is spoken while its model writes it."""
        self._script = self._play_sentences(sentences)

    def advance(self) -> list[Event]:
        """Return the next batch; the last one ends with ``response.done``."""
        if self._script is None or self.finished:
            return []
        try:
            return next(self._script)
        except StopIteration:
            return self._finish("completed", None)
        except _LimitReachedError:
            return self._finish("incomplete", {"type": "incomplete", "reason": "max_output_tokens"})

    def cancel(self, reason: str = "client_cancelled") -> list[Event]:
        """Return the events that end the response because of `reason` (``client_cancelled``, ``turn_detected``)."""
        return self._finish("cancelled", {"type": "cancelled", "reason": reason})

    def fail(self, message: str, *, code: str = "server_error", kind: str = "server_error") -> list[Event]:
        """Return the events that end the response because the server could not make it, with what it calls that."""
        error = {"type": kind, "code": code, "message": message}
        return self._finish("failed", {"type": "failed", "error": error})

    def _play(self, reply: Reply, audio: bytes) -> Iterator[list[Event]]:
        if reply.text or audio or not reply.calls:
            pieces = pieces_of(reply.text, audio, self.config.output_format.byte_count(PIECE_MS))
            yield from self._play_message(pieces, audio)
        for call in reply.calls:
            yield from self._play_call(call)

    def _play_sentences(self, sentences: SpokenSentences) -> Iterator[list[Event]]:
        yield from self._play_message(sentences, sentences.audio)
        for call in sentences.calls:
            yield from self._play_call(call)

    def _play_message(self, pieces: Iterable[tuple[str, bytes]], audio: bytes | bytearray) -> Iterator[list[Event]]:
        with_audio = self.config.with_audio
        part = ContentPart("output_audio" if with_audio else "output_text", "", audio_format=self.config.output_format)
        item = ConversationItem(self._ids.new("item"), "message", "in_progress", role="assistant")
        place = self._place(item)
        events = self._open_item(item)
        item.parts.append(part)
        self._close_item = lambda status: self._close_message(item, part, audio, status)
        short = {"type": "audio", "transcript": ""} if with_audio else {"type": "text", "text": ""}
        yield [*events, self._events.make("response.content_part.added", **place, content_index=0, part=short)]
        kind = "response.output_audio_transcript.delta" if with_audio else "response.output_text.delta"
        for words, sound in pieces:
            batch: list[Event] = []
            if words or sound:
                self._grow(part, words, len(sound))
            if words:
                batch.append(self._events.make(kind, **place, content_index=0, delta=words))
            if sound:
                delta = binascii.b2a_base64(sound, newline=False).decode()
                batch.append(self._events.make("response.output_audio.delta", **place, content_index=0, delta=delta))
            yield batch
        yield self._close_open("completed")

    def _play_call(self, call: Call) -> Iterator[list[Event]]:
        item = ConversationItem(
            self._ids.new("item"), "function_call", "in_progress", call_id=self._ids.new("call"), name=call.name
        )
        place = {**self._place(item), "call_id": item.call_id}
        self._close_item = lambda status: self._close_call(item, status)
        yield self._open_item(item)
        arguments = call.arguments_json
        for start in range(0, len(arguments), _ARGUMENT_PIECE_CHARS):
            piece = arguments[start : start + _ARGUMENT_PIECE_CHARS]
            self._grow_call(item, piece)
            yield [self._events.make("response.function_call_arguments.delta", **place, delta=piece)]
        yield self._close_open("completed")

    def _open_item(self, item: ConversationItem) -> list[Event]:
        index = len(self._output)
        self._output.append(item)
        added = self._events.make(
            "response.output_item.added", response_id=self.id, output_index=index, item=item.wire()
        )
        if not self.config.in_conversation:
            return [added]
        previous = self._items.append(item)
        return [added, self._events.make("conversation.item.added", previous_item_id=previous, item=item.wire())]

    def _close_open(self, status: str) -> list[Event]:
        close, self._close_item = self._close_item, None
        return close(status) if close else []

    def _close_message(
        self, item: ConversationItem, part: ContentPart, audio: bytes | bytearray, status: str
    ) -> list[Event]:
        part.audio = bytes(audio[: part.audio_bytes])
        place = {**self._place(item), "content_index": 0}
        text = part.text or ""
        if part.is_audio:
            done = [
                self._events.make("response.output_audio.done", **place),
                self._events.make("response.output_audio_transcript.done", **place, transcript=text),
            ]
            short = {"type": "audio", "transcript": text}
        else:
            done = [self._events.make("response.output_text.done", **place, text=text)]
            short = {"type": "text", "text": text}
        part_done = self._events.make("response.content_part.done", **place, part=short)
        events = [*done, part_done, *self._item_done(item, status)]
        if part.cut_at_ms is not None:
            part.cut(part.cut_at_ms)
        return events

    def _close_call(self, item: ConversationItem, status: str) -> list[Event]:
        done = self._events.make(
            "response.function_call_arguments.done",
            **self._place(item),
            call_id=item.call_id,
            name=item.name,
            arguments=item.text,
        )
        return [done, *self._item_done(item, status)]

    def _item_done(self, item: ConversationItem, status: str) -> list[Event]:
        item.status = status
        index = self._output.index(item)
        done = self._events.make("response.output_item.done", response_id=self.id, output_index=index, item=item.wire())
        if not self.config.in_conversation:
            return [done]
        previous = self._items.before(item)
        return [self._events.make("conversation.item.done", previous_item_id=previous, item=item.wire()), done]

    def _finish(self, status: str, details: Event | None) -> list[Event]:
        events = self._close_open("incomplete")
        self.finished = True
        done = self._events.make("response.done", response=self._wire(status, details))
        return [*events, done]

    def _place(self, item: ConversationItem) -> Event:
        index = self._output.index(item) if item in self._output else len(self._output)
        return {"response_id": self.id, "item_id": item.id, "output_index": index}

    def _grow(self, part: ContentPart, words: str, audio_bytes: int) -> None:
        before = (part.text, part.audio_bytes)
        part.text, part.audio_bytes = (part.text or "") + words, part.audio_bytes + audio_bytes
        if self._over_limit():
            part.text, part.audio_bytes = before
            raise _LimitReachedError

    def _grow_call(self, item: ConversationItem, piece: str) -> None:
        before, item.text = item.text, item.text + piece
        if self._over_limit():
            item.text = before
            raise _LimitReachedError

    def _over_limit(self) -> bool:
        limit = self.config.max_output_tokens
        return limit is not None and self._output_tokens().total > limit

    def _output_tokens(self) -> Tokens:
        return summed(item.tokens() for item in self._output)

    def _wire(self, status: str, details: Event | None) -> dict[str, Any]:
        config = self.config
        ended = status != "in_progress"
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [item.wire() for item in self._output],
            "conversation_id": self._conversation_id if config.in_conversation else None,
            "output_modalities": ["audio" if config.with_audio else "text"],
            "max_output_tokens": config.max_output_tokens or "inf",
            "audio": {"output": {"format": format_wire(config.output_format), "voice": config.voice}},
            "usage": self._usage() if ended else None,
            "metadata": self._metadata(),
        }

    def _usage(self) -> dict[str, Any] | None:
        if self.origin is not None:
            return reported_usage(self.origin.input_tokens, self.origin.cached_tokens, self.origin.output_tokens)
        return None if self._input_tokens is None else realtime_usage(self._input_tokens, self._output_tokens())

    def _metadata(self) -> dict[str, str] | None:
        told = {} if self.origin is None else {"tool_mode": str(self.origin.tool_mode)}
        return {**(self.config.metadata or {}), **told} if told or self.config.metadata is not None else None
