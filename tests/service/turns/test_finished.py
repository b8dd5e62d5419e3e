"""Whether an utterance sounds finished."""

from __future__ import annotations

import pytest

from evalkit.service.turns.finished import sounds_finished


@pytest.mark.parametrize(
    "text",
    [
        "Where is my order?",
        "Yes.",
        "Yes, it is.",
        "No, I don't want that.",
        "My order number is 4-8-2-1-3.",
        "It's order 48213.",
        "The account number is AB 1294.",
        "My phone number is 555-123-4567.",
        "Please cancel it.",
        "Turn it off.",
        "Mm-hmm.",
        "uh-huh",
        "What is that for?",
        "I need two of them.",
        "It cost 12 dollars.",
        "Table for two at seven.",
        "the code is four eight two one",
    ],
)
def test_whole(text):
    """What stands on its own is whole."""
    assert sounds_finished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "My order number is",
        "My order number is.",
        "My order number is 48",
        "It's order 4, 8, 2.",
        "The account number is A B",
        "Reschedule the delivery of B.",
        "My phone number is 555-123.",
        "My phone number is 555-123-456",
        "I want to, um.",
        "So I was thinking and",
        "I would like to return the",
        "It is broken because",
        "Well,",
        "Could you check my order...",
        "I ordered it on Monday -",
        "the code is four eight",
    ],
)
def test_unfinished(text):
    """What trails off, stops short, or holds no word is not."""
    assert not sounds_finished(text)
