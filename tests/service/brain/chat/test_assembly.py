"""Calls and words out of pieces, as endpoints really send them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.service.brain.chat.assembly import CompletionAssembly


def _piece(index: int | None = None, call_id: str | None = None, name: str | None = None, arguments: Any = None) -> Any:
    function = {"name": name, "arguments": arguments}
    told = {"index": index, "id": call_id, "function": {k: v for k, v in function.items() if v is not None}}
    return {key: value for key, value in told.items() if value is not None}


def _calls(*pieces: Any) -> list[tuple[str, str]]:
    assembly = CompletionAssembly()
    for piece in pieces:
        assembly.take({"choices": [{"delta": {"tool_calls": [piece]}}]})
    return [(call.name, call.arguments_json) for call in assembly.calls]


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        pytest.param([_piece(0, "a", "f", ""), _piece(0, arguments='{"x"'), _piece(0, arguments=":1}")],
                     [("f", '{"x":1}')], id="as the API has it"),
        pytest.param([_piece(0, "a", "f", '{"x":'), _piece(1, "b", "g", '{"y":'), _piece(0, arguments="1}"),
                      _piece(1, arguments="2}")], [("f", '{"x":1}'), ("g", '{"y":2}')], id="two at once, interleaved"),
        pytest.param([_piece(0, "a", "f", '{"x":'), _piece(0, arguments="1}"), _piece(0, "b", "f", '{"x":'),
                      _piece(0, arguments="2}")], [("f", '{"x":1}'), ("f", '{"x":2}')], id="every call is number 0"),
        pytest.param([_piece(0, "a", "f", '{"x":'), _piece(0, "a", "f", "1}")], [("f", '{"x":1}')], id="id repeated"),
        pytest.param([_piece(0, None, "f", '{"x":1}'), _piece(1, None, "f", '{"x":2}')],
                     [("f", '{"x":1}'), ("f", '{"x":2}')], id="no ids, by index"),
        pytest.param([_piece(0, None, "f", '{"x":1}'), _piece(0, None, "f", '{"x":2}')],
                     [("f", '{"x":1}'), ("f", '{"x":2}')], id="no ids, every call is number 0"),
        pytest.param([_piece(None, None, "f", '{"x":1}'), _piece(None, None, "g", '{"y":2}')],
                     [("f", '{"x":1}'), ("g", '{"y":2}')], id="neither id nor index"),
        pytest.param([_piece(0, None, "f", '{"x":'), _piece(0, None, "f", "1}"), _piece(0, None, "f", "")],
                     [("f", '{"x":1}')], id="name repeated"),
        pytest.param([_piece(0, "a", None, '{"x"'), _piece(0, None, "f", ":1}")], [("f", '{"x":1}')], id="name late"),
        pytest.param([_piece(0, None, "f", '{"x"'), _piece(0, "a", None, ":1}")], [("f", '{"x":1}')], id="id late"),
        pytest.param([_piece(0, "a", "f", {"x": 1})], [("f", '{"x":1}')], id="arguments as an object"),
        pytest.param([_piece(0, "a", "f", "")], [("f", "{}")], id="no arguments"),
        pytest.param([_piece(0, "a", "f", '{"x": oops')], [("f", '{"x": oops')], id="arguments that are no JSON"),
        pytest.param([_piece(0, "a", "f", "{}"), {"index": "?", "function": 7}, 7], [("f", "{}")], id="nonsense"),
    ],
)  # fmt: skip
def test_calls(pieces: list[Any], calls: list[tuple[str, str]]) -> None:
    """Told apart by index and id, with their arguments as written."""
    assert _calls(*pieces) == calls


def test_words_and_calls_come_together_and_reasoning_is_passed_over() -> None:
    """Content as text or in parts; what is reasoned in fields of its own is not said."""
    assembly = CompletionAssembly()
    deltas = [
        {"role": "assistant", "content": None, "reasoning": "hm"},
        {"reasoning_content": "hm"},
        {"content": "One "},
        {"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": "moment."}]},
        {"tool_calls": [_piece(0, "a", "f", "{}")]},
    ]
    said = [assembly.take({"choices": [{"delta": delta, "finish_reason": None}]}) for delta in deltas]
    assert "".join(said) == "One moment."
    assembly.take({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    assembly.take({"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 2}})
    assert (assembly.finish, len(assembly.calls), assembly.usage["prompt_tokens"]) == ("stop", 1, 4)


def test_half_a_character_is_none() -> None:
    """A wire takes no lone surrogate, wherever one stands; a pair of them is a character."""
    assembly = CompletionAssembly()
    half, pair = "Hi \ud83d.", "\ud83d\ude00"
    delta = {"content": half, "tool_calls": [_piece(0, "a", half, pair)]}
    assert assembly.take({"choices": [{"delta": delta}]}) == "Hi \ufffd."
    assert [(call.name, call.arguments_json) for call in assembly.calls] == [("Hi \ufffd.", "\U0001f600")]
    assert assembly.take({"choices": [{"delta": {"content": [{"text": pair}]}}]}) == "\U0001f600"


@pytest.mark.parametrize("chunk", [{}, {"choices": None}, {"choices": [7]}, {"choices": [{"delta": 7}]}, {"usage": 1}])
def test_what_is_no_chunk_says_nothing(chunk: dict[str, Any]) -> None:
    """And ends nothing."""
    assembly = CompletionAssembly()
    assert (assembly.take(chunk), assembly.calls, assembly.finish) == ("", (), "")


_ARGUMENTS = st.dictionaries(
    st.text('abc"\\é', min_size=1, max_size=4), st.integers() | st.text(max_size=6), max_size=3
)


@given(st.lists(st.tuples(st.sampled_from(["f", "g"]), _ARGUMENTS), min_size=1, max_size=4), st.booleans(), st.data())
def test_deltas_may_be_cut_anywhere(made: list[tuple[str, Any]], all_zero: bool, data: st.DataObject) -> None:
    """Calls come out as they were made, wherever their arguments are cut, one after the other or in turns."""
    queues = []
    for number, (name, arguments) in enumerate(made):
        index, text = 0 if all_zero else number, json.dumps(arguments)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
        pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        queues.append([_piece(index, f"id{number}", name, ""), *(_piece(index, arguments=piece) for piece in pieces)])
    order = []
    if all_zero:
        order = [piece for queue in queues for piece in queue]
    else:
        order = [queue.pop(0) for queue in queues]
        while any(queues):
            queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
            order.append(queue.pop(0))
    assert [(name, json.loads(arguments)) for name, arguments in _calls(*order)] == made
