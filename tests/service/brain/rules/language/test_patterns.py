"""Ids are fitted to the shape that a schema gives."""

import pytest

from evalkit.service.brain.rules.language.patterns import conform, matches


@pytest.mark.parametrize(
    ("heard", "pattern", "value"),
    [
        ("48213", r"^\d{5}$", "48213"),
        ("AB1294", r"^[A-Z]{2}-\d{4}$", "AB-1294"),
        ("55210", r"^TX-\d{5}$", "TX-55210"),
        ("TX55210", r"^TX-\d{5}$", "TX-55210"),
        ("2208", r"^C\d{4}$", "C2208"),
        ("O81426", r"^\d{6}$", "081426"),
        ("12O45", r"^\d{5}$", "12045"),
        ("123", r"^\d{5}$", None),
        ("20260312", r"^\d{4}-\d{2}-\d{2}$", "2026-03-12"),
        ("anything", "", "anything"),
    ],
)
def test_conform(heard: str, pattern: str, value: str | None) -> None:
    """Dashes and prefixes are put in, look-alikes exchanged, and what can't fit is refused."""
    assert conform(heard, pattern) == value


def test_a_fixed_prefix_takes_the_place_of_no_other() -> None:
    """Where other letters were said before the digits, the prefix is not put there instead."""
    assert conform("0375", r"^DK\d{4}$") == "DK0375"
    assert conform("0375", r"^DK\d{4}$", adds_prefix=False) is None
    assert conform("BR0375", r"^DK\d{4}$") is None


def test_a_broken_pattern_excludes_nothing() -> None:
    """A pattern that is no regular expression is as good as none."""
    assert matches("anything", "([")
