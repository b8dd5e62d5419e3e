"""What errors mean, whoever says them."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from evalkit.gateway.provider_errors import (
    ProviderError,
    error_in_answer,
    error_of_exception,
    error_of_status,
)
from evalkit.records.faults import POLICIES


def _kind(status: int, error: Any, headers: dict[str, str] | None = None) -> ProviderError:
    found = error_of_status(status, headers or {}, json.dumps(error), has_key=True)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {}, "authentication_failed"),
        (403, {}, "authentication_failed"),
        (403, {"error": {"metadata": {"reasons": ["x"]}}}, "input_flagged"),
        (
            400,
            {"error": {"status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}},
            "authentication_failed",
        ),
        (402, {}, "insufficient_quota"),
        (429, {}, "rate_limited"),
        (429, {"error": {"code": "insufficient_quota"}}, "insufficient_quota"),
        (429, {"error": {"type": "tokens", "code": "rate_limit_exceeded"}}, "rate_limited"),
        (400, {"type": "error", "error": {"type": "billing_error"}}, "insufficient_quota"),
        (404, {"error": {"code": "model_not_found"}}, "model_not_found"),
        (404, {"type": "error", "error": {"type": "not_found_error"}}, "not_found"),
        (400, {"error": {"code": "context_length_exceeded"}}, "context_length_exceeded"),
        (400, {"error": {"code": "unsupported_parameter", "type": "invalid_request_error"}}, "unsupported_parameter"),
        (400, {"error": {"code": "something new"}}, "invalid_request"),
        (422, {"detail": "no"}, "invalid_request"),
        (408, {}, "server_error"),
        (409, {}, "server_error"),
        (500, [{"error": {"code": 500}}], "server_error"),
        (529, {"type": "error", "error": {"type": "overloaded_error"}}, "server_error"),
        (503, "not an object", "server_error"),
    ],
)
def test_a_status_and_its_words_give_the_kind(status: int, error: Any, kind: str) -> None:
    """The same kinds as in the house's table of policies, or a word of the provider's for what is in no table."""
    assert _kind(status, error).kind == kind


def test_a_good_status_is_no_error() -> None:
    """Whatever its body says."""
    assert error_of_status(200, {}, "x", has_key=True) is None
    assert error_of_status(204, {}, "", has_key=False) is None


def test_a_refused_key_is_not_told_in_the_providers_words() -> None:
    """They quote it, or most of it."""
    found = _kind(401, {"error": {"message": "Incorrect API key provided: sk-abc***xyz"}})
    assert found.message == "the provider refused the key (HTTP 401)"
    without = error_of_status(401, {}, "", has_key=False)
    assert without is not None
    assert without.message == "the provider refused a request without a key (HTTP 401)"


def test_messages_are_one_bounded_line() -> None:
    """A terminal obeys nothing in them."""
    found = _kind(500, {"error": {"message": "a\n\x1b[31m" + "x" * 5000}})
    assert "\n" not in found.message
    assert "\x1b" not in found.message
    assert len(found.message) <= 501


@pytest.mark.parametrize(
    ("headers", "error", "seconds"),
    [
        ({"retry-after": "3"}, {}, 3.0),
        ({"retry-after-ms": "250"}, {}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:05 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, {}, 5.0),
        ({"retry-after": "soon"}, {}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:05 GMT"}, {}, None),
        ({}, {"error": {"details": [{"retryDelay": "34.5s"}]}}, 34.5),
        ({}, {"error": {"metadata": {"headers": {"Retry-After": "9"}}}}, 9.0),
        ({}, {}, None),
    ],
)
def test_the_wait_is_found(headers: dict[str, str], error: Any, seconds: float | None) -> None:
    """In the headers, or where aggregators and Google put it."""
    assert _kind(429, error, headers).retry_after_s == seconds


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error"}, "server_error"),
        ({"code": 429}, "rate_limited"),
        ({"code": "502"}, "server_error"),
        ({"code": 503, "status": "UNAVAILABLE"}, "server_error"),
        ({"code": "rate_limit_exceeded"}, "rate_limited"),
        ({"type": "authentication_error"}, "authentication_failed"),
        ({"code": "what"}, "server_error"),
        ({}, "server_error"),
    ],
)
def test_an_error_within_a_good_answer_means_what_it_says(error: dict[str, Any], kind: str) -> None:
    """A code that is a status means that status; what no other name fits is the server's own."""
    assert error_in_answer(error, has_key=True).kind == kind
    assert kind in POLICIES


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx2.ConnectTimeout("x"), "connect_timeout"),
        (httpx2.ReadTimeout("x"), "request_timeout"),
        (httpx2.ReadError("x"), "connection_closed"),
        (httpx2.RemoteProtocolError("Server disconnected without sending a response."), "connection_closed"),
        (httpx2.RemoteProtocolError("peer closed connection (incomplete chunked read)"), "connection_closed"),
        (httpx2.RemoteProtocolError("illegal status line"), "invalid_response"),
        (httpx2.ConnectError("no such host"), "connection_failed"),
    ],
)
def test_what_happens_on_the_way_has_a_kind(error: Exception, kind: str) -> None:
    """Whether nobody is there, nobody speaks, or somebody hangs up."""
    assert error_of_exception(error, 5).kind == kind
    assert kind in POLICIES


def test_a_refused_connection_is_found_behind_the_librarys_words() -> None:
    """It is the cause of the cause."""
    error = httpx2.ConnectError("all attempts failed")
    error.__cause__ = ExceptionGroup("both", [ConnectionRefusedError(), OSError()])
    assert error_of_exception(error, 5).kind == "connection_refused"
