"""What text costs, and where a reply ends that may not be longer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.conversation import Answered, Call, Called, Conversation, Reply, Said, UserTurn
from evalkit.service.text_usage import made_tokens, shown_tokens, within_limit
from evalkit.service.token_usage import text_tokens


def test_everything_that_is_shown_counts() -> None:
    """Instructions, tools and each kind of item; and of a reply its words and its calls."""
    tool = {"name": "find"}
    items = (UserTurn("abcd"), Said("abcd"), Called("c", "abcd", {}), Answered("c", "abcd"))
    assert shown_tokens(Conversation("", (), ())).total == 0
    assert shown_tokens(Conversation("abcd", (tool,), items)).total == 1 + text_tokens('{"name":"find"}').total + 5
    assert made_tokens(Reply("abcd", (Call("abcd", {}),))).total == 3


@given(st.text(max_size=40), st.integers(1, 12))
def test_a_reply_ends_at_its_limit(text: str, limit: int) -> None:
    """At a whole character, with its beginning kept and its calls whole; one that is short enough is left alone."""
    calls = (Call("find", {}),)
    kept = within_limit(Reply(text, calls), limit)
    assert text.startswith(kept.text)
    assert kept.calls == calls
    assert text_tokens(kept.text).total <= limit
    assert kept.is_cut is (text_tokens(text).total > limit) is (kept.text != text)
    assert within_limit(Reply(text), None) == Reply(text)
