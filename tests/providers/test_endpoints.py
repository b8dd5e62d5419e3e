"""Endpoints: URLs and headers of each provider, and keys that never show."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import ConfigError
from evalkit.providers.endpoints import (
    ProviderEndpoint,
    find_key_problems,
    find_url_problems,
    http_base_url,
    read_key,
    realtime_url,
    redact,
    request_headers,
    request_url,
)

OPENAI = ProviderEndpoint("openai", "https://api.openai.com/v1", "OPENAI_API_KEY")
LOCAL = ProviderEndpoint("local", "http://127.0.0.1:1234/v1")
AZURE = ProviderEndpoint("azure", "https://res.openai.azure.com/openai/v1", "AZURE_OPENAI_API_KEY")
PREVIEW = ProviderEndpoint(
    "azure", "https://res.openai.azure.com/openai/v1", "AZURE_OPENAI_API_KEY", "2025-04-01-preview"
)
CANARY = "sk-canary-0123456789abcdef"


@pytest.mark.parametrize(
    ("endpoint", "model", "expected"),
    [
        (OPENAI, "gpt-realtime", "wss://api.openai.com/v1/realtime?model=gpt-realtime"),
        (LOCAL, "local-agent", "ws://127.0.0.1:1234/v1/realtime?model=local-agent"),
        (AZURE, "my-dep", "wss://res.openai.azure.com/openai/v1/realtime?model=my-dep"),
        (
            PREVIEW,
            "my-dep",
            "wss://res.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=my-dep",
        ),
        (ProviderEndpoint("compatible", "http://h/v1/"), "a/b c&d", "ws://h/v1/realtime?model=a%2Fb%20c%26d"),
        (ProviderEndpoint("compatible", "http://[::1]:99/x/v1"), "m", "ws://[::1]:99/x/v1/realtime?model=m"),
    ],
)
def test_realtime_url(endpoint: ProviderEndpoint, model: str, expected: str) -> None:
    """Each provider's realtime URL has its documented shape, and the model is quoted."""
    assert realtime_url(endpoint, model) == expected


@pytest.mark.parametrize(
    ("endpoint", "path", "model", "expected"),
    [
        (OPENAI, "/responses", "m", "https://api.openai.com/v1/responses"),
        (AZURE, "/audio/speech", "dep", "https://res.openai.azure.com/openai/v1/audio/speech"),
        (
            PREVIEW, "/audio/speech", "a/b c",
            "https://res.openai.azure.com/openai/deployments/a%2Fb%20c/audio/speech?api-version=2025-04-01-preview",
        ),
        (
            PREVIEW, "/chat/completions", "dep",
            "https://res.openai.azure.com/openai/deployments/dep/chat/completions?api-version=2025-04-01-preview",
        ),
        (PREVIEW, "/responses", "dep", "https://res.openai.azure.com/openai/responses?api-version=2025-04-01-preview"),
        (ProviderEndpoint("compatible", "http://h/v1/"), "/audio/speech", "a/b", "http://h/v1/audio/speech"),
    ],
)  # fmt: skip
def test_request_url(endpoint: ProviderEndpoint, path: str, model: str, expected: str) -> None:
    """Below the base URL; with a dated version of Azure below the deployment, but for the path that has none."""
    assert request_url(endpoint, path, model) == expected


@pytest.mark.parametrize("path", ["", "/", "/openai", "/openai/", "/openai/v1", "/openai/v1/"])
def test_azure_path_may_be_left_out(path: str) -> None:
    """An Azure resource's address is completed, for the generally available and the preview kind."""
    base = f"https://res.openai.azure.com{path}"
    assert http_base_url(ProviderEndpoint("azure", base)) == "https://res.openai.azure.com/openai/v1"
    assert (
        http_base_url(ProviderEndpoint("azure", base, api_version="2025-04-01-preview"))
        == "https://res.openai.azure.com"
    )
    assert realtime_url(ProviderEndpoint("azure", base), "d") == "wss://res.openai.azure.com/openai/v1/realtime?model=d"


def test_azure_behind_a_gateway_keeps_its_prefix() -> None:
    """A path before /openai belongs to a gateway and stays."""
    gateway = ProviderEndpoint("azure", "https://gw.example/team/openai/v1")
    assert realtime_url(gateway, "d") == "wss://gw.example/team/openai/v1/realtime?model=d"


@given(model=st.text(min_size=1, max_size=40).filter(lambda text: "\x00" not in text))
def test_every_model_name_survives_the_url(model: str) -> None:
    """Whatever a model is called, the peer reads the same name out of the query."""
    url = realtime_url(OPENAI, model.encode("utf-8", "replace").decode())
    assert parse_qs(urlsplit(url).query, keep_blank_values=True)["model"] == [model.encode("utf-8", "replace").decode()]


@pytest.mark.parametrize(
    ("base_url", "said"),
    [
        ("ftp://host/v1", "not an HTTP address"),
        ("host:80/v1", "not an HTTP address"),
        ("https:///v1", "not an HTTP address"),
        ("https://host:port/v1", "is not a URL"),
        ("https://host/v1?x=1", "must end with its path"),
        ("https://[::1/v1", "is not a URL"),
    ],
)
def test_bad_urls_are_explained(base_url: str, said: str) -> None:
    """A base URL that cannot work is refused with what is wrong about it."""
    assert said in find_url_problems(ProviderEndpoint("compatible", base_url))[0]
    with pytest.raises(ConfigError, match="base_url"):
        realtime_url(ProviderEndpoint("compatible", base_url), "m")


def test_a_password_in_a_url_is_refused_unseen() -> None:
    """A URL with a password is refused and not repeated."""
    problems = find_url_problems(ProviderEndpoint("compatible", f"https://me:{CANARY}@host/v1"))
    assert "user name or password" in problems[0]
    assert CANARY not in problems[0]


def test_headers_of_each_provider() -> None:
    """OpenAI wants a bearer token, Azure an api-key, the embedded provider nothing."""
    environ = {"OPENAI_API_KEY": CANARY, "AZURE_OPENAI_API_KEY": CANARY}
    assert request_headers(OPENAI, environ) == {"Authorization": f"Bearer {CANARY}"}
    assert request_headers(AZURE, environ) == {"api-key": CANARY}
    assert request_headers(LOCAL, environ) == {}


@pytest.mark.parametrize("value", [None, "", "  \n"])
def test_a_missing_key_is_explained(value: str | None) -> None:
    """Without a key the message names the variable, how to set it, and the provider that needs none."""
    environ = {} if value is None else {"OPENAI_API_KEY": value}
    with pytest.raises(ConfigError) as caught:
        request_headers(OPENAI, environ)
    message = str(caught.value)
    assert "OPENAI_API_KEY" in message
    assert "export OPENAI_API_KEY=" in message
    assert "provider=local" in message
    assert ("not set" if value is None else "is empty") in message


def test_a_key_is_stripped() -> None:
    """The newline that a shell's $(cat file) leaves does no harm."""
    assert read_key(OPENAI, {"OPENAI_API_KEY": f" {CANARY}\r\n"}) == CANARY


@pytest.mark.parametrize("broken", [f"{CANARY} {CANARY}", f"{CANARY}\nHost: evil", f"{CANARY}é", f"{CANARY}\x00"])
def test_a_key_that_is_none_is_refused_unseen(broken: str) -> None:
    """A value that no header can carry is refused, and not a part of it is shown."""
    problems = find_key_problems(OPENAI, {"OPENAI_API_KEY": broken})
    assert "OPENAI_API_KEY" in problems[0]
    assert "canary" not in problems[0]


def test_an_endpoint_knows_no_key() -> None:
    """The repr of an endpoint names the variable only."""
    assert "OPENAI_API_KEY" in repr(OPENAI)
    assert "sk-" not in repr(OPENAI)


@pytest.mark.parametrize("shown", [CANARY, quote(CANARY + "+/=", safe=""), json.dumps(CANARY)])
def test_redact_finds_a_key_in_its_disguises(shown: str) -> None:
    """A key is replaced by its variable's name, also URL-quoted or in JSON."""
    environ = {"K": CANARY + "+/=\n" if "%" in shown else CANARY, "OTHER": "left alone"}
    cleaned = redact(f"bad key {shown}, left alone", environ, ["K", None, "UNSET"])
    assert cleaned.replace('"', "") == "bad key [K], left alone"


@given(text=st.text(max_size=80), key=st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=12))
def test_redact_leaves_nothing(text: str, key: str) -> None:
    """After redaction the key stands nowhere, unless it is blank or a part of the placeholder."""
    cleaned = redact(text + key + text, {"NAME": key}, ["NAME"])
    assert not key.strip() or key in "[NAME]" or key not in cleaned.replace("[NAME]", "\0")


def test_cache_identity_does_not_change_with_a_port() -> None:
    """The embedded provider is known to caches by its engines, others by their URL."""
    assert (
        ProviderEndpoint("local", "http://127.0.0.1:4711/v1", identity="local:hibari").cache_identity == "local:hibari"
    )
    assert ProviderEndpoint("compatible", "http://h/v1/").cache_identity == "http://h/v1"
