"""Styles change how a caller talks, never what it knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from evalkit.service.brain.rules.caller.manner import Manner, read_manners, say

LINES = (
    "Okay, thank you. I'd like to cancel the order.",
    "The order number is 0040318.",
    "Can you tell me the day, please?",
)


@pytest.mark.parametrize("style", ["Calm and practical.", "In no hurry at all.", "Polite and quick.", "Not impatient."])
def test_plain_styles_leave_the_words_alone(style: str) -> None:
    """What names no manner changes nothing."""
    assert [say(line, read_manners(style), 2) for line in LINES] == list(LINES)


@pytest.mark.parametrize("manner", list(Manner))
def test_no_manner_loses_or_adds_a_number(manner: Manner) -> None:
    """The last number said is the right one, whole; anything before it is the beginning of it."""
    spoken = say(LINES[1], frozenset({manner}), 2)
    numbers = re.findall(r"\d+", spoken)
    assert numbers[-1] == "0040318"
    assert all("0040318".startswith(number) for number in numbers)


def test_shipped_styles_are_understood() -> None:
    """Each style of `conf/simulator` is a manner of its own; callers without one behave, or are the default."""
    found = {}
    for path in sorted((Path(__file__).parents[5] / "conf/simulator").glob("*.yaml")):
        option = yaml.safe_load(path.read_text(encoding="utf-8"))
        if option["style"] is not None:
            found[path.stem] = read_manners(option["style"])
        else:
            assert path.stem == "default" or option["behaviour"], path.stem
    names = {"corrects_himself": Manner.CORRECTS_ITSELF}
    for name, manners in found.items():
        wanted = names.get(name) or Manner(name)
        assert manners == {wanted}, name


def test_impatient_callers_skip_pleasantries() -> None:
    """Neither thanks nor "I'd like to"."""
    assert say(LINES[0], frozenset({Manner.IMPATIENT}), 1) == "I want to cancel the order."
