"""Addresses, keys and headers of a provider."""

from __future__ import annotations

import pytest

from evalkit.errors import ConfigError
from evalkit.gateway.protocols import ModelProtocol
from evalkit.gateway.upstream import Upstream, answer_headers, query_without_key

KEY = "sk-secret-12345"


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://a.example", "/v1/chat/completions", "https://a.example/v1/chat/completions"),
        ("https://a.example/", "/v1/messages", "https://a.example/v1/messages"),
        ("https://a.example/v1", "/v1/chat/completions", "https://a.example/v1/chat/completions"),
        ("https://a.example/v1/", "/chat/completions", "https://a.example/v1/chat/completions"),
        ("https://a.example/api/v1", "/v1/responses", "https://a.example/api/v1/responses"),
        ("https://a.example/api/paas/v4", "/v1/chat/completions", "https://a.example/api/paas/v4/chat/completions"),
        ("https://a.example/v1beta/openai", "/v1/chat/completions", "https://a.example/v1beta/openai/chat/completions"),
        ("https://a.example/api/anthropic", "/v1/messages", "https://a.example/api/anthropic/v1/messages"),
        ("https://a.example", "/v1beta/models/m:generateContent", "https://a.example/v1beta/models/m:generateContent"),
        ("https://a.example/v1beta", "/v1beta/models", "https://a.example/v1beta/models"),
    ],
)
def test_a_version_in_the_address_stands_in_place_of_the_requests_own(base: str, path: str, url: str) -> None:
    """Whatever a provider's documentation calls its base URL, agents keep their ``/v1``."""
    assert Upstream(base).url_for(path, "") == url
    assert Upstream(base).url_for(path, "a=b") == f"{url}?a=b"


@pytest.mark.parametrize(
    "base",
    [
        "",
        "ftp://a",
        "https://",
        "https://u:p@a.example",
        "https://a.example?x=1",
        "https://a.example:port",
        "a.example/v1",
    ],
)
def test_what_is_no_address_is_refused(base: str) -> None:
    """With words, not with a traceback of the HTTP library."""
    with pytest.raises(ConfigError):
        Upstream(base)


@pytest.mark.parametrize("key", ["", "with space", "with\nline", "schlüssel"])
def test_what_is_no_key_is_refused_without_being_shown(key: str) -> None:
    """Nobody repeats it."""
    with pytest.raises(ConfigError) as refused:
        Upstream("https://a.example", key)
    assert not key or key not in str(refused.value)


def test_no_secret_shows_in_its_text() -> None:
    """Neither the key nor a header."""
    assert KEY not in repr(Upstream("https://a.example", KEY, headers={"authorization": f"Bearer {KEY}"}))


def test_the_agents_credentials_are_replaced() -> None:
    """Whichever header it put them into; what else it said goes up."""
    agent = [
        ("authorization", "Bearer dummy"), ("x-api-key", "dummy"), ("x-goog-api-key", "dummy"), ("api-key", "dummy"),
        ("cookie", "a"), ("host", "127.0.0.1"), ("content-length", "5"), ("accept-encoding", "gzip"), ("te", "x"),
        ("connection", "close, x-hop"), ("x-hop", "1"), ("proxy-authorization", "x"), ("user-agent", "agent/1"),
        ("anthropic-version", "2023-06-01"), ("openai-organization", "dummy"),
    ]  # fmt: skip
    for protocol in ModelProtocol:
        sent = Upstream("https://a.example", KEY, headers={"X-Extra": "1"}).request_headers(protocol, agent)
        names = {name for name, _ in sent}
        assert len(sent) == 5 if protocol else sent
        assert {"user-agent", "anthropic-version", "accept-encoding", "x-extra"} <= names
        assert dict(sent)["accept-encoding"] == "identity"
        assert "dummy" not in str(sent)
        assert str(sent).count(KEY) == 1


def test_without_a_key_none_is_sent() -> None:
    """The dummy goes nowhere even then."""
    upstream = Upstream("http://127.0.0.1:1")
    assert upstream.request_headers(ModelProtocol.CHAT, [("authorization", "Bearer dummy")]) == [
        ("accept-encoding", "identity")
    ]
    assert not upstream.has_key


def test_a_header_with_a_credential_of_its_own_wins_and_is_as_secret() -> None:
    """Some want ``Authorization`` in a protocol that has another header."""
    upstream = Upstream("https://a.example", "sk-unused-12345", headers={"Authorization": f"Bearer {KEY}"})
    sent = dict(upstream.request_headers(ModelProtocol.MESSAGES, []))
    assert sent == {"authorization": f"Bearer {KEY}", "accept-encoding": "identity"}
    assert upstream.has_key
    assert upstream.key_filter.text(f"x {KEY} y") == "x [key] y"


def test_what_comes_back_is_cleaned() -> None:
    """Of the line's own headers, of the account's, and of keys."""
    headers = [("x-a", f"b {KEY}"), ("set-cookie", "x"), ("transfer-encoding", "chunked"), ("content-type", "a/b")]
    given = answer_headers(headers, Upstream("https://a.example", KEY).key_filter)
    assert given == [("x-a", "b [key]"), ("content-type", "a/b")]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("", ""),
        ("key=x", ""),
        ("alt=sse&key=x", "alt=sse"),
        ("KEY=x&a=%2F&b", "a=%2F&b"),
        ("k%65y=x&a=1", "a=1"),
        ("monkey=1", "monkey=1"),
    ],
)
def test_keys_are_taken_out_of_queries(query: str, left: str) -> None:
    """However they are written; the rest stays as it was."""
    assert query_without_key(query) == left
