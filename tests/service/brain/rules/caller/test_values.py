"""Values are the same however they are written."""

from __future__ import annotations

import pytest

from evalkit.service.brain.rules.caller.values import contains, id_of, is_close


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("That's 4 8 2, 1 3.", "48213"),
        ("four eight two one three", "48213"),
        ("I have 555-816-3092.", "555 816 3092"),
        ("at 10:30 AM", "half past ten in the morning"),
        ("on Thursday, March 5th", "March 5th"),
        ("on June 14th", "June 14th, 1984"),
        ("27 Maple Avenue, Apartment 5, in Denver", "27 Maple Avenue, Apartment 5, Denver"),
    ],
)
def test_a_value_is_found_in_other_writing(text: str, value: str) -> None:
    """Ids, times, dates and addresses are compared by what they mean."""
    assert contains(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("48231", "48213"), ("June 14th, 1985", "June 14th, 1984"), ("at 4:15 PM", "half past ten in the morning")],
)
def test_another_value_is_not_found(text: str, value: str) -> None:
    """A near miss is a miss."""
    assert not contains(text, value)


def test_only_ids_are_ids() -> None:
    """Dates, addresses and words with a number are none."""
    assert id_of("555 816 3092") == "5558163092"
    assert [id_of(value) for value in ("2026-03-05", "June 14th, 1984", "27 Maple Avenue", "two people", "71")] == [
        ""
    ] * 5


@pytest.mark.parametrize(
    ("one", "other", "close"), [("48213", "48231", True), ("48213", "4821", True), ("204817", "91350", False)]
)
def test_closeness_is_a_slip_or_two(one: str, other: str, *, close: bool) -> None:
    """Swapped, wrong or missing digits are close, other numbers are not."""
    assert is_close(one, other) is close
