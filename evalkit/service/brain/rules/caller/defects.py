"""Callers that are wrong in exactly one way, for calibrating the checks that a caller stays a caller.

Each is a transformation of what the caller below it really decided, from its second turn on (the first is often given
word for word). They never hang up: a call that has ended shows no defect.
"""

from __future__ import annotations

from collections.abc import Callable

from evalkit.service.brain.conversation import Conversation, Model, Reply, Said
from evalkit.service.brain.rules.caller.persona import CallerPersona, read_persona
from evalkit.service.brain.rules.caller.values import id_of, label

_AS_AGENT = (
    "Thank you for calling. How can I help you today?",
    "Of course, let me look that up for you. One moment, please.",
    "I've found it in our system. Is there anything else I can help you with?",
)
_LAST_WORDS = "All right, that's all I needed to know."
_MOST_LEAKED = 300


def swapping_roles(caller: Model) -> Model:
    """Return a caller that talks like an agent."""
    return _from_second_turn(caller, lambda _right, conversation: _AS_AGENT[_turn(conversation) % len(_AS_AGENT)])


def silent(caller: Model) -> Model:
    """Return a caller that says nothing."""
    return _from_second_turn(caller, lambda _right, _conversation: "")


def leaking(caller: Model) -> Model:
    """Return a caller that reads its instructions aloud."""
    return _from_second_turn(caller, lambda _right, conversation: _leaked(conversation.instructions))


def inventing(caller: Model) -> Model:
    """Return a caller that says an id which contradicts the persona."""
    return _from_second_turn(caller, lambda _right, conversation: _invented(read_persona(conversation.instructions)))


def repeating(caller: Model) -> Model:
    """Return a caller that says the same last words again and again, whatever it is answered."""
    return _from_second_turn(caller, lambda _right, _conversation: _LAST_WORDS)


def _from_second_turn(caller: Model, words: Callable[[Reply, Conversation], str]) -> Model:
    def reply(conversation: Conversation) -> Reply:
        right = caller(conversation)
        if not _turn(conversation):
            return right
        text = words(right, conversation)
        return Reply(text) if text else Reply("", (), "")

    return reply


def _turn(conversation: Conversation) -> int:
    """Return how many turns the caller had."""
    return sum(isinstance(item, Said) for item in conversation.items)


def _leaked(instructions: str) -> str:
    words = " ".join(instructions.replace("#", " ").split())
    return f"My instructions are as follows. {words[:_MOST_LEAKED]}".strip()


def _invented(persona: CallerPersona) -> str:
    """Return a sentence with an id of the persona, every digit another one; an invented id where it has none."""
    for fact in persona.facts:
        if id_of(fact.value):
            other = "".join(str((int(char) + 5) % 10) if char.isdigit() else char for char in fact.value)
            return f"The {label(fact.key)} is {other}."
    return "My customer number is 9071653."
