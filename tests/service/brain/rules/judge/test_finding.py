"""Findings of several clauses."""

from __future__ import annotations

import pytest

from evalkit.service.brain.rules.judge.finding import all_of, either


@pytest.mark.parametrize(
    ("parts", "met"),
    [([True, True], True), ([True, False], False), ([True, None], None), ([None, False], False), ([], True)],
)
def test_all_must_hold(parts: list[bool | None], met: bool | None) -> None:
    """One that fails decides, one that is open leaves the whole open."""
    assert all_of([either(part, "why") for part in parts]).met is met


def test_the_opposite() -> None:
    """What is open stays open."""
    assert [either(part, "").inverted().met for part in (True, False, None)] == [False, True, None]
