"""What a few words want."""

from __future__ import annotations

import pytest

from evalkit.service.turns.remarks import only_agrees, says_something, takes_the_floor


@pytest.mark.parametrize("text", ["Wait.", "No, wait!", "Stop, please.", "Sorry?", "Hold on."])
def test_words_that_take_the_floor(text):
    """Few words ask somebody who speaks to stop."""
    assert takes_the_floor(text)
    assert not only_agrees(text)


@pytest.mark.parametrize("text", ["", "Mama.", "Hello.", "Okay.", "Yeah, right.", "I'm..."])
def test_words_that_do_not(text):
    """What recognisers make of a murmur does not."""
    assert not takes_the_floor(text)


@pytest.mark.parametrize(
    ("text", "agrees"),
    [
        ("", True),
        ("Oh, okay, I see. Right.", True),
        ("Mm-hmm.", True),
        ("Okay?", False),
        ("Okay, cancel it.", False),
        ("Yes yes yes yes yes yes yes yes yes.", False),
    ],
)
def test_agreement(text, agrees):
    """Who murmurs says nothing new; who asks does, and who goes on and on."""
    assert only_agrees(text) is agrees


@pytest.mark.parametrize(
    ("text", "does"), [("Yes.", True), ("5", True), ("", False), ("Um,", False), ("Ahem.", False), ("I'm...", False)]
)
def test_what_wants_an_answer(text, does):
    """In silence a yes is an answer, and an "um" is none."""
    assert says_something(text) is does
