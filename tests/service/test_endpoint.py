"""Remote engines, against the service itself as the remote endpoint."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.errors import ConfigError, EvalkitError
from evalkit.service.endpoint import RemoteEndpoint, endpoint, find_key_problems, find_url_problems
from evalkit.service.speech.remote import RemoteSpeech
from evalkit.service.transcription.remote import RemoteTranscription


def test_voice_and_ears(service_url):
    """Engines behind an OpenAI-compatible endpoint speak and transcribe."""
    audio = RemoteSpeech(RemoteEndpoint(service_url, "local-speech")).synthesise("Hello.", "marin", 1.0)
    assert (audio.rate_hz, audio.pcm.size) == (24000, 6 * 240)
    heard = RemoteTranscription(RemoteEndpoint(service_url, "local-transcription")).recognise(
        np.zeros(8000, dtype=np.int16), 16000
    )
    assert heard == "500 milliseconds"


def test_the_key_is_sent(guarded_url):
    """With its key the endpoint answers; without it, the error says what the endpoint said."""
    assert (
        RemoteSpeech(RemoteEndpoint(guarded_url, "local-speech", "sesame")).synthesise("Hello.", "marin", 1.0).pcm.size
    )
    with pytest.raises(EvalkitError, match=r"status 401: .*invalid_api_key"):
        RemoteSpeech(RemoteEndpoint(guarded_url, "local-speech")).synthesise("Hello.", "marin", 1.0)


def test_an_endpoint_that_is_not_there():
    """A refused connection is an error that names the address."""
    with pytest.raises(EvalkitError, match=r"http://127.0.0.1:9/v1/audio/speech: ConnectError"):
        RemoteSpeech(RemoteEndpoint("http://127.0.0.1:9/v1", "v")).synthesise("Hello.", "marin", 1.0)


def test_what_is_missing_is_listed_at_once(monkeypatch):
    """Everything that is missing is named in one go, and a key is never shown."""
    monkeypatch.delenv("EVALKIT_TEST_KEY", raising=False)
    with pytest.raises(ConfigError) as refusal:
        endpoint("speech", None, None, "EVALKIT_TEST_KEY")
    assert len(refusal.value.problems) == 3
    monkeypatch.setenv("EVALKIT_TEST_KEY", "canary")
    found = endpoint("speech", "http://x/v1", "m", "EVALKIT_TEST_KEY")
    assert found.key == "canary"
    assert "canary" not in repr(found)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (None, "needed"),
        ("", "is not a URL"),
        ("h/v1", "is not a URL"),
        ("ftp://h/v1", "is not a URL"),
        ("http://", "is not a URL"),
        ("http://[", "is not a URL"),
        ("http://h:99999999/v1", "is not a URL"),
        ("http://h:0/v1", "is not a URL"),
        ("http://me:sesame@h/v1", "must not hold a user name or password"),
        ("https:/me:sesame@h/v1", "is not a URL"),
        ("http://me:sesame/@h/v1", "is not a URL"),
        ("http://h/v1/@me", ""),
        ("http://[::1]:8000/v1", ""),
    ],
)
def test_a_url_that_leads_nowhere_is_refused(url, problem):
    """In one message that names what it is for, and shows no password."""
    problems = find_url_problems("--base-url", url, "needed")
    assert len(problems) == bool(problem)
    assert all(told.startswith(f"--base-url: {problem}") for told in problems)
    assert "sesame" not in str(problems)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        (None, "x", ""),
        ("A_KEY", "x", ""),
        ("A_KEY", " x\n", ""),
        ("A_KEY", " ", "the environment variable A_KEY is not set"),
        ("A_KEY", "sesame open", "the variable A_KEY holds a space"),
        ("sk-sesame", "x", "is not the name of an environment variable"),
    ],
)
def test_a_key_is_named_and_never_shown(monkeypatch, variable, value, problem):
    """Neither one that cannot be one, nor one that stands where its variable was meant."""
    monkeypatch.setenv("A_KEY", value)
    problems = find_key_problems("--api-key-env", variable)
    assert len(problems) == bool(problem)
    assert all(told.startswith(f"--api-key-env: {problem}") for told in problems)
    assert "sesame" not in str(problems)
