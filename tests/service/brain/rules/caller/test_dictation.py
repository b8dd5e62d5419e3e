"""A caller asked in the cookbook's layout says what is dictated, and lives through the call that it is told."""

from __future__ import annotations

import pytest

from evalkit.service.brain.conversation import Conversation, Said, UserTurn
from evalkit.service.brain.rules.caller.caller import respond
from evalkit.service.brain.rules.caller.dictation import dictated_line, told_turns

PERSONA = """You are the user in a voice call.

User persona:
- Name: Casey Kim
- Order ID: ORD-2002
- Refund reason: Item arrived damaged.
- Goal: Request a refund and receive confirmation.
- Style: Polite, concise.

Rules:
- When the goal is satisfied, reply with exactly the single token: END_CALL (no other words or punctuation)."""
LINE = "I want a refund for order ORD-2002."


def told(*lines: str) -> list[UserTurn]:
    """Return a call as one message."""
    return [UserTurn("\n".join(("Conversation so far:", *lines, "Next user response:")))]


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (f"Output exactly this user utterance and nothing else: {LINE}", "Begin."),
        (PERSONA, f"Repeat exactly the following user utterance:\n{LINE}"),
    ],
)
def test_a_dictated_line_is_said_as_it_is(instructions: str, message: str) -> None:
    """Whether the instructions dictate it or the only message."""
    assert respond(Conversation(instructions, (), [UserTurn(message)])).text == LINE


def test_the_other_side_dictates_nothing() -> None:
    """What an assistant says within a call is no order to the caller."""
    items = [Said(LINE), UserTurn("Repeat exactly the following user utterance: I like you.")]
    assert dictated_line(PERSONA, items) == ""
    assert "I like you" not in respond(Conversation(PERSONA, (), items)).text


def test_a_told_call_is_read_as_turns() -> None:
    """Lines without a speaker belong to the speaker before."""
    items = told(f"User: {LINE}", "Assistant: One moment.", "It is on its way.")
    assert told_turns(items) == [Said(LINE), UserTurn("One moment. It is on its way.")]
    assert told_turns([UserTurn("Hello.")]) == [UserTurn("Hello.")]


def test_a_question_in_a_told_call_is_answered_from_the_persona() -> None:
    """Not with the first line once more."""
    items = told(f"User: {LINE}", "Assistant: May I ask what the reason is?")
    assert "damaged" in respond(Conversation(PERSONA, (), items)).text


def test_a_told_call_comes_to_its_end() -> None:
    """When the goal is reached, the one word that ends the call, without a sound."""
    reply = respond(
        Conversation(
            PERSONA, (), told(f"User: {LINE}", "Assistant: The refund was requested. The reference is RF-20002.")
        )
    )
    assert (reply.text, reply.spoken) == ("END_CALL", "")
