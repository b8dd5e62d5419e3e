"""The conversation of a session: its items, their order, and what a model sees of them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from evalkit.audio.formats import AudioFormat
from evalkit.service.bad_request import BadRequest
from evalkit.service.brain.conversation import Answered, Called, Said, UserTurn
from evalkit.service.brain.conversation import Item as Seen
from evalkit.service.client_events import Wire
from evalkit.service.token_usage import Tokens, assistant_audio_tokens, summed, text_tokens, user_audio_tokens

ROOT = "root"


@dataclass(eq=False)
class ContentPart:
    """One piece of a message's content.

    Attributes:
        kind: The wire type: ``input_text``, ``input_audio``, ``output_text`` or ``output_audio``.
        text: The text, or the transcript of the audio; None for audio not (yet) transcribed.
        audio: The audio in its wire format.
        audio_format: The format of `audio`.
        audio_bytes: How much audio there was, also where the bytes themselves are not kept.
        heard: What was recognised in a user's audio, None while nothing was yet; what a user had heard of an
            assistant's audio when it was truncated, None when it was not.
        cut_at_ms: Where an assistant's audio is to be truncated as soon as it ends; None: nowhere.
        played_ms: How much of an assistant's audio had been played when somebody cut in, should the client not tell;
            None: nobody did.

    """

    kind: str
    text: str | None = None
    audio: bytes = b""
    audio_format: AudioFormat = AudioFormat.PCM16
    audio_bytes: int = 0
    heard: str | None = None
    cut_at_ms: int | None = None
    played_ms: float | None = None

    @property
    def is_audio(self) -> bool:
        """Whether this part is sound."""
        return self.kind.endswith("audio")

    @property
    def duration_ms(self) -> float:
        """How long the audio plays."""
        return self.audio_format.duration_ms(self.audio_bytes)

    def cut(self, end_ms: int) -> None:
        """Forget the audio after `end_ms`, and for clients the whole transcript."""
        self.heard = _words_until(self.text if self.heard is None else self.heard, end_ms / (self.duration_ms or 1))
        self.audio_bytes = self.audio_format.byte_count(end_ms)
        self.audio, self.text = self.audio[: self.audio_bytes], ""

    def words_heard(self) -> str:
        """Return the words of an assistant that had been heard when it was cut: by the client's word, else ours."""
        if self.heard is not None:
            return self.heard
        return (self.text or "") if self.played_ms is None else self.words_by(self.played_ms)

    def words_by(self, end_ms: float) -> str:
        """Return the words that have been said by `end_ms`."""
        return _words_until(self.text, min(end_ms / (self.duration_ms or 1), 1.0))

    def wire(self, *, with_audio: bool) -> Wire:
        """Return the wire form; audio bytes only when asked for."""
        if not self.is_audio:
            return {"type": self.kind, "text": self.text or ""}
        wire: Wire = {"type": self.kind, "transcript": self.text}
        if with_audio and self.audio:
            wire["audio"] = base64.b64encode(self.audio).decode()
        return wire

    def tokens(self) -> Tokens:
        """Return what this part costs in a context."""
        match self.kind:
            case "input_audio":
                return user_audio_tokens(self.duration_ms)
            case "output_audio":
                return assistant_audio_tokens(self.duration_ms) + text_tokens(self.text or "")
            case _:
                return text_tokens(self.text or "")


@dataclass(eq=False)
class ConversationItem:
    """One item of a conversation: a message, a tool call or a tool's output."""

    id: str
    type: str
    status: str = "completed"
    role: str = ""
    parts: list[ContentPart] = field(default_factory=list)
    call_id: str = ""
    name: str = ""
    text: str = ""
    """The arguments of a call, or the output of a tool, as raw text."""
    is_aside: bool = False
    """Whether it was not said to the model, which is not shown it."""

    def wire(self, *, with_audio: bool = False) -> Wire:
        """Return the item as the protocol shows it."""
        head: Wire = {"id": self.id, "object": "realtime.item", "type": self.type, "status": self.status}
        match self.type:
            case "message":
                return {**head, "role": self.role, "content": [part.wire(with_audio=with_audio) for part in self.parts]}
            case "function_call":
                return {**head, "call_id": self.call_id, "name": self.name, "arguments": self.text}
            case _:
                return {**head, "call_id": self.call_id, "output": self.text}

    def tokens(self) -> Tokens:
        """Return what this item costs in a context."""
        return summed([*(part.tokens() for part in self.parts), text_tokens(self.name), text_tokens(self.text)])

    def truncate(self, content_index: int, audio_end_ms: int) -> None:
        """Forget an assistant's audio after `audio_end_ms`; raises :class:`BadRequest`.

        Its transcript is forgotten too, as the protocol has it: clients see none. The model remembers the words that
        had been said by then. An answer that is still being sent is cut when it ends, which a client that truncates
        sees to by cancelling it.
        """
        if content_index >= len(self.parts) or self.parts[content_index].kind != "output_audio":
            message = "Only the audio of an assistant's message can be truncated."
            raise BadRequest(message, code="invalid_value", param="content_index")
        part = self.parts[content_index]
        if audio_end_ms > part.duration_ms:
            message = f"Audio content of {part.duration_ms:.0f}ms is already shorter than {audio_end_ms}ms."
            raise BadRequest(message, code="invalid_value", param="audio_end_ms")
        if self.status == "in_progress":
            part.cut_at_ms = audio_end_ms
        else:
            part.cut(audio_end_ms)

    def unheard(self) -> list[int]:
        """Return the indexes of the user's audio parts that have not been transcribed."""
        return [index for index, part in enumerate(self.parts) if part.kind == "input_audio" and part.heard is None]

    def seen(self) -> Seen | None:
        """Return what a model sees, None for a system message; every audio part must have been heard."""
        words = " ".join(filter(None, (part.text if part.heard is None else part.heard for part in self.parts)))
        match (self.type, self.role):
            case ("message", "user"):
                return UserTurn(words, is_heard=any(part.is_audio for part in self.parts))
            case ("message", "assistant"):
                was_cut = self.status == "incomplete" or any(
                    part.is_audio and (part.heard is not None or part.played_ms is not None) for part in self.parts
                )
                heard = " ".join(filter(None, (part.words_heard() for part in self.parts)))
                return Said(words, heard if was_cut else None)
            case ("function_call", _):
                return Called(self.call_id, self.name, _arguments(self.text))
            case ("function_call_output", _):
                return Answered(self.call_id, self.text)
            case _:
                return None


class ConversationItems:
    """The items of a conversation, in order."""

    def __init__(self) -> None:
        self._items: list[ConversationItem] = []

    def __iter__(self) -> Iterator[ConversationItem]:
        return iter(self._items)

    @property
    def last_id(self) -> str | None:
        """The newest item's id."""
        return self._items[-1].id if self._items else None

    def find(self, item_id: str) -> ConversationItem | None:
        """Return the item of that id."""
        return next((item for item in self._items if item.id == item_id), None)

    def get(self, item_id: str, doing: str) -> ConversationItem:
        """Return the item of that id, or raise :class:`BadRequest` naming what was being done (``delete``, …)."""
        item = self.find(item_id)
        if item is None:
            message = f"Error: could not {doing} the item: no item with id '{item_id}' exists."
            raise BadRequest(message, code=f"item_{doing}_invalid_item_id", param="item_id")
        return item

    def append(self, item: ConversationItem) -> str | None:
        """Add `item` at the end and return the id of the item before it."""
        previous = self.last_id
        self._items.append(item)
        return previous

    def insert(self, item: ConversationItem, after: str | None) -> str | None:
        """Add `item` after the item `after` (None: at the end, ``root``: first) and return the id before it."""
        if self.find(item.id) is not None:
            message = f"Error: could not create the item: an item with id '{item.id}' already exists."
            raise BadRequest(message, code="item_create_duplicate_item_id", param="item.id")
        if after is None:
            return self.append(item)
        if after == ROOT:
            self._items.insert(0, item)
            return None
        previous = self.find(after)
        if previous is None:
            message = f"Error: could not create the item: no previous item with id '{after}' exists."
            raise BadRequest(message, code="item_create_invalid_previous_item_id", param="previous_item_id")
        self._items.insert(self._items.index(previous) + 1, item)
        return previous.id

    def before(self, item: ConversationItem) -> str | None:
        """Return the id of the item before `item`; None for the first, or when `item` was deleted."""
        index = self._items.index(item) if item in self._items else 0
        return self._items[index - 1].id if index else None

    def remove(self, item: ConversationItem) -> None:
        """Take `item` out."""
        self._items.remove(item)

    def called(self, call_id: str) -> bool:
        """Whether a tool call of that id was made."""
        return any(item.type == "function_call" and item.call_id == call_id for item in self._items)


def item_from_wire(wire: Mapping[str, Any], item_id: str, call_id: str, input_format: AudioFormat) -> ConversationItem:
    """Return the item a client described (already checked); raises :class:`BadRequest` for audio that is not base64.

    Args:
        wire: The client's item.
        item_id: Its id, should the client have given none.
        call_id: Its call id, should a tool call have none.
        input_format: The session's input format, which audio in items has too.

    """
    item = ConversationItem(id=wire.get("id", item_id), type=wire["type"], role=wire.get("role", ""))
    if item.type == "message":
        item.parts = [_part(part, input_format, index) for index, part in enumerate(wire["content"])]
    elif item.type == "function_call":
        item.call_id, item.name, item.text = wire.get("call_id", call_id), wire["name"], wire["arguments"]
    else:
        item.call_id, item.text = wire["call_id"], wire["output"]
    return item


def decode_audio(data: str, param: str) -> bytes:
    """Return the bytes of base64 text; raises :class:`BadRequest`."""
    try:
        return binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:
        message = f"Invalid '{param}': expected base64-encoded audio bytes ({error})."
        raise BadRequest(message, code="invalid_value", param=param) from error


def system_text(items: Iterable[ConversationItem]) -> str:
    """Return the text of the system messages among `items`, a paragraph each."""
    messages = (item for item in items if item.role == "system")
    return "\n\n".join(part.text for item in messages for part in item.parts if part.text)


def _part(wire: Mapping[str, Any], input_format: AudioFormat, index: int) -> ContentPart:
    if wire["type"] in {"input_text", "output_text"}:
        return ContentPart(kind=wire["type"], text=wire["text"])
    audio = decode_audio(wire.get("audio", ""), f"item.content[{index}].audio")
    return ContentPart(wire["type"], wire.get("transcript"), audio, input_format, len(audio))


def _words_until(text: str | None, share: float) -> str:
    words = re.findall(r"\S+\s*", text or "")
    return "".join(words[: int(len(words) * share)]).rstrip()


def _arguments(text: str) -> Mapping[str, Any]:
    try:
        arguments = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return arguments if isinstance(arguments, dict) else {}
