"""What an embedded model sees of a conversation, and what it answers. No audio, no protocol, no clock.

The protocol layer turns audio into :class:`UserTurn`, hands the items to a model, and speaks the model's
:class:`Reply`. A model is a pure function of what is here, so the same conversation gets the same reply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class UserTurn:
    """A user turn, as recognised or typed."""

    text: str


@dataclass(frozen=True)
class Said:
    """An assistant turn, as its transcript has it."""

    text: str


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

    """

    instructions: str
    tools: Sequence[Mapping[str, Any]]
    items: Sequence[Item]
    tool_choice: str = "auto"


@dataclass(frozen=True)
class Call:
    """A tool call to make."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What a model answers.

    Attributes:
        text: The words, which are also the transcript. May be empty when only tools are called.
        calls: Tools to call, in order, after the words.
        spoken: What is really synthesised: None for the words themselves, "" for silence.
        is_cut: Whether a limit on tokens ended the words.

    """

    text: str
    calls: tuple[Call, ...] = ()
    spoken: str | None = None
    is_cut: bool = False


class Model(Protocol):
    """An embedded model."""

    def __call__(self, conversation: Conversation) -> Reply:
        """Return the reply to `conversation`; deterministic."""
        ...
