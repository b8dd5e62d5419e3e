"""What a conversation was for those who held it: who said what, as far as the other heard it.

With turn detection a caller who pauses between two sentences makes two user items, and the answer to the first is
cancelled before anybody heard it. So where the session detects turns, a model is not shown the items as they stand:

- what the caller heard less than :data:`MIN_HEARD_MS` of was not said; what was not said to the model neither;
- a tool call that was cancelled before it was whole was not made;
- what a user said, with nothing heard in between, is one utterance, however many items it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from evalkit.service.brain.conversation import Item, UserTurn
from evalkit.service.items import ConversationItem

MIN_HEARD_MS = 1000.0
"""Of what is cut earlier nobody can tell what it would have said."""


def was_heard(item: ConversationItem) -> bool:
    """Whether `item` took place between the two: not an aside, nor an answer or a call that was cut too early."""
    if item.is_aside:
        return False
    if item.type == "function_call":
        return item.status != "incomplete"
    if item.role != "assistant" or not any(part.is_audio for part in item.parts):
        return True
    was_cut = item.status == "incomplete" or any(part.heard is not None for part in item.parts)
    return not was_cut or sum(part.duration_ms for part in item.parts) >= MIN_HEARD_MS


def see(items: Iterable[ConversationItem], *, joins: bool) -> list[Item]:
    """Return what a model sees of `items`, each of which was heard; with `joins` each run of spoken ones as one."""
    seen: list[Item] = []
    speaks_on = False
    for item in items:
        one = item.seen()
        if one is None:
            continue
        before = seen[-1] if seen else None
        is_heard = isinstance(one, UserTurn) and one.is_heard
        if joins and is_heard and speaks_on and isinstance(one, UserTurn) and isinstance(before, UserTurn):
            seen[-1] = UserTurn(" ".join(filter(None, (before.text, one.text))), is_heard=True)
        else:
            seen.append(one)
        speaks_on = is_heard
    return seen
