"""E-mail, phone and street addresses are found as said."""

import pytest

from evalkit.service.brain.rules.language.contacts import read_addresses, read_emails, read_phones, read_streets
from evalkit.service.brain.rules.language.ids import read_ids
from evalkit.service.brain.rules.language.words import read_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("send it to john dot smith at example dot com please", "john.smith@example.com"),
        ("it's anna.keller@example.com.", "anna.keller@example.com"),
        ("my email is nina.westatexample.org.", "nina.west@example.org"),
    ],
)
def test_emails(text: str, expected: str) -> None:
    """Written, spoken and half-written addresses are the same."""
    assert [span.value for span in read_emails(read_words(text))] == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's 27 Maple Avenue, Apartment 5, Denver.", "27 Maple Avenue, Apartment 5, Denver"),
        ("at 14 Birch Lane in Dover starting next week", "14 Birch Lane, Dover"),
        ("to 9 Harbor Road, Unit B, Portland?", "9 Harbor Road, Unit B, Portland"),
        ("1360 Lincoln Drive, Madison, zip code 537-11.", "1360 Lincoln Drive, Madison, 53711"),
        ("order 35526 to 82 River Lane, Austin", "82 River Lane, Austin"),
        ("600 Market Street, Sweet 210, Oakland", "600 Market Street, Suite 210, Oakland"),
    ],
)
def test_addresses(text: str, expected: str) -> None:
    """An address goes from the house number to the city or the zip code."""
    assert [span.value for span in read_addresses(read_words(text))] == [expected]


def test_no_address_without_a_street() -> None:
    """Numbers before other words are no addresses."""
    assert not read_addresses(read_words("I need 3 towels in room 12, please"))


def test_streets_alone() -> None:
    """A street can be named without a house number."""
    assert [span.value for span in read_streets(read_words("a pothole on Cedar Street"))] == ["Cedar Street"]


def test_phone_numbers() -> None:
    """Seven and more digits may be a phone number."""
    runs = read_ids(read_words("call 555 014 2783, it's about order 4821"))
    assert [span.value for span in read_phones(runs)] == ["5550142783"]
