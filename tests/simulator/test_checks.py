"""Cheap checks of one caller turn: what they find, and what they must let pass."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.simulator.checks import CallerProblem, find_problem
from evalkit.simulator.conversation import Exchange
from evalkit.simulator.persona import Persona

PERSONA = Persona(
    """# Facts
Name: Tom Becker
Order number: 49903
New delivery day: March 12th

# Goal
- Have the delivery of the order moved to March 12th.

# Style
Calm and practical.

# Rules
- You are the caller, on the phone. Everything you say is heard, nothing is read: no lists, no symbols.
- Speak only as the caller. Never act as the assistant, never offer help, never answer your own question.
- When your goal is settled, say END_CALL and nothing else.
"""
)
SOUND = (8000 * np.sin(np.arange(4800) / 10)).astype(np.int16)
GREETED = Exchange("Can you move my delivery?", "Sure. Could you tell me the order number, please?")


def _problem(text: str, *past: Exchange, persona: Persona = PERSONA) -> CallerProblem | None:
    found = find_problem(text, SOUND, 24_000, persona, past or (GREETED,))
    return found.problem if found else None


@pytest.mark.parametrize(
    "text",
    [
        "It's 49903.",
        "The order number is four nine nine, zero three.",
        "No, that's wrong, it's 49903.",
        "March 12th would be good, that's the 12th of March.",
        "My name is Tom Becker.",
        "Could you tell me whether there is anything else you need?",
        "I have already cancelled the other one.",
        "Is there someone who can help me?",
        "Let me check. Here it is, 49903.",
        "I'm calling about my delivery. I need help with it.",
        "Thank you, that was very helpful. Goodbye.",
        "It's 49904, no, sorry, 49903.",
        "Yes.",
    ],
)
def test_what_callers_say_passes(text: str) -> None:
    """Facts of the persona, corrections, thanks, questions."""
    assert _problem(text) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("How can I help you today?", CallerProblem.ROLE_SWAP),
        ("Thank you for calling the shop.", CallerProblem.ROLE_SWAP),
        ("Is there anything else I can help you with?", CallerProblem.ROLE_SWAP),
        ("I'd be happy to help with that.", CallerProblem.ROLE_SWAP),
        ("Let me look that up for you.", CallerProblem.ROLE_SWAP),
        ("Sure. Could you tell me the order number, please?", CallerProblem.ROLE_SWAP),
        ("Assistant: what is the number?", CallerProblem.ROLE_SWAP),
        ("As an AI I have no order.", CallerProblem.LEAKED_INSTRUCTIONS),
        ("My instructions are to ask for the order.", CallerProblem.LEAKED_INSTRUCTIONS),
        ("I speak only as the caller, never act as the assistant, never offer.", CallerProblem.LEAKED_INSTRUCTIONS),
        ("Great, thanks. END_CALL", CallerProblem.LEAKED_INSTRUCTIONS),
        ("It's 49904.", CallerProblem.INVENTED_FACT),
        ("It's 49904, not 49903.", CallerProblem.INVENTED_FACT),
        ("Make it March 14th.", CallerProblem.INVENTED_FACT),
        ("My name is Anna Lopez.", CallerProblem.INVENTED_FACT),
        ("   ", CallerProblem.SILENCE),
    ],
)
def test_what_no_caller_says_is_found(text: str, problem: CallerProblem) -> None:
    """Each problem by its own name."""
    assert _problem(text) == problem


def test_sound_without_speech_is_silence() -> None:
    """Whatever the transcript claims."""
    found = find_problem("It's 49903.", np.zeros(4800, dtype=np.int16), 24_000, PERSONA, (GREETED,))
    assert found is not None
    assert found.problem is CallerProblem.SILENCE


def test_what_the_assistant_named_may_be_said_back() -> None:
    """A number or a day is invented only when nobody named it before."""
    offered = Exchange("When?", "I have March 14th, reference 77123.")
    assert _problem("March 14th is fine, and the reference was 77123?", offered) is None


def test_the_same_again_is_repetition_only_when_nobody_asked() -> None:
    """An assistant that asks again, or says the same again, gets the same answer by its own fault."""
    said = "Please move it to March 12th."
    before = Exchange("Hello there, it's Tom.", "Hello.")
    told = Exchange(said, "It is moved to March 12th, all done.")
    assert _problem(said, before, told) == CallerProblem.REPETITION
    assert _problem(said, Exchange(said, "Done. Is there anything else I can do?")) == CallerProblem.REPETITION
    asked = Exchange(said, "Which day was it, once more?")
    assert _problem(said, before, asked) is None
    stuck = Exchange(said, "That is not possible.")
    assert _problem(said, Exchange(said, "That is not possible."), stuck) is None
