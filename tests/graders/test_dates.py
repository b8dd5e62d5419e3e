"""Calendar dates in their usual spellings."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.graders.dates import CalendarDay, parse_day
from evalkit.graders.matching import match_arguments


@given(day=st.dates(date(1000, 1, 1), date(9999, 12, 31)))
def test_one_day_in_many_spellings(day: date) -> None:
    """Every form that is documented names the same day."""
    month = day.strftime("%B")
    wanted = CalendarDay(day.year, day.month, day.day)
    for spelled in (
        day.isoformat(),
        f"{day.isoformat()}T10:30:00Z",
        f"{day.month}/{day.day}/{day.year:04}",
        f"{month} {day.day}, {day.year:04}",
        f"{day.day} {month[:3]} {day.year:04}",
        f"{day.strftime('%A')}, the {day.day}th of {month}, {day.year:04}",
    ):
        assert parse_day(spelled) == wanted, spelled


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-02-30",
        "13/13/2026",
        "Marchember 3",
        "ma 3",
        "12",
        "in 3 days",
        "10:30",
        "March 2026",
        "Thursday",
        "Thursday in March 2026",
        "the 12th",
        "48213",
    ],
)
def test_what_names_no_day_is_none(text: str) -> None:
    """Relative days, impossible days, parts of a date and other text are not guessed."""
    assert parse_day(text) is None


@given(text=st.text(st.sampled_from("0123456789-/.:, TZmarchonthuy+"), max_size=24) | st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    """Whatever a model put into an argument, it is a day or it is none."""
    day = parse_day(text)
    assert day is None or date(day.year or 2000, day.month, day.day)


def test_a_year_that_is_not_said_is_not_asked_for() -> None:
    """An expected date without a year admits any year; one with a year insists on it."""
    rule = {"d": "date"}
    assert match_arguments({"d": "March 12th"}, {"d": "2026-03-12"}, rule).matched
    assert not match_arguments({"d": "2026-03-12"}, {"d": "March 12th"}, rule).matched
    assert not match_arguments({"d": "2026-03-12"}, {"d": "2025-03-12"}, rule).matched
    assert not match_arguments({"d": "March 12th"}, {"d": "2026-12-03"}, rule).matched


def test_a_leap_day_needs_no_year() -> None:
    """29 February is a day also without a year, and not in every year."""
    assert parse_day("29 February") == CalendarDay(None, 2, 29)
    assert parse_day("29 February 2025") is None
