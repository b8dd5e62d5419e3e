"""What a caller takes back is noticed."""

import pytest

from evalkit.service.brain.rules.language.corrections import correction_points, is_negated
from evalkit.service.brain.rules.language.words import read_words


@pytest.mark.parametrize(
    "text",
    [
        "It's 31845, sorry, 31854",
        "on Monday, no, wait, Tuesday",
        "for two, actually make that three",
        "I mean the blue one, I meant red",
        "number 55120 no sorry 55210 please",
    ],
)
def test_corrections_are_found(text: str) -> None:
    """Sorry, no, I meant and the like begin a correction."""
    assert correction_points(read_words(text))


@pytest.mark.parametrize(
    "text", ["Sorry to bother you, it's about my order", "No, thanks", "I have no idea where it is"]
)
def test_other_words_correct_nothing(text: str) -> None:
    """Politeness and plain negation are no corrections."""
    assert not correction_points(read_words(text))


@pytest.mark.parametrize("text", ["not Tuesday", "instead of Tuesday", "rather than on Tuesday", "not on Tuesday"])
def test_what_is_ruled_out(text: str) -> None:
    """A value after "not" or "instead of" is not meant."""
    said = read_words(text)
    assert is_negated(said, len(said.tokens) - 1)
