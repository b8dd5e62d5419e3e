"""`local-caller`: the other end of the line, played from a persona prompt.

It sits behind the same protocol as the agent: the persona is in the instructions, what it hears is :class:`UserTurn`,
what it said is :class:`Said`. The conversation is read again for every reply, so a reply depends on nothing else.
Other layouts of the same are read too (:mod:`.dictation`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from evalkit.service.brain.conversation import Conversation, Item, Reply, Said, UserTurn
from evalkit.service.brain.rules.caller.dictation import dictated_line, told_turns
from evalkit.service.brain.rules.caller.manner import read_manners, say
from evalkit.service.brain.rules.caller.persona import read_persona
from evalkit.service.brain.rules.caller.phone_call import END_CALL, PhoneCall


def respond(conversation: Conversation) -> Reply:
    """Return what the caller says next; ``END_CALL`` alone, without a sound, when it hangs up."""
    line = dictated_line(conversation.instructions, conversation.items)
    if line:
        return Reply(line)
    persona = read_persona(_plain(conversation.instructions))
    opening, heard = read_turns(told_turns(conversation.items))
    call = PhoneCall(persona, opening)
    for text in heard:
        line = call.hear(text)
    if not heard:
        line = call.open()
    if line == END_CALL:
        return Reply(END_CALL, spoken="")
    return Reply(say(line, read_manners(persona.style), len(heard)))


def read_turns(items: Sequence[Item]) -> tuple[str, list[str]]:
    """Return what the caller said before the other side spoke, and the other side's turns.

    Messages in a row are one turn; a turn that the caller answered with nothing in between stays a turn of its own.
    """
    opening: list[str] = []
    heard: list[str] = []
    goes_on = False
    for item in items:
        if isinstance(item, Said):
            goes_on = False
            if not heard:
                opening.append(_plain(item.text))
        elif isinstance(item, UserTurn):
            text = _plain(item.text)
            if goes_on:
                heard[-1] = f"{heard[-1]} {text}"
            else:
                heard.append(text)
            goes_on = True
    return " ".join(opening).strip(), heard


def _plain(text: str) -> str:
    """Return `text` without digits that are no decimals ("2" for a superscript two), which no number reader expects."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(" " if char.isdigit() and not char.isdecimal() else char for char in normal)
