"""What the assistant said and asked."""

from __future__ import annotations

from typing import Any

import pytest

from evalkit.service.brain.rules.judge.rules import apply_rules

SLOTS = ("find_free_slots", {}, {"free": ["9:00", "16:15"], "doctor": "Dr. Hall"})


@pytest.mark.parametrize(
    ("clause", "said", "met"),
    [
        (
            "tells the caller all the free times that the tool listed",
            "There's nine o'clock and a quarter past four.",
            True,
        ),
        ("tells the caller all the free times that the tool listed", "There's nine o'clock.", False),
        ("repeats the patient number correctly", "Two zero four eight one seven.", True),
        ("repeats the patient number correctly", "Two zero four eight seven one.", False),
        ("asks for the date of birth", "When were you born?", True),
        ("asks for the date of birth", "What's your name?", False),
        ("never asks for a password", "What's your password?", False),
        ("doesn't ask for anything that the caller has already said", "What's your number?", False),
        ("never says that the slot is taken", "The slot is taken.", False),
        ("says whether the doctor is kind", "He is.", None),
    ],
)
def test_sayings(ask: Any, clause: str, said: str, met: bool | None) -> None:
    """Against the caller's words and the tool's answer."""
    question = ask("x", "u: Patient 204817, what's free?", SLOTS, f"a: {said}")
    assert apply_rules(question, f"The assistant {clause}").met is met
