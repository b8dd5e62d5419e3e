"""Words and values of a text."""

from __future__ import annotations

import pytest

from evalkit.service.brain.rules.judge.reading import holds, ids, read, sentences, stems, values


def test_values_and_names_are_hard_and_words_are_stems() -> None:
    """Names are capitalised words inside a sentence."""
    words = read("It goes to Maple Avenue on Monday, as promised.")
    assert [(word.text, word.hard) for word in words] == [
        ("goe", False), ("maple", True), ("ave", True), ("monday", True), ("promis", False),
    ]  # fmt: skip


def test_words_for_the_same_thing_are_one() -> None:
    """Moved and rescheduled, why not."""
    assert stems("moved") == stems("rescheduled")


def test_ids_and_values() -> None:
    """Four digits make an id; leading zeros are part of it."""
    assert ids("order 0071552, 2 items") == ["0071552"]
    assert values("2 items on March 3rd") == {"2", "march-3"}


@pytest.mark.parametrize(("value", "found"), [("9", True), ("8", False), ("march-9", True)])
def test_a_day_is_held_by_its_date(value: str, found: bool) -> None:
    """Monday the 9th is March 9th."""
    assert holds({"march-9"}, value) is found


def test_sentences_end_where_people_stop() -> None:
    """Abbreviations and prices end none."""
    assert sentences("It's 4.95 at St. Mary's. Okay? Yes") == ["It's 4.95 at St. Mary's.", "Okay?", "Yes"]
