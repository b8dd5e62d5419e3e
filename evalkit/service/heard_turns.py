"""What a conversation was for those who held it: who said what, as far as the other heard it.

With turn detection a caller who pauses between two sentences makes two user items, and the answer to the first is
cancelled before anybody heard it. So where the session detects turns, a model is not shown the items as they stand:

- what the caller heard less than :data:`MIN_HEARD_MS` of was not said;
- a tool call that was cancelled before it was whole was not made;
- user items with nothing heard between them are one utterance.
"""

from __future__ import annotations

from collections.abc import Iterable

from evalkit.service.brain.conversation import Item, UserTurn
from evalkit.service.items import ConversationItem

MIN_HEARD_MS = 1000.0
"""Of what is cut earlier nobody can tell what it would have said."""


def was_heard(item: ConversationItem) -> bool:
    """Whether `item` took place: True for all but answers and calls that were cut too early."""
    if item.type == "function_call":
        return item.status != "incomplete"
    if item.role != "assistant" or not any(part.is_audio for part in item.parts):
        return True
    was_cut = item.status == "incomplete" or any(part.heard is not None for part in item.parts)
    return not was_cut or sum(part.duration_ms for part in item.parts) >= MIN_HEARD_MS


def join_utterances(seen: Iterable[Item]) -> list[Item]:
    """Return the items with each run of user turns made one."""
    joined: list[Item] = []
    for item in seen:
        before = joined[-1] if joined else None
        if isinstance(item, UserTurn) and isinstance(before, UserTurn):
            joined[-1] = UserTurn(" ".join(filter(None, (before.text, item.text))))
        else:
            joined.append(item)
    return joined
