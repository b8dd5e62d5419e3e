"""Which request is which, and the form of errors."""

from __future__ import annotations

import json

import pytest
from gateway_partner import PROTOCOLS, error_text

from evalkit.gateway.protocols import ModelProtocol, Operation, RequestKind, error_body, key_headers, recognise

_G, _C, _L = Operation.GENERATE, Operation.COUNT_TOKENS, Operation.LIST_MODELS


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/v1/chat/completions", RequestKind(ModelProtocol.CHAT, _G)),
        ("POST", "/chat/completions", RequestKind(ModelProtocol.CHAT, _G)),
        ("POST", "/v1/responses", RequestKind(ModelProtocol.RESPONSES, _G)),
        ("POST", "/v1/messages", RequestKind(ModelProtocol.MESSAGES, _G)),
        ("POST", "/v1/messages/count_tokens", RequestKind(ModelProtocol.MESSAGES, _C)),
        ("POST", "/v1beta/models/g-2.5:generateContent", RequestKind(ModelProtocol.GEMINI, _G, "g-2.5")),
        (
            "POST",
            "/v1beta/models/a%2Fb:streamGenerateContent",
            RequestKind(ModelProtocol.GEMINI, _G, "a/b", streams=True),
        ),
        ("POST", "/v1/models/tuned/x:countTokens", RequestKind(ModelProtocol.GEMINI, _C, "tuned/x")),
        ("GET", "/v1/models", RequestKind(ModelProtocol.CHAT, _L)),
        ("GET", "/v1/models/openai/gpt-4", RequestKind(ModelProtocol.CHAT, _L, "openai/gpt-4")),
        ("GET", "/v1beta/models", RequestKind(ModelProtocol.GEMINI, _L)),
        ("GET", "/v1/chat/completions", None),
        ("POST", "/v1/chat/completions/x", None),
        ("POST", "/v1/x/chat/completions", None),
        ("POST", "/v1/models/m:batchGenerateContent", None),
        ("POST", "/v1/models/m:generateContent:generateContentx", None),
        ("POST", "/v1//messages", None),
        ("POST", "/v1/%2e%2e/messages", None),
        ("PUT", "/v1/messages", None),
        ("GET", "/v1/models/../files", None),
        ("GET", "/", None),
    ],
)
def test_a_request_is_known_by_method_and_path(method: str, path: str, kind: RequestKind | None) -> None:
    """With a version or without one; nothing that only looks alike."""
    assert recognise(method, path, {}) == kind


@pytest.mark.parametrize(
    ("headers", "protocol"),
    [({"anthropic-version": "2023-06-01"}, "messages"), ({"x-goog-api-key": "d"}, "gemini"), ({}, "chat")],
)
def test_whose_models_are_listed_is_told_by_the_headers(headers: dict[str, str], protocol: str) -> None:
    """The path is the same for all."""
    kind = recognise("GET", "/v1/models", headers)
    assert kind is not None
    assert kind.protocol == protocol


@pytest.mark.parametrize("status", [400, 404, 413, 415, 429, 502, 503, 504])
def test_errors_are_in_the_form_of_the_protocol(status: int) -> None:
    """Each client finds the words where it looks for them."""
    for protocol in PROTOCOLS:
        body = json.loads(error_body(ModelProtocol(protocol), status, "why", "what happened"))
        assert error_text(protocol, body) == "what happened"
    assert json.loads(error_body(None, status, "why", "é"))["error"]["message"] == "é"


def test_a_spent_budget_is_told_in_the_word_that_ends_retries() -> None:
    """Clients of OpenAI's protocols try again after every other 429."""
    error = json.loads(error_body(ModelProtocol.CHAT, 429, "budget", "x"))["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "insufficient_quota")


def test_the_key_goes_where_the_protocol_has_it() -> None:
    """One header each."""
    assert (
        key_headers(ModelProtocol.CHAT, "k")
        == key_headers(ModelProtocol.RESPONSES, "k")
        == {"authorization": "Bearer k"}
    )
    assert key_headers(ModelProtocol.MESSAGES, "k") == {"x-api-key": "k"}
    assert key_headers(ModelProtocol.GEMINI, "k") == {"x-goog-api-key": "k"}
