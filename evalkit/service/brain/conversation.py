"""What an embedded model sees of a conversation, and what it answers. No audio, no protocol, no clock.

The protocol layer turns audio into :class:`UserTurn`, hands the items to a model, and speaks the model's
:class:`Reply`. A model is a pure function of what is here, so the same conversation gets the same reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import orjson


@dataclass(frozen=True)
class UserTurn:
    """A user turn, as recognised or typed.

    Attributes:
        text: The words.
        is_heard: Whether a recogniser wrote them down, so that they may sound like what was said and be something else.
            The same words are the same turn.

    """

    text: str
    is_heard: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Said:
    """An assistant turn, as its transcript has it.

    Attributes:
        text: The words.
        heard: What of them had been heard when it was cut; None: it was not cut. The same words are the same turn.

    """

    text: str
    heard: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Called:
    """A tool call the assistant made."""

    call_id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Answered:
    """What the client answered to a tool call, as the raw text it sent."""

    call_id: str
    output: str


Item = UserTurn | Said | Called | Answered


@dataclass(frozen=True)
class Conversation:
    """Everything a model may decide from.

    Attributes:
        instructions: The session's (or this response's) instructions.
        tools: The session's function tools, each with `name`, `description` and `parameters` (a JSON Schema).
        items: The conversation so far, oldest first.
        tool_choice: ``auto``, ``none``, ``required``, or the name of the one tool to call.
        answer_schema: The JSON Schema that the answer's text is to keep to; None: it may be any text.

    """

    instructions: str
    tools: Sequence[Mapping[str, Any]]
    items: Sequence[Item]
    tool_choice: str = "auto"
    answer_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Call:
    """A tool call to make.

    Attributes:
        name: The tool's.
        arguments: Empty where `written` is no JSON object.
        written: The arguments as a language model wrote them; None: as JSON is written here.

    """

    name: str
    arguments: Mapping[str, Any]
    written: str | None = None

    @property
    def arguments_json(self) -> str:
        """The arguments as text, as they go over the wire."""
        return orjson.dumps(dict(self.arguments)).decode() if self.written is None else self.written


@dataclass(frozen=True)
class Sentence:
    """A part of a reply that is known, and may be spoken, before the rest of it is."""

    text: str


class ToolMode(StrEnum):
    """How a chat model is told of tools; results of different ways are not to be compared.

    ``native``: by the API's own field. ``written``: the same, and it wrote its calls as JSON in place of making them.
    ``json``: in words, and it answers with JSON. ``none``: it had no tools.
    """

    NATIVE = "native"
    WRITTEN = "written"
    JSON = "json"
    NONE = "none"


@dataclass(frozen=True)
class Origin:
    """What is known of a reply that a chat model elsewhere has made.

    Attributes:
        tool_mode: How it was told of tools.
        input_tokens: As its endpoint counts them; None where it does not say.
        cached_tokens: Those among them that came from a cache.
        output_tokens: Its reasoning included.

    """

    tool_mode: ToolMode
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True)
class Reply:
    """What a model answers.

    Attributes:
        text: The words, which are also the transcript. May be empty when only tools are called.
        calls: Tools to call, in order, after the words.
        spoken: What is really synthesised: None for the words themselves, "" for silence.
        is_cut: Whether a limit on tokens ended the words.
        origin: Of a reply that was made elsewhere; None: it was made here.

    """

    text: str
    calls: tuple[Call, ...] = ()
    spoken: str | None = None
    is_cut: bool = False
    origin: Origin | None = None


class Model(Protocol):
    """An embedded model."""

    def __call__(self, conversation: Conversation) -> Reply:
        """Return the reply to `conversation`; deterministic."""
        ...
