"""Reading a server's rate limits: whole entries count, anything else is passed over."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evalkit.realtime.rate_limits import RateLimit, read_rate_limits

WHOLE = {"name": "tokens", "limit": 40_000, "remaining": 0, "reset_seconds": 1.5}


def test_whole_entries_are_read_and_others_passed_over() -> None:
    """A server that says half of it says nothing."""
    told = {"rate_limits": [WHOLE, {"name": "requests", "limit": 5}, "x", {**WHOLE, "remaining": None}]}
    assert read_rate_limits(told) == (RateLimit("tokens", 40_000, 0, 1.5),)


def test_a_limit_is_spent_when_next_to_nothing_is_left() -> None:
    """One percent carries no response."""
    assert RateLimit("tokens", 1000, 10, 1).is_spent
    assert not RateLimit("tokens", 1000, 11, 1).is_spent


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_nothing_a_server_sends_makes_it_raise(value: Any) -> None:
    """Whatever stands there, there is an answer."""
    for limit in read_rate_limits({"rate_limits": [value, {**WHOLE, "limit": value}]}):
        assert limit.reset_s >= 0
    read_rate_limits({"rate_limits": value})
