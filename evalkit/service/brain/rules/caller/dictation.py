"""What a caller's model is asked in other layouts than ours: a line to say as it is, and a call told as one text.

The Realtime evals cookbook keeps no conversation at its simulator: the first turn is dictated ("Output exactly this
user utterance and nothing else: …"), and for every later one the call so far is written into a single message::

    Conversation so far:
    User: I want a refund for order ORD-2002.
    Assistant: Could you tell me the reason?
    Next user response:
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from evalkit.service.brain.conversation import Item, Said, UserTurn

_DICTATED = re.compile(
    r"^(?:please )?(?:output|say|repeat|speak|reply with|read(?: out)?) exactly (?:this|the following)\b[^:\n]*:\s*"
    r"(?P<line>\S.*)$",
    re.IGNORECASE | re.DOTALL,
)
_TOLD = re.compile(
    r"^conversation so far:\s*\n(?P<lines>.*?)(?:^next (?:user|caller|customer) (?:response|turn|utterance):?\s*)?\Z",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
_SPEAKER = re.compile(r"^(?P<who>user|caller|customer|assistant|agent): ?(?P<text>.*)$", re.IGNORECASE)
_OTHER_SIDE = frozenset({"assistant", "agent"})


def dictated_line(instructions: str, items: Sequence[Item]) -> str:
    """Return the line that the caller is told to say as it is; "" where none is."""
    found = next(filter(None, (_DICTATED.match(text.strip()) for text in (instructions, _only_message(items)))), None)
    return found["line"].strip() if found else ""


def told_turns(items: Sequence[Item]) -> list[Item]:
    """Return the call that the only message tells, as the caller lived it; the items themselves where it tells none."""
    told = _TOLD.match(_only_message(items).strip())
    if told is None:
        return list(items)
    turns: list[tuple[bool, list[str]]] = []
    for line in told["lines"].splitlines():
        named = _SPEAKER.match(line)
        if named:
            turns.append((named["who"].lower() in _OTHER_SIDE, [named["text"]]))
        elif turns:
            turns[-1][1].append(line)
    return [(UserTurn if is_other else Said)(" ".join(lines).strip()) for is_other, lines in turns]


def _only_message(items: Sequence[Item]) -> str:
    """Return the message that is all there is: what follows on others is what the other side said, and no request."""
    return items[0].text if len(items) == 1 and isinstance(items[0], UserTurn) else ""
