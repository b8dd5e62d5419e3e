"""Token lines carry every JSON value there and back, and nothing else passes for one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.modes.coding.tokens import decode_text, decode_value, encode_text, encode_value, split_tokens
from evalkit.records.json import Json

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_VALUES = st.recursive(
    _SCALARS | st.sampled_from([{"$float": "nan"}, {"$float": "inf"}, {"$float": "-inf"}]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def _decode(line: str) -> Json:
    tokens = iter(split_tokens(line))
    value = decode_value(tokens)
    assert next(tokens, None) is None
    return value


@given(_VALUES)
def test_a_value_comes_back_as_it_was(value: Json) -> None:
    """Types included: true stays true, 1.0 stays a float, an empty list is no empty object."""
    back = _decode(encode_value(value))
    assert repr(back) == repr(value)


@given(st.text())
def test_a_text_is_one_token_of_plain_characters(text: str) -> None:
    """Spaces, newlines and every script are in one token that any language can cut a line at."""
    token = encode_text(text)
    assert decode_text(token) == text
    assert token.isascii()
    assert not set(token[1:]) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-%")


def test_the_notation_is_the_one_in_the_documentation() -> None:
    """What authors of harnesses read is what is sent."""
    value = [None, True, False, -12, 1.5, "two words~", {"k": [1]}, {"$float": "-inf"}]
    assert encode_value(value) == "a8 n t f i-12 d1.5 stwo%20words%7E o1 sk a1 i1 d-inf"


@pytest.mark.parametrize(
    "line",
    ["", "x", "i", "i1.0", "i+1", "i 1", "d", "dx", "s%G0", "s%4", "sä", "a", "a-1", "a2 n", "o1 n n", "o1 sk", "t1",
     "a9999999999 n"],
)  # fmt: skip
def test_what_is_no_value_is_refused(line: str) -> None:
    """A program that forges lines does not crash whoever reads them."""
    with pytest.raises(ValueError, match=r"token|string|convert|float"):
        _decode(line)


def test_a_very_deep_value_is_refused() -> None:
    """Thousands of nested lists are no answer, and no end of the interpreter's stack."""
    with pytest.raises(ValueError, match="levels deep"):
        _decode("a1 " * 5000 + "n")


@pytest.mark.parametrize(("digits", "expected"), [("NaN", "nan"), ("inf", "inf"), ("-Inf", "-inf"), ("1e999", "inf")])
def test_what_json_has_no_number_for_has_a_name(digits: str, expected: str) -> None:
    """Infinities and NaN can be expected, and stored."""
    assert _decode(f"d{digits}") == {"$float": expected}


def test_a_float_keeps_its_last_digit() -> None:
    """What is compared without tolerance must not be rounded on the way."""
    assert _decode(encode_value(0.1 + 0.2)) == 0.1 + 0.2
    assert math.copysign(1, float(str(_decode("d-0.0")))) == -1
