"""Patterns of strangers on texts of strangers: both may be bad, and neither holds anybody up."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from evalkit.records.patterns import LOOKED_AT, find_pattern_problem, matches

CATASTROPHES = [r"(a+)+$", r"(a|a)*b", r"(.*a){20}c", r"^(([a-z])+.)+[A-Z]([a-z])+$", r"(x+x+)+y"]


@pytest.mark.parametrize("pattern", CATASTROPHES)
def test_a_catastrophe_ends_within_a_second(pattern: str) -> None:
    """It answers in time, or says that it could not."""
    began = time.process_time()
    with suppress(TimeoutError):
        assert not matches(pattern, "a" * 40 + "x" * 30_000 + "!")
    assert time.process_time() - began < 1


def test_some_pattern_runs_into_the_limit() -> None:
    """Else the test above would prove nothing."""
    with pytest.raises(TimeoutError):
        matches(r"(x+x+)+(y+y+)+z", "x" * 5_000 + "y" * 5_000)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [("^b$", "a\nb\nc", True), (r"\Ab", "a\nb", False), ("A", "a", False), ("(?i)A", "a", True), ("", "", True)],
)
def test_a_pattern_is_looked_for_on_every_line(pattern: str, text: str, found: bool) -> None:
    """Somewhere in the text, with regard to case."""
    assert matches(pattern, text) is found


def test_only_the_end_of_a_long_text_is_looked_at() -> None:
    """So much of it that no ordinary reply is cut."""
    assert not matches("needle", "needle" + "x" * LOOKED_AT)
    assert matches("needle", "x" * LOOKED_AT + "needle")


@pytest.mark.parametrize("pattern", ["(", "[a", "*", r"(?P<a>x)(?P<a", "a{2,1}"])
def test_what_is_no_pattern_is_said(pattern: str) -> None:
    """With where it is wrong."""
    assert "position" in find_pattern_problem(pattern)
    assert find_pattern_problem(r"\d+ files?") == ""
