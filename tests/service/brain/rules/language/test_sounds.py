"""Words are told apart by how they sound."""

import pytest

from evalkit.service.brain.rules.language.sounds import distance, nearly_alike, pronunciations, sound_alike, sounds


def test_a_word_may_be_pronounced_in_several_ways() -> None:
    """The dictionary's variants are all known; a word that it lacks has none, and no sound."""
    assert pronunciations("hire") == (("HH", "AY", "ER"), ("HH", "AY", "R"))
    assert pronunciations("corren") == ()
    assert sounds(("corren", "white")) == frozenset()


@pytest.mark.parametrize(
    ("word", "other", "alike"), [("hire", "higher", True), ("mill", "mil", True), ("pest", "pass", False)]
)
def test_homophones(word: str, other: str, alike: bool) -> None:
    """What is written differently and pronounced alike."""
    assert sound_alike(word, other) is alike


@pytest.mark.parametrize(
    ("word", "other", "nearly"),
    [("receipt", "recede", True), ("daily", "deli", True), ("pruning", "bringing", False), ("corren", "karen", False)],
)
def test_what_is_easily_misheard(word: str, other: str, nearly: bool) -> None:
    """One phoneme may be another that is made alike; more of them make another word."""
    assert nearly_alike(word, other) is nearly


def test_distance_counts_sounds() -> None:
    """Vowels are one sound, so only the lost T counts; a word without a sound is far from all."""
    assert distance(["pass", "check"], ["pest", "check"]) == 1
    assert distance(["corren"], ["karen"]) > 90
