"""What an endpoint did wrong, in the protocol's words."""

from __future__ import annotations

import pytest

from evalkit.realtime.events import error_kind
from evalkit.records.faults import POLICIES
from evalkit.service.brain.chat.failures import FailureTeller

KEY = "sk-very-secret"
TELLER = FailureTeller("http://h/v1", "MY_KEY", KEY)


@pytest.mark.parametrize(
    ("status", "body", "code", "kind"),
    [
        (401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}, "invalid_api_key", "authentication_failed"),
        (403, "no", "invalid_api_key", "authentication_failed"),
        (402, {}, "insufficient_quota", "insufficient_quota"),
        (429, {"error": {"code": "insufficient_quota"}}, "insufficient_quota", "insufficient_quota"),
        (429, {"error": {"message": "slow down"}}, "rate_limit_exceeded", "rate_limit_exceeded"),
        (404, {"error": {"message": "model 'x' not found"}}, "model_not_found", "model_not_found"),
        (404, None, "not_found", "not_found"),
        (307, None, "not_found", "not_found"),
        (400, {"error": "bad"}, "invalid_request", "invalid_request"),
        (422, {"detail": "bad"}, "invalid_request", "invalid_request"),
        (400, {"error": {"code": "context_length_exceeded"}}, "context_length_exceeded", "context_length_exceeded"),
        (400, {"error": {"code": 400, "message": "bad"}}, "invalid_request", "invalid_request"),
        (500, {"error": {"message": "oops"}}, "server_error", "server_error"),
        (503, "<html>", "server_error", "server_error"),
        (408, {}, "server_error", "server_error"),
    ],
)
def test_a_status_has_one_meaning(status: int, body: object, code: str, kind: str) -> None:
    """In the response's failure, and for the client that reads it there."""
    failure = TELLER.refusal(status, body)
    assert failure.code == code
    assert error_kind(failure.code, failure.kind) == kind
    assert kind in POLICIES or kind == "context_length_exceeded"
    assert "http://h/v1" in failure.message
    assert KEY not in failure.message


def test_an_address_that_is_wrong_says_what_is_usual() -> None:
    """A server that is there, and knows no such path."""
    assert "ends in /v1" in TELLER.refusal(404, "404 page not found").message
    assert "ends in /v1" not in TELLER.refusal(404, {"error": "model 'x' not found"}).message
    assert "somewhere else" in TELLER.refusal(301, None).message


def test_errors_inside_a_stream_mean_the_same() -> None:
    """By their code, be it a status; what has none is the endpoint's own trouble."""
    assert TELLER.in_answer({"code": 429, "message": "slow"}).code == "rate_limit_exceeded"
    assert TELLER.in_answer({"code": "context_length_exceeded"}).code == "context_length_exceeded"
    told = TELLER.in_answer({"message": f"broke with {KEY}"})
    assert told.code == "server_error"
    assert KEY not in told.message
    assert TELLER.in_answer("broke").code == "server_error"


def test_a_key_that_is_refused_is_named_and_never_shown() -> None:
    """So is how to give one."""
    assert "the key in MY_KEY" in TELLER.refusal(401, KEY).message
    assert "service.brain_api_key_env" in FailureTeller("http://h/v1").refusal(401, {}).message
    assert KEY not in repr(TELLER)


@pytest.mark.parametrize(
    ("status", "said", "refuses"),
    [
        (400, "registry.ollama.ai/library/gemma:2b does not support tools", True),
        (404, "No endpoints found that support tool use.", True),
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', True),
        (500, "tools param requires --jinja flag", True),
        (400, "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'", False),
        (400, "Invalid schema for function 'find': None is not of type 'object'", False),
        (400, "context is too long", False),
        (429, "too many tools were called", False),
        (401, "no tools without a key", False),
    ],
)
def test_who_takes_no_tools(status: int, said: str, refuses: bool) -> None:
    """As servers put it; what is wrong with our own messages is another thing."""
    assert TELLER.refusal(status, {"error": {"message": said}}).refuses_tools is refuses
    assert TELLER.refusal(status, {"error": said}).refuses("nothing of the kind") is False
