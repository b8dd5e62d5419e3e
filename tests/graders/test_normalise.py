"""Two texts that say the same thing, brought to the same words."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.graders.normalise import spoken_difference, spoken_words, word_error_rate

SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=3), max_size=6)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Order #48213.", "order four eight two one three"),
        ("48,213", "forty-eight thousand two hundred and thirteen"),
        ("482 13", "48213"),
        ("order 0071552", "order zero zero seven one five five two"),
        ("K7F29", "K seven F twenty nine"),
        ("AB-1294", "AB one two nine four"),
        ("$20.00", "twenty dollars"),
        ("$42.50", "42 dollars and 50 cents"),
        ("I'll check, it's OK", "I will check it is okay"),
        ("the 21st of May", "the twenty-first of May"),
        ("at 3:30 p.m.", "at three thirty pm"),
        ("3.5 %", "three point five percent"),
        ("Um, 27 Maple Ave.", "twenty seven Maple Avenue"),
        ("in 1984", "in nineteen eighty-four"),
        ("a hundred", "100"),
        ("a hundred and nineteen dollars", "$119"),
        ("our thirty-day policy", "our 30-day policy"),
        ("naïve café", "naive cafe"),
    ],
)
def test_what_sounds_the_same_has_the_same_words(one: str, other: str) -> None:
    """Numbers, money, contractions, ordinals, fillers and abbreviations do not depend on spelling."""
    assert spoken_words(one) == spoken_words(other)


@pytest.mark.parametrize(("one", "other"), [("007", "7"), ("48213", "48231"), ("cancel", "cannot"), ("five", "nine")])
def test_what_sounds_different_has_other_words(one: str, other: str) -> None:
    """Leading zeros and the order of digits are heard."""
    assert spoken_words(one) != spoken_words(other)


@given(digits=st.text(string.digits, min_size=1, max_size=12), cuts=st.sets(st.integers(1, 11)))
def test_digits_are_the_same_however_they_are_grouped(digits: str, cuts: set[int]) -> None:
    """An id said in groups is the id said at once, and each digit is one word."""
    spelled = "".join(f" {digit}" if place in cuts else digit for place, digit in enumerate(digits))
    assert spoken_words(spelled) == spoken_words(digits) == [SMALL.split()[int(digit)] for digit in digits]


@given(number=st.integers(0, 999_999))
def test_a_number_in_words_is_the_number_in_digits(number: int) -> None:
    """The reading of number words is right for every number below a million."""
    assert spoken_words(in_words(number)) == spoken_words(str(number))


@given(text=st.text())
def test_words_of_words_are_the_same_words(text: str) -> None:
    """Normalising what is normal changes nothing, and no text breaks it."""
    once = spoken_words(" ".join(spoken_words(text)))
    assert spoken_words(" ".join(once)) == once


@given(reference=WORDS, heard=WORDS)
def test_a_word_error_rate_is_a_distance(reference: list[str], heard: list[str]) -> None:
    """0 for the same words only, and never more errors than the longer text has words."""
    error = word_error_rate(" ".join(reference), " ".join(heard))
    wanted, found = spoken_words(" ".join(reference)), spoken_words(" ".join(heard))
    if error is None:
        assert not wanted
    else:
        assert (error == 0) == (wanted == found)
        assert error * len(wanted) <= max(len(wanted), len(found)) + 1e-9


def test_word_error_rate_counts_errors_per_reference_word() -> None:
    """One of four words wrong is 0.25; more heard than said may exceed 1; no reference has no rate."""
    assert word_error_rate("where is my order", "where is your order") == 0.25
    assert word_error_rate("yes", "no no no") == 3.0
    assert word_error_rate("...", "anything") is None


def test_a_word_heard_in_two_pieces_is_a_small_difference() -> None:
    """Short sentences survive one misheard word; a different sentence does not pass for the same."""
    near, far = spoken_difference("One moment.", "won moment"), spoken_difference("One moment.", "I can't help you")
    assert near is not None
    assert far is not None
    assert near < 0.4 < far
    assert spoken_difference("", "x") is None


def in_words(number: int) -> str:
    """Spell a number below a million, by the rules a schoolbook gives."""
    small = SMALL.split()
    if number < 20:
        return small[number]
    if number < 100:
        return TENS.split()[number // 10] + (f" {small[number % 10]}" if number % 10 else "")
    unit, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = f" {in_words(number % unit)}" if number % unit else ""
    return f"{in_words(number // unit)} {name}{rest}"
