"""Phrases of phone calls."""

from __future__ import annotations

import pytest

from evalkit.service.brain.rules.judge import manners


@pytest.mark.parametrize("text", ["What's your name?", "Could you tell me the number", "I just need your address."])
def test_questions(text: str) -> None:
    """With or without a question mark."""
    assert manners.is_question(text)


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ("Yes, please.", True),
        ("Sure, go ahead.", True),
        ("No.", False),
        ("Yes, wait, no.", False),
        ("Well, my dog", False),
    ],
)
def test_agreement(text: str, agrees: bool) -> None:
    """A yes that is taken back is none."""
    assert manners.agrees(text) is agrees


def test_kinds_of_sentences() -> None:
    """Denials, plans, conditions, offers, refusals and doubts are told apart."""
    assert manners.is_negated("It isn't.")
    assert manners.is_pending("I'll do it.")
    assert manners.is_conditional("If you like.")
    assert manners.is_offer("Shall I?")
    assert not manners.is_offer("I can't do that.")
    assert manners.is_refusal("I can't do that.")
    assert manners.hesitates("I might cancel it.")
