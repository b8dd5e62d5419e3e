"""JSON objects among words."""

import json

from hypothesis import given
from hypothesis import strategies as st

from evalkit.json_among_words import objects_among_words

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def test_objects_among_words_come_in_their_order_and_whole() -> None:
    """Neither what stands in another, nor what is broken, nor more than was looked for."""
    text = 'So: {"a": {"b": 1}} and {broken {"c": 2}'
    assert [found.value for found in objects_among_words(text)] == [{"a": {"b": 1}}, {"c": 2}]
    assert [found.value for found in objects_among_words(text, most_tries=2)] == [{"a": {"b": 1}}]


@given(
    st.lists(st.dictionaries(st.text(), _VALUES, max_size=3), max_size=4),
    st.text(st.characters(exclude_characters="{}")),
)
def test_what_was_written_among_words_is_found_where_it_stands(values: list[dict], words: str) -> None:
    """Whatever the objects hold."""
    written = [json.dumps(value) for value in values]
    text = words.join(["", *written, ""])
    found = list(objects_among_words(text))
    assert [one.value for one in found] == values
    assert [text[one.start : one.end] for one in found] == written
