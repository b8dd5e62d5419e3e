"""One call, from its first byte to what is kept of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gateway_partner import cents, request_of, sse

from evalkit.gateway.calls import NOT_THE_PROVIDERS, ModelCall, OpenCall
from evalkit.gateway.provider_errors import ProviderError
from evalkit.records.faults import POLICIES


def _whole(body: Any, *, was_sent: bool = True, error: ProviderError | None = None, cut: bool = False) -> ModelCall:
    call = OpenCall(3, request_of("chat"), 10.0)
    call.was_sent = was_sent
    call.begin_answer(200, [("content-type", "application/json")])
    call.take(json.dumps(body).encode(), 10.25)
    call.read_rest()
    return call.ended((8.0, 11.0), cents, error, cut=cut)


def test_times_count_from_where_they_say() -> None:
    """The start from the session's opening, the rest from the call's own start."""
    call = _whole({})
    assert (call.index, call.started_s, call.first_byte_ms, call.duration_ms) == (3, 2.0, 250.0, 1000.0)


@pytest.mark.parametrize(
    ("body", "cost"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 2}}, 0.05),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 7}}, 7.0),
        ({"usage": {"prompt_tokens": 3}}, None),
        ({}, None),
    ],
)
def test_what_is_unknown_costs_nobody_knows_what(body: Any, cost: float | None) -> None:
    """Never 0 for a call that the provider may charge for."""
    assert _whole(body).cost_usd == cost


def test_what_never_reached_a_provider_costs_nothing() -> None:
    """A refused connection, a replayed answer; but a cut one may cost anything."""
    usage = {"usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    assert _whole(usage, error=ProviderError("connection_refused", "x")).cost_usd == 0.0
    assert _whole(usage, was_sent=False).cost_usd == 0.0
    assert _whole(usage, cut=True).cost_usd is None


def test_the_model_that_answered_is_priced_else_the_one_that_was_asked() -> None:
    """Routers answer with another name than they were asked by."""
    for known in ("answered", "m"):
        call = OpenCall(0, request_of("chat"), 0.0)
        call.was_sent = True
        call.begin_answer(200, [("content-type", "application/json")])
        call.take(b'{"model": "answered", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}', 0.0)
        call.read_rest()
        kept = call.ended((0.0, 0.0), lambda model, _, known=known: 5.0 if model == known else None, None, cut=False)
        assert (kept.cost_usd, kept.model, kept.answered_model) == (5.0, "m", "answered")


@pytest.mark.parametrize(
    ("content_type", "wants_stream", "streamed"),
    [
        ("text/event-stream; charset=utf-8", False, True),
        ("Text/Event-Stream", True, True),
        ("", True, True),
        ("text/plain", True, True),
        ("application/json", True, False),
        ("text/html", True, False),
        ("", False, False),
    ],
)
def test_a_stream_is_known_by_its_type_or_by_what_was_asked(
    content_type: str, wants_stream: bool, streamed: bool
) -> None:
    """Not every server names the type."""
    call = OpenCall(0, request_of("chat", stream=wants_stream), 0.0)
    call.begin_answer(200, [("content-type", content_type)])
    assert call.streamed is streamed


@pytest.mark.parametrize(
    ("events", "kind", "cut"),
    [
        ([{"choices": [{"finish_reason": "stop"}]}, "[DONE]"], None, False),
        ([{"choices": [{"finish_reason": "stop"}]}], None, False),
        ([{"choices": [{"delta": {}}]}], "connection_closed", True),
        ([], "connection_closed", True),
        (["nonsense"], "invalid_response", False),
        (["nonsense", {"choices": [{"finish_reason": "stop"}]}], "invalid_response", False),
        ([{"hello": 1}], "connection_closed", True),
        ([{"error": {"code": 429}}], "rate_limited", False),
    ],
)
def test_the_end_of_a_stream_is_judged(events: list[Any], kind: str | None, cut: bool) -> None:
    """By the protocol's own last word."""
    call = OpenCall(0, request_of("chat", stream=True), 0.0)
    call.begin_answer(200, [("content-type", "text/event-stream")])
    call.take(sse(*events), 0.0)
    call.read_rest()
    problem, was_cut = call.find_problem(has_key=True)
    assert (problem.kind if problem else None, was_cut) == (kind, cut)


def test_whose_errors_are_whose() -> None:
    """No kind of the house's table is taken for one of the agent's own."""
    assert not NOT_THE_PROVIDERS & POLICIES.keys()
    assert _whole({}, error=ProviderError("rate_limited", "x")).is_provider_error
    assert _whole({}, error=ProviderError("redirected", "x")).is_provider_error
    assert not _whole({}, error=ProviderError("budget", "x")).is_provider_error
    assert not _whole({}).is_provider_error


def test_halves_of_letters_are_made_whole() -> None:
    """What is kept can be written."""
    message = {"tool_calls": [{"function": {"name": "\ud800"}}]}
    call = _whole({"model": "\ud800", "choices": [{"finish_reason": "\udfff", "message": message}]})
    assert json.dumps([call.answered_model, call.finish, *call.tools_called], ensure_ascii=False).encode()
