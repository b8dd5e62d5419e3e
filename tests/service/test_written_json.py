"""JSON where words are wanted is found, and is not said."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.written_json import objects_alone, without_json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(st.text(), _VALUES, max_size=3)
_WORDS = st.text("ab .?!'\n", max_size=30)
_FRAMES = ("{}", "```json\n{}\n```", "```{}```", "<tool_call>\n{}\n</tool_call>", "[{}]", " {},\n",
    "[TOOL_CALLS][{}]", "[TOOL_REQUEST]{}[END_TOOL_REQUEST]", "<|python_tag|>{}<|eom_id|>",
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(_FRAMES), _OBJECTS), min_size=1, max_size=4))
def test_objects_alone_are_found_and_nothing_is_said(written: list[tuple[str, dict]]) -> None:
    """However they are framed, and however many there are."""
    text = "".join(frame.replace("{}", json.dumps(value)) for frame, value in written)
    assert objects_alone(text) == [value for _, value in written]
    assert not any(character.isalnum() for character in without_json(text))


@given(st.lists(st.tuples(_WORDS, st.sampled_from(_FRAMES), _OBJECTS), min_size=1, max_size=3), _WORDS)
def test_words_about_an_object_are_said_and_are_all_that_is(written: list[tuple[str, str, dict]], rest: str) -> None:
    """Then the objects are not alone."""
    text = "".join(words + frame.replace("{}", json.dumps(value)) for words, frame, value in written) + rest
    words = "".join([*(words for words, _, _ in written), rest])
    letters = [character for character in words if character.isalpha()]
    assert [character for character in without_json(text) if character.isalpha()] == letters
    assert (objects_alone(text) == []) == bool(words.strip())


@given(st.text("ab .?!'\"\n:1", max_size=60))
def test_words_without_json_are_said_as_they_stand(text: str) -> None:
    """To the character."""
    assert without_json(text) == text
    assert objects_alone(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('One moment. {"name": "find", "arguments": {"id": ', "One moment. "),
        ("One moment. {'name': 'find'} Well.", "One moment. "),
        ('```json\n{"name": "find"', "\n"),
        ("Your code is {A7}.", "Your code is {A7}."),
        ("{" * 200, "{" * 200),
        ("```\nHello.\n```", "\nHello.\n"),
    ],
)
def test_what_is_broken_is_not_said(text: str, said: str) -> None:
    """Nor what stands behind it, for nobody knows where it ends; braces about a word are no object."""
    assert without_json(text) == said
    assert objects_alone(text) == []
