"""Numbers, ids, dates and times in one spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.rules.judge.spelling import spell

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("order 4 8 2 1 3, one moment", "order 48213 1 moment"),
        ("zero zero seven, one five five two", "0071552"),
        ("double seven one two", "7712"),
        ("AB-1294", "ab1294"),
        ("A, B, 1 2 9 4, right", "ab1294 right"),
        ("LX 318", "lx318"),
        ("555 014 2783", "5550142783"),
        ("48213, 2 items", "48213 2 items"),
        ("seventy-two days", "72 days"),
        ("a hundred and twenty-nine", "129"),
        ("Thursday, March 5th", "thursday march-5"),
        ("the fifth of March", "the march-5"),
        ("2026-03-05", "march-5"),
        ("16:15", "4:15"),
        ("quarter past four", "4:15"),
        ("ten o'clock", "10:00"),
        ("$23.50", "23.5"),
        ("twenty-three dollars and fifty cents", "23.5"),
        ("", ""),
    ],
)
def test_one_spelling(text: str, tokens: str) -> None:
    """What sounds alike is written alike; what differs in one digit stays different."""
    assert spell(text) == tokens.split()


@given(st.text("0123456789", min_size=4, max_size=9))
def test_an_id_is_the_same_however_it_is_said(digits: str) -> None:
    """Written, digit by digit, or in words: no digit is lost, leading zeros included."""
    assert (
        spell(digits) == spell(" ".join(digits)) == spell(" ".join(WORDS[int(digit)] for digit in digits)) == [digits]
    )


@given(st.text())
def test_any_text_can_be_spelled(text: str) -> None:
    """No text breaks it."""
    spell(text)
