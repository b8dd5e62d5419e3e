"""Spelled ids are put together from what was heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.rules.language.ids import id_parts, read_ids
from evalkit.service.brain.rules.language.words import read_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order 48213", "48213"),
        ("order 4-8-2-1-3", "48213"),
        ("it's four eight two, one three", "48213"),
        ("code B as in boy, double seven, oh, four", "B7704"),
        ("A B 1 2 9 4", "AB1294"),
        ("order A0047", "A0047"),
        ("reference Q, X, 7, P, 2, L", "QX7P2L"),
        ("bravo 4 4 tango 1 2", "B44T12"),
        ("patient number 290, uh, 618", "290618"),
        ("triple zero one five", "00015"),
        ("AB dash 1294", "AB1294"),
        ("order see 2208", "C2208"),
        ("thirty forty one", "3041"),
    ],
)
def test_spelled_ids(text: str, expected: str) -> None:
    """Digits, letters, alphabets, repeats, pauses and dashes give one id."""
    assert [run.text for run in read_ids(read_words(text))] == [expected]


@pytest.mark.parametrize("text", ["I have a question", "see you on the 3rd", "it's 5 pm", "a b", "the second one"])
def test_other_words_are_no_ids(text: str) -> None:
    """Articles, ordinals, times and counting words spell nothing."""
    assert not [run for run in read_ids(read_words(text)) if len(run.text) > 1]


def test_the_part_that_fits_is_taken_at_pauses() -> None:
    """Of two numbers in one breath, each can be taken alone."""
    (run,) = read_ids(read_words("81120, 81121"))
    assert {part.value for part in id_parts(run, r"^\d{5}$")} == {"81120", "81121"}


@given(st.text("0123456789", min_size=4, max_size=12))
def test_digits_said_one_by_one_are_kept(digits: str) -> None:
    """Leading zeros and repeated digits survive."""
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    (run,) = read_ids(read_words("it is " + " ".join(names[int(digit)] for digit in digits)))
    assert run.text == digits


@pytest.mark.parametrize(
    ("text", "value"),
    [("it's 482. One, three, please", "48213"), ("it's 482. Two tickets", "482"), ("it's 482. 13", "48213")],
)
def test_an_id_heard_as_two_sentences_is_one(text: str, value: str) -> None:
    """Digits that end the utterance belong to the id before them; a number of things does not."""
    assert read_ids(read_words(text))[0].text == value
