"""What a voice can say."""

from __future__ import annotations

import pytest

from evalkit.datasets.speakable import find_speech_problem


@pytest.mark.parametrize("text", ["?!", "...", "\U0001f600", " \u2014 ", "$%", "\u200b", ""])
def test_what_has_no_word_cannot_be_said(text: str) -> None:
    """Punctuation, emoji and invisible characters alone are named as they stand."""
    problem = find_speech_problem(text)
    assert problem is not None
    assert problem.startswith(f"is {text!r}, which no voice can say")


@pytest.mark.parametrize("text", ["Yes.", "7", "\u4f60\u597d", "\U0001f600 ok"])
def test_a_word_or_a_digit_of_any_script_can_be_said(text: str) -> None:
    """Which languages a voice speaks is the provider's matter."""
    assert find_speech_problem(text) is None
