"""Canonical JSON and content hashes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.records.json import canonical, content_sha256

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
