"""One answer from its pieces: the same whether it came whole or in pieces, however these were cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.providers.chat_assembly import ChatAssembly
from evalkit.records.record import Usage

_PIECES = st.lists(st.tuples(st.sampled_from(["content", "reasoning", "reasoning_content"]), st.text(max_size=5)))
_ODD = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "reasoning_details",
                    "usage",
                    "model",
                    "finish_reason",
                    "text",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(_PIECES)
def test_pieces_add_up(pieces: list[tuple[str, str]]) -> None:
    """Nothing is lost, nothing said twice, and the length is that of both."""
    assembly = ChatAssembly()
    for field, words in pieces:
        assembly.take({"choices": [{"delta": {field: words}}]})
    answer = assembly.answer("asked")
    assert answer.text == "".join(words for field, words in pieces if field == "content")
    assert answer.reasoning == "".join(words for field, words in pieces if field != "content")
    assert assembly.characters == len(answer.text) + len(answer.reasoning)
    assert assembly.has_begun is any(words for _, words in pieces)
    assert (answer.model, answer.finish, answer.usage) == ("asked", "", Usage())


@given(st.lists(st.dictionaries(st.sampled_from(["choices", "usage", "model"]), _ODD), max_size=4))
def test_whatever_an_endpoint_sends_is_read(bodies: list[dict[str, Any]]) -> None:
    """As far as it goes, without a crash, and tokens are numbers or unknown."""
    assembly = ChatAssembly()
    for body in bodies:
        assembly.take(body)
    answer = assembly.answer("asked")
    assert isinstance(answer.text + answer.reasoning + answer.model + answer.finish, str)
    assert answer.usage == Usage()


@pytest.mark.parametrize("cost", [0, 0.25])
def test_a_cost_that_is_told_counts_also_where_it_is_nothing(cost: float) -> None:
    """Free is told from unknown."""
    assembly = ChatAssembly()
    assembly.take({"usage": {"cost": cost}})
    assert assembly.answer("m").cost_usd == cost
    assembly.take({"usage": {"cost": -1}})
    assert assembly.answer("m").cost_usd is None


def test_of_several_choices_the_first_counts() -> None:
    """Nobody asked for more than one."""
    assembly = ChatAssembly()
    assembly.take({"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]})
    assert assembly.answer("m").text == "a"
