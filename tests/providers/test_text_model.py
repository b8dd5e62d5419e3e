"""What both text APIs share: an answer's end, its reasoning, its bounds, and what is unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import CaseFailure
from evalkit.providers.text_model import (
    Answer,
    AnswerCut,
    as_mapping,
    as_sequence,
    reported_cost_usd,
    split_thought,
    token_count,
)
from evalkit.records.record import Usage


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("Forty-two.", "", "Forty-two."),
        ("<think>\nHm.\n</think>\n\nForty-two.", "Hm.", "Forty-two."),
        ("  <think></think>Forty-two.", "", "Forty-two."),
        ("Hm.\n</think>\nForty-two.", "Hm.", "Forty-two."),
        ("<think>Hm.", "Hm.", ""),
        # Code that is about the tags is no thought.
        ('Use re.sub("<think>.*?</think>", "", text).', "", 'Use re.sub("<think>.*?</think>", "", text).'),
        ("<think>a</think>Say <think>b</think>.", "a", "Say <think>b</think>."),
    ],
)
def test_a_thought_aloud_is_told_from_the_answer(text: str, thought: str, answer: str) -> None:
    """Between its tags, or before the one that ends it."""
    assert split_thought(text) == (thought, answer)


@given(st.text(alphabet="ab<think/>\n ", max_size=60))
def test_an_answer_without_tags_stays_as_it_is(text: str) -> None:
    """Whatever it looks like."""
    if "</think>" not in text and not text.lstrip().startswith("<think>"):
        assert split_thought(text) == ("", text)


@pytest.mark.parametrize(
    ("finish", "cut_off"), [("stop", False), ("", False), ("length", True), ("max_output_tokens", True)]
)
def test_an_answer_that_might_not_be_longer_is_cut_off(finish: str, *, cut_off: bool) -> None:
    """In the words of either API."""
    assert Answer("", None, "", Usage(), "m", finish=finish).cut_off is cut_off


def test_a_cut_answer_is_the_failure_that_cut_it() -> None:
    """With all that decides a retry, and what had come."""
    failure = CaseFailure("response_error", "rate_limited", "slow down", retry_after_s=3.0)
    cut = AnswerCut(failure, Answer("Hel", None, "", Usage(), "m"))
    assert (cut.stage, cut.error_type, cut.message, cut.retry_after_s) == (
        "response_error", "rate_limited", "slow down", 3.0,
    )  # fmt: skip
    assert cut.answer.text == "Hel"


def test_what_is_not_told_is_unknown() -> None:
    """No number is made of a word, a truth or a debt; no mapping of a list."""
    told = {"a": 3, "b": "3", "c": True, "d": -1, "e": None}
    assert [token_count(told, name) for name in "abcdef"] == [3, None, None, None, None, None]
    assert [reported_cost_usd({"cost": value}) for value in (0, 0.5, "1", True, -1, None)] == [
        0.0, 0.5, None, None, None, None,
    ]  # fmt: skip
    assert (as_mapping([1]), as_sequence({"a": 1})) == ({}, ())
