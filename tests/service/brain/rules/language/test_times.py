"""Times of day are read as people say them."""

import pytest

from evalkit.service.brain.rules.language.times import OpenHours, half_said, read_open_hours, read_times, when_open
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


@pytest.mark.parametrize(
    ("text", "unclear"),
    [
        ("at quarter past eight", True),
        ("at 7:30", True),
        ("nine o'clock", True),
        ("quarter past eight in the evening", False),
        ("tonight at eight", False),
        ("at eight for breakfast", False),
        ("at 08:15", False),
        ("half past ten", False),
        ("at three", False),
    ],
)
def test_hours_of_both_halves_of_the_day(text: str, unclear: bool) -> None:
    """Seven, eight and nine may be in the morning and in the evening, unless something tells."""
    assert [one.unclear for one in read_times(read_words(text))] == [unclear]


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ("We are open from 9 am to 6 pm, Monday to Saturday.", [(540, 1080)]),
        ("Opening hours: Monday to Friday from eight to six, Saturday from nine to one.", [(480, 1080), (540, 780)]),
        ("Phone hours: eight in the morning to eight in the evening.", [(480, 1200)]),
        ("The kitchen closes at ten. Dinner is served from 6 pm to 9 pm.", []),
        ("The terrace is open in good weather.", []),
    ],
)
def test_open_hours(instructions: str, expected: list[tuple[int, int]]) -> None:
    """What the instructions say of when somebody is there."""
    assert [(one.opens, one.closes) for one in read_open_hours(instructions)] == expected


@pytest.mark.parametrize(
    ("text", "hours", "expected"),
    [
        ("at quarter past eight", (480, 1080), ("08:15", False)),
        ("at quarter past eight", (1020, 1380), ("20:15", False)),
        ("at quarter past eight", (420, 1380), ("08:15", True)),
        ("at quarter past eight", (600, 720), ("08:15", True)),
        ("tonight at eight", (480, 1080), ("20:00", False)),
        ("at ten", (1080, 1440), ("22:00", False)),
    ],
)
def test_the_half_in_which_somebody_is_there(text: str, hours: tuple[int, int], expected: tuple[str, bool]) -> None:
    """One half that suits is meant; where none or both do, and where the half was said, nothing changes."""
    (one,) = [when_open(one, [OpenHours(*hours)]) for one in read_times(read_words(text))]
    assert (one.text, one.unclear) == expected


def test_the_half_that_an_answer_names() -> None:
    """One half, no half, or both."""
    said = ["In the evening, please.", "PM", "the morning", "eight fifteen", "not in the morning, in the evening"]
    assert [half_said(read_words(one)) for one in said] == ["pm", "pm", "am", "", ""]
