"""Canonical JSON and content hashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.records.json import canonical, content_sha256, objects_among_words

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), _VALUES, max_size=6))
def test_the_order_of_keys_does_not_change_the_hash(value: dict) -> None:
    """The same content is the same hash."""
    assert content_sha256(value) == content_sha256(dict(reversed(value.items())))


@given(_VALUES, _VALUES)
def test_different_content_has_different_bytes(first: object, second: object) -> None:
    """Equal bytes mean equal JSON; 1, 1.0 and true are three things."""
    if canonical(first) == canonical(second):
        assert repr(first) == repr(second) or first == second


def test_nan_is_not_json() -> None:
    """It would be read back as an error, or as nothing."""
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical(float("nan"))


def test_objects_among_words_come_in_their_order_and_whole() -> None:
    """Neither what stands in another, nor what is broken, nor more than was looked for."""
    text = 'So: {"a": {"b": 1}} and {broken {"c": 2}'
    assert list(objects_among_words(text)) == [{"a": {"b": 1}}, {"c": 2}]
    assert list(objects_among_words(text, most_tries=2)) == [{"a": {"b": 1}}]


@given(
    st.lists(st.dictionaries(st.text(), _VALUES, max_size=3), max_size=4),
    st.text(st.characters(exclude_characters="{}")),
)
def test_what_was_written_among_words_is_found(values: list[dict], words: str) -> None:
    """Whatever the objects hold."""
    text = words.join(["", *(canonical(value).decode() for value in values), ""])
    assert [canonical(found) for found in objects_among_words(text)] == [canonical(value) for value in values]
