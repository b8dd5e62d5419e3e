"""Callers who ask to wait, and then to hear again what they cut short or did not catch."""

from __future__ import annotations

import re
from dataclasses import replace

from evalkit.service.brain.conversation import Conversation, Item, Said, UserTurn

_HOLD = re.compile(
    r"(?:(?:oh|no|okay|sorry|excuse me|wait|hold on|hang on|stop|please|can i stop you there"
    r"|(?:for )?(?:just )?(?:one|a) (?:moment|second|minute))\b[ ,.!?]*)+"
)
_AGAIN = re.compile(
    r"\b(?:say (?:that|it) (?:again|once more)|what did you (?:just )?say|what was that|repeat (?:that|it)|come again"
    r"|go on|carry on|keep going)\b"
)
_MOST_WORDS = 14


def asks_to_wait(conversation: Conversation) -> bool:
    """Whether the caller's last words ask the agent to wait, and for nothing else."""
    return bool(conversation.items) and _asks_to_hold(conversation.items[-1])


def before_interruption(conversation: Conversation) -> Conversation:
    """Return the conversation that is to be answered again, where the caller asks for that; else as it is.

    It ends before what the agent said last; what was said around an interruption is left out with it.
    """
    items: list[Item] = list(conversation.items)
    if not items or not _asks_again(items[-1]):
        return conversation
    while items and (isinstance(items[-1], Said) or _asks_again(items[-1]) or _asks_to_hold(items[-1])):
        items.pop()
    return replace(conversation, items=items) if items else conversation


def _asks_again(item: Item) -> bool:
    if not isinstance(item, UserTurn):
        return False
    text = _plain(item.text)
    return len(text.split()) <= _MOST_WORDS and _AGAIN.search(text) is not None


def _asks_to_hold(item: Item) -> bool:
    return isinstance(item, UserTurn) and _HOLD.fullmatch(_plain(item.text)) is not None


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
