"""A session's limits, sums and end, without a network."""

from __future__ import annotations

import json

import pytest
from fake_clock import FakeClock
from gateway_partner import cents, request_of

from evalkit.gateway.calls import ModelCall
from evalkit.gateway.key_filter import KeyFilter
from evalkit.gateway.protocols import ModelProtocol, Operation, RequestKind
from evalkit.gateway.provider_errors import ProviderError
from evalkit.gateway.requests import ModelRequest
from evalkit.gateway.sessions import GatewaySession

_COUNT = ModelRequest(
    RequestKind(ModelProtocol.MESSAGES, Operation.COUNT_TOKENS), "/v1/messages/count_tokens", "", b"{}"
)


def _session(**limits: float) -> tuple[GatewaySession, FakeClock]:
    clock = FakeClock()
    return GatewaySession("s", clock=clock, price=cents, key_filter=KeyFilter(()), **limits), clock


def _ask(session: GatewaySession, tokens: int | None = 5, request: ModelRequest | None = None) -> ModelCall:
    call = session.begin(request or request_of("chat"))
    call.was_sent = True
    call.begin_answer(200, [("content-type", "application/json")])
    usage = {} if tokens is None else {"prompt_tokens": tokens, "completion_tokens": tokens}
    call.take(json.dumps({"usage": usage}).encode(), 101.0)
    call.read_rest()
    session.end(call)
    return session.all_calls[-1]


def test_calls_are_in_the_order_of_starting() -> None:
    """Whenever they ended."""
    session, clock = _session()
    first = session.begin(request_of("chat"))
    clock.now_s += 1
    second = session.begin(request_of("gemini"))
    assert session.open_requests == 2
    clock.now_s += 1
    session.end(second)
    session.end(first, ProviderError("server_error", "x"))
    assert [(call.index, call.started_s, call.duration_ms) for call in session.calls] == [(0, 0, 2000), (1, 1, 1000)]
    assert [call.index for call in session.provider_errors] == [0]
    assert session.open_requests == 0


def test_what_was_noted_first_stays() -> None:
    """A call ends once, whoever else learns of its end later."""
    session, _ = _session()
    call = session.begin(request_of("chat"))
    session.end(call, ProviderError("server_error", "x"))
    session.end(call)
    assert [kept.error_type for kept in session.calls] == ["server_error"]


def test_sums_are_known_as_far_as_they_are() -> None:
    """One unknown cost makes the sum unknown; tokens and the spent budget keep what is known."""
    session, _ = _session()
    assert (session.cost_usd, session.tokens_in, session.tokens_out, session.cached_tokens) == (0.0, 0, 0, 0)
    _ask(session)
    assert (session.cost_usd, session.tokens_in, session.tokens_out) == (0.1, 5, 5)
    _ask(session, None)
    assert (session.cost_usd, session.known_cost_usd, session.tokens_in) == (None, 0.1, 5)


def test_calls_that_are_under_way_count_for_max_calls() -> None:
    """Agents ask several things at once."""
    session, _ = _session(max_calls=2)
    for _ in range(2):
        request = request_of("chat")
        assert session.find_limit(request) is None
        session.begin(request)
    assert "max_calls" in str(session.find_limit(request_of("chat")))
    assert session.find_limit(_COUNT) is None


def test_the_budget_is_what_is_spent_not_what_might_be() -> None:
    """At the limit is beyond it; a budget of nothing allows nothing."""
    session, _ = _session(budget_usd=0.2)
    assert session.find_limit(request_of("chat")) is None
    _ask(session)
    assert session.find_limit(request_of("chat")) is None
    _ask(session)
    assert session.find_limit(request_of("chat")) == "budget_usd: this session's budget of 0.2 USD is used up"
    assert _session(budget_usd=0)[0].find_limit(request_of("chat")) is not None


@pytest.mark.parametrize("times", [1, 2])
def test_closing_ends_what_is_open_once(times: int) -> None:
    """Closing again does nothing."""
    session, _ = _session()
    session.begin(request_of("chat"))
    for _ in range(times):
        session.close()
    assert session.is_closed
    assert [(call.error_type, call.cut) for call in session.calls] == [("session_closed", True)]
    assert session.provider_errors == []


def test_side_calls_are_no_calls() -> None:
    """They are in the whole list only."""
    session, _ = _session()
    _ask(session, request=_COUNT)
    assert session.calls == []
    assert [call.operation for call in session.all_calls] == ["count_tokens"]
