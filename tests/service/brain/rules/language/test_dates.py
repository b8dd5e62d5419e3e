"""Dates are counted from the day that the instructions give."""

from datetime import date

import pytest

from evalkit.service.brain.rules.language.dates import read_dates, today_from
from evalkit.service.brain.rules.language.words import read_words

MONDAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on March 12th", "2026-03-12"),
        ("the 16th of March", "2026-03-16"),
        ("the fifth of May", "2026-05-05"),
        ("January 20", "2027-01-20"),
        ("March 3rd, 2025", "2025-03-03"),
        ("June 14th, 1984", "1984-06-14"),
        ("2026-03-12", "2026-03-12"),
        ("3/12/2026", "2026-03-12"),
        ("tomorrow", "2026-03-03"),
        ("the day after tomorrow", "2026-03-04"),
        ("on Thursday", "2026-03-05"),
        ("this Friday", "2026-03-06"),
        ("next Friday", "2026-03-13"),
        ("Tuesday the 10th", "2026-03-10"),
        ("Tuesday, March 10th", "2026-03-10"),
        ("a week from today", "2026-03-09"),
        ("in three days", "2026-03-05"),
        ("in two weeks", "2026-03-16"),
        ("on the 14th", "2026-03-14"),
        ("at the end of the month", "2026-03-31"),
        ("yesterday", "2026-03-01"),
    ],
)
def test_readings(text: str, expected: str) -> None:
    """Absolute, relative and partial dates become calendar dates."""
    assert [str(one.day) for one in read_dates(read_words(text), MONDAY)] == [expected]


def test_without_today_only_full_dates_have_a_value() -> None:
    """Nothing is counted from a clock."""
    found = read_dates(read_words("tomorrow, or March 3rd 2027, or the 5th of May"), None)
    assert [one.day for one in found] == [None, date(2027, 3, 3), None]


def test_a_range_shares_its_month() -> None:
    """The month is often said once for both ends."""
    found = read_dates(read_words("from the 3rd to the 7th of July"), MONDAY)
    assert [str(one.day) for one in found] == ["2026-07-03", "2026-07-07"]


def test_something_past_takes_the_last_such_day() -> None:
    """A day without a year can also lie behind."""
    assert read_dates(read_words("on June 1st"), MONDAY)[0].past == date(2025, 6, 1)


@pytest.mark.parametrize("text", ["I may come", "march on", "the second one", "every 2 weeks", "February 30th"])
def test_no_dates(text: str) -> None:
    """Words that only look like a date are none."""
    assert not [one for one in read_dates(read_words(text), MONDAY) if one.day]


@pytest.mark.parametrize(
    "text", ["Today is Monday, 2 March 2026.", "Today's date is 2026-03-02 (a Monday).", "Current date: March 2, 2026"]
)
def test_today_is_read_from_instructions(text: str) -> None:
    """The ways in which prompts give the date are understood."""
    assert today_from(("You are kind.", text)) == MONDAY
