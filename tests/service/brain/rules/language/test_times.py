"""Times of day are read as people say them."""

import pytest

from evalkit.service.brain.rules.language.times import read_times
from evalkit.service.brain.rules.language.words import read_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at 3 pm", ["15:00"]),
        ("at 3 p.m. please", ["15:00"]),
        ("9:30 am", ["09:30"]),
        ("at 2.30 in the afternoon", ["14:30"]),
        ("half past two", ["14:30"]),
        ("quarter to four", ["15:45"]),
        ("a quarter past eight in the evening", ["20:15"]),
        ("ten in the morning", ["10:00"]),
        ("at noon", ["12:00"]),
        ("at seven thirty tonight", ["19:30"]),
        ("14:45", ["14:45"]),
        ("ten o'clock", ["10:00"]),
        ("from 2 to 4 pm", ["14:00", "16:00"]),
        ("from ten in the morning until noon", ["10:00", "12:00"]),
        ("a table for two", []),
        ("two dollars", []),
    ],
)
def test_readings(text: str, expected: list[str]) -> None:
    """Halves of the day, quarters, ranges and names of hours are understood; counts are no times."""
    assert [one.text for one in read_times(read_words(text))] == expected
