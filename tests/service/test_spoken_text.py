"""How written text is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.spoken_text import is_speakable, spell_digits, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("My order is AB-1294.", "My order is A, B, one two nine four."),
        ("Order #48213 please", "Order number, four eight two, one three please"),
        ("Order number #48213", "Order number, four eight two, one three"),
        ("ticket B-4471", "ticket B, four four seven one"),
        ("order 0071", "order, zero zero seven one"),
        ("it is 007", "it is, zero zero seven"),
        ("my number is 555-123-4567", "my number is, five five five, one two three, four five six seven"),
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("+15551234567", "plus one five five, five one two, three four five, six seven"),
        ("X7K9Q2", "X, seven, K, nine, Q, two"),
        ("ORDER-48213", "ORDER, four eight two, one three"),
        ("policy PN-0099-213", "policy P, N, zero zero nine nine, two one three"),
        ("zip code 02139", "zip code, zero two one, three nine"),
        ("Order 1294, please", "Order, one two nine four, please"),
        ("my id is ab1294", "my id is A, B, one two nine four"),
        ("It's number 558 204.", "It's number, five five eight, two zero four."),
        ("it is 204 881 930, I think", "it is, two zero four, eight eight one, nine three zero, I think"),
        ("reference 159083", "reference, one five nine, zero eight three"),
    ],
)
def test_ids_are_spelled(written, said):
    """Ids are said as characters, digits in groups of three."""
    assert spoken(written) == said


@pytest.mark.parametrize(
    "text",
    [
        "It costs $48,213.50, 20 percent less than 60000 dollars.",
        "48,213 people came, 3.5% more than in 1998.",
        "On 12/11/2026 or 2026-11-20 at 7:30 pm, 5pm or the 1st.",
        "I live at 1420 Elm Street, apartment 4B, since mid-2024.",
        "COVID-19 was the top-10 story, 24/7, for 5-7 days.",
        "Write to a1234@example.com or see https://example.com/12345.",
        "Two of the 12 parts, 100000 in all, are version 2.10.3.",
        "There is nothing here to spell.",
        "In 2024 300 people came at 10 30.",
    ],
)
def test_the_rest_is_left_alone(text):
    """Amounts, dates, times, years, small numbers and words are the voice's own business."""
    assert spoken(text) == text


@given(st.text(alphabet="0123456789", min_size=1, max_size=12))
def test_no_digit_is_lost(digits):
    """Every digit is said once, in order, in groups of one to four."""
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    said = spell_digits(digits)
    assert "".join(str(names.index(word)) for word in said.replace(",", "").split()) == digits
    assert all(1 <= len(group.split()) <= 4 for group in said.split(", "))


@given(st.text(max_size=60))
def test_any_text(text):
    """Any text can be said, and text without digits is unchanged."""
    said = spoken(text)
    if not any(char.isdigit() for char in text):
        assert said == text


@pytest.mark.parametrize(
    ("text", "expected"), [("Café 7", True), ("é", True), ("...", False), ("你好", False), ("", False)]
)
def test_what_has_a_sound(text, expected):
    """A letter of the Latin alphabet, with or without an accent, or a digit can be said."""
    assert is_speakable(text) is expected
