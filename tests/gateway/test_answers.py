"""What is read out of answers, however they are cut and whoever writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_partner import PROTOCOLS, sse
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_wire import RENDERERS, Asked, ToolUse

from evalkit.gateway.answers import AnswerReader, TokenCount, reader_for
from evalkit.gateway.event_stream import EventStream
from evalkit.gateway.protocols import ModelProtocol

_ASKED = Asked("", "m-1", streams=True, user_text="", rounds_done=0, tools=[], answer_schema=None)


def _read(protocol: str, chunks: list[bytes]) -> AnswerReader:
    stream, reader = EventStream(), reader_for(ModelProtocol(protocol))
    for event in [event for chunk in chunks for event in stream.feed(chunk)] + stream.finish():
        reader.take_event(event)
    return reader


def _told(reader: AnswerReader) -> tuple[Any, ...]:
    return reader.tokens, reader.finish, reader.model, reader.tools_called, reader.is_complete, reader.unreadable


@settings(max_examples=40)
@given(
    protocol=st.sampled_from(PROTOCOLS),
    words=st.text(max_size=40),
    names=st.lists(st.sampled_from(["write_file", "bash", "read"]), max_size=3),
    cuts=st.lists(st.integers(0, 4000), max_size=40),
)
def test_a_stream_says_the_same_however_it_is_cut(protocol: str, words: str, names: list[str], cuts: list[int]) -> None:
    """Tokens, tools and ending are those of the whole answer, for any text and any chunks."""
    pieces = [words or "x", *(ToolUse(name, {"path": words}) for name in names)]
    whole, events = RENDERERS[protocol](_ASKED, pieces)
    content = sse(*(data for _, data in events))
    places = sorted({min(cut, len(content)) for cut in cuts})
    chunks = [content[a:b] for a, b in zip([0, *places], [*places, len(content)], strict=True)]
    reader = _read(protocol, chunks)
    assert reader.tokens == TokenCount(11, 5, 4)
    assert reader.tools_called == tuple(names)
    assert reader.is_complete
    at_once = reader_for(ModelProtocol(protocol))
    at_once.take_text(json.dumps(whole))
    assert _told(at_once) == _told(reader)


@settings(max_examples=20)
@given(text=st.text(max_size=200) | st.binary(max_size=200))
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_that_comes_can_break_a_reader(protocol: str, text: str | bytes) -> None:
    """What it does not understand it counts."""
    reader = reader_for(ModelProtocol(protocol))
    reader.take_text(text)
    assert reader.tokens == TokenCount()


_WORDS = (
    "choices", "delta", "message", "tool_calls", "function", "name", "usage", "type", "response", "output",
    "item", "error", "candidates", "content", "parts", "functionCall", "finishReason", "usageMetadata",
    "prompt_tokens", "input_tokens", "content_block", "status", "model",
)  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=40)
@given(value=_JSON)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_shape_of_the_right_words_can_break_a_reader(protocol: str, value: Any) -> None:
    """Providers send lists where objects belong, and numbers where words do."""
    reader_for(ModelProtocol(protocol)).take_text(json.dumps(value))


@pytest.mark.parametrize(
    ("protocol", "body", "tokens"),
    [
        (
            "chat",
            {"usage": {"prompt_tokens": 7, "completion_tokens": 2, "prompt_cache_hit_tokens": 3}},
            TokenCount(7, 2, 3),
        ),
        ("chat", {"choices": [], "usage": None}, TokenCount()),
        ("chat", {"usage": {"prompt_tokens": -1, "completion_tokens": True}}, TokenCount()),
        ("chat", {"usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.2}}, TokenCount(1, 1, None, 0.2)),
        ("messages", {"type": "message", "usage": {"input_tokens": 1, "output_tokens": 2}}, TokenCount(1, 2, None)),
        (
            "messages",
            {
                "type": "message",
                "usage": {
                    "input_tokens": 1,
                    "cache_read_input_tokens": 10,
                    "cache_creation_input_tokens": 100,
                    "output_tokens": 2,
                },
            },
            TokenCount(111, 2, 10),
        ),
        (
            "gemini",
            {"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1, "thoughtsTokenCount": 9}},
            TokenCount(3, 10),
        ),
        ("gemini", {"usageMetadata": {"promptTokenCount": 3, "toolUsePromptTokenCount": 4}}, TokenCount(7, None)),
        (
            "responses",
            {"status": "completed", "output": [], "usage": {"input_tokens": 3, "output_tokens": 4}},
            TokenCount(3, 4),
        ),
    ],
)
def test_tokens_are_counted_alike_whoever_counts(protocol: str, body: dict[str, Any], tokens: TokenCount) -> None:
    """Cached ones are among the input, reasoning among the output; what is not told is None, never 0."""
    reader = reader_for(ModelProtocol(protocol))
    reader.take_text(json.dumps(body))
    assert reader.tokens == tokens


def test_tool_names_that_come_in_pieces_are_named_once() -> None:
    """One call's deltas share an index; calls of the same tool are two calls."""
    delta = {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "a", "arguments": ""}}]}}]}
    more = {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"name": "", "arguments": "{"}}]}}]}
    again = {"choices": [{"delta": {"tool_calls": [{"index": 1, "function": {"name": "a"}}]}}]}
    assert _read("chat", [sse(delta, more, again)]).tools_called == ("a", "a")


def test_a_gemini_stream_without_events_is_a_list() -> None:
    """Asked without ``alt=sse``, Google sends one JSON list."""
    part = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]}
    last = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 1}}
    reader = reader_for(ModelProtocol.GEMINI)
    reader.take_text(json.dumps([part, last]))
    assert (reader.tools_called, reader.finish, reader.tokens.input_tokens) == (("f",), "STOP", 1)


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        ("chat", {"error": {"message": "x"}}),
        ("chat", {"error": "x"}),
        ("chat", {"choices": [{"error": {"message": "x"}, "finish_reason": "error"}]}),
        ("responses", {"type": "error", "message": "x"}),
        ("responses", {"type": "response.failed", "response": {"status": "failed", "error": {"message": "x"}}}),
        ("messages", {"type": "error", "error": {"message": "x"}}),
        ("gemini", {"error": {"message": "x"}}),
    ],
)
def test_an_error_within_an_answer_is_seen(protocol: str, body: dict[str, Any]) -> None:
    """Wherever the protocol, or those who nearly speak it, put it."""
    reader = reader_for(ModelProtocol(protocol))
    reader.take_text(json.dumps(body))
    assert reader.error is not None
    assert reader.error["message"] == "x"
