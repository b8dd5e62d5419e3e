"""What a model thinks aloud is not said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.chat.thoughts import ThoughtFilter


def _said(*pieces: str, begins_inside: bool = False, is_cut: bool = False) -> str:
    thoughts, said = ThoughtFilter(begins_inside=begins_inside), ""
    for piece in pieces:
        words = thoughts.take(piece)
        said = words if thoughts.thought_from_the_beginning and "</think>" in piece else said + words
    return said + thoughts.rest(is_cut=is_cut)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello.", "Hello."),
        ("<think>He greets.</think>\n\nHello.", "Hello."),
        ("<think></think>Hello.", "Hello."),
        ("Hello. <think>And now?</think>Bye.", "Hello. Bye."),
        ("<think>one</think>A<think>two</think>B", "AB"),
        ("<think>without end", ""),
        ("He greets.</think>\nHello.", "Hello."),
        ("3 < 4 and <thin ice", "3 < 4 and <thin ice"),
        ("a <think", "a <think"),
    ],
)
def test_thoughts_are_kept_back(text: str, said: str) -> None:
    """Between their tags, at the beginning of a text whose first tag is missing, and to the end where the last is."""
    assert _said(text) == said


def test_a_thought_that_is_known_too_late() -> None:
    """What was given before the last tag is taken back: whoever spoke it knows."""
    thoughts = ThoughtFilter()
    assert thoughts.take("He greets. ") == "He greets. "
    assert not thoughts.thought_from_the_beginning
    assert thoughts.take("So do I.</think> Hello.") == "Hello."
    assert thoughts.thought_from_the_beginning


def test_a_model_that_is_known_to_begin_with_a_thought() -> None:
    """It says what is behind it; an answer without one is an answer, unless it was cut while it thought."""
    assert _said("He greets.</think> Hello.", begins_inside=True) == "Hello."
    assert _said("Hello.", begins_inside=True) == "Hello."
    assert _said("He greets and I", begins_inside=True, is_cut=True) == ""


@given(st.lists(st.sampled_from(["<think>", "</think>", "<", "think>", "Hi. ", "so"]), max_size=8), st.data())
def test_cuts_change_nothing(parts: list[str], data: st.DataObject) -> None:
    """However the text comes, the same is said in the end."""
    text = "<think>begun</think>" + "".join(parts).replace("</think>", "", parts.count("</think>"))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert _said(*pieces) == _said(text)
    assert "think>" not in _said(*pieces) or "think>" in "".join(part for part in parts if part == "think>")
