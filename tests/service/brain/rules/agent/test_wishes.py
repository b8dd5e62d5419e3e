"""What is wanted weighs more than what is told or ruled out."""

import pytest

from evalkit.service.brain.rules.agent.wishes import asks_to_know, demands, is_unsure, wish_weights
from evalkit.service.brain.rules.language.readings import read_utterance


def weight(text: str, word: str) -> float:
    """Return the weight of the last occurrence of `word`."""
    reading = read_utterance(text, None)
    return [
        value for token, value in zip(reading.said.tokens, wish_weights(reading), strict=True) if token.word == word
    ][-1]


def test_what_is_not_wanted_counts_against() -> None:
    """Negated wishes weigh below zero, a no inside of an idea does not."""
    assert weight("I don't want to change my plan", "change") < 0
    assert weight("don't cancel it", "cancel") < 0
    assert weight("the internet is not working", "working") > 0
    assert weight("I don't want it anymore", "want") > 0


def test_the_past_and_the_corrected_weigh_less() -> None:
    """What already happened or was taken back is not what is wanted."""
    assert weight("I already paid the bill", "paid") < weight("please pay the bill", "pay")
    assert weight("Cancel it. Actually, no, just track it please", "cancel") < 1


@pytest.mark.parametrize(
    "text", ["where is it", "Can you tell me when it comes", "is it ready", "I'd like to know the price"]
)
def test_questions(text: str) -> None:
    """Questions ask to know."""
    assert asks_to_know(read_utterance(text, None).said)


@pytest.mark.parametrize("text", ["Is it possible to move it", "please cancel it", "how do I send this back"])
def test_polite_requests_are_no_questions(text: str) -> None:
    """The form of a question may be a request."""
    said = read_utterance(text, None).said
    assert not asks_to_know(said)
    assert demands(said) or text.startswith("Is it")


def test_thinking_aloud() -> None:
    """Who asks what to do wants nothing done yet."""
    assert is_unsure(read_utterance("maybe I should cancel it, what would you do", None).said)
