"""The general lexicon knows that different words say one thing."""

from evalkit.service.brain.rules.language.lexicon import WEAK, ideas_of, weigh_ideas
from evalkit.service.brain.rules.language.words import read_words


def ideas(text: str) -> set[str]:
    """Return all clear ideas of `text`."""
    found = ideas_of(tuple(token.stem for token in read_words(text).tokens))
    return set().union(*found)


def test_synonyms_share_an_idea() -> None:
    """One idea, several words."""
    assert "do:cancel" in ideas("cancel it") & ideas("call it off")
    assert "on:baggage" in ideas("my suitcase") & ideas("the luggage")


def test_phrases_may_be_interrupted() -> None:
    """An object may stand inside a phrase."""
    assert "do:return" in ideas("I want to send the table back")


def test_hints_are_weak() -> None:
    """Words that are said for many things only hint."""
    assert weigh_ideas(("new",))[0]["do:change"] == WEAK
    assert not ideas_of(("new",))[0]
