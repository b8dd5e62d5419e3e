"""The call as the caller knows it: who said what, in order. Both sides' words, no tools, no sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_UNINTELLIGIBLE = "(inaudible)"


@dataclass(frozen=True)
class Exchange:
    """What the caller said and what the assistant answered; an assistant that spoke first answered nothing said."""

    caller: str
    assistant: str

    @property
    def heard(self) -> str:
        """What the caller heard of the assistant; sound without words is not understood."""
        return self.assistant.strip() or _UNINTELLIGIBLE


def realtime_items(past: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Return the call as items of a realtime response: the caller's model is its own assistant, the other its user."""
    items: list[dict[str, Any]] = []
    for exchange in past:
        said = {"type": "output_text", "text": exchange.caller}
        heard = {"type": "input_text", "text": exchange.heard}
        if exchange.caller:
            items.append({"type": "message", "role": "assistant", "content": [said]})
        items.append({"type": "message", "role": "user", "content": [heard]})
    return items


def text_messages(past: Sequence[Exchange]) -> list[dict[str, Any]]:
    """Return the same as input messages of the Responses API."""
    return [
        {"role": role, "content": text}
        for exchange in past
        for role, text in (("assistant", exchange.caller), ("user", exchange.heard))
        if text
    ]
