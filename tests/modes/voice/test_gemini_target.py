"""What is called with target=gemini_live, in every voice mode: what does not fit it, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.modes.voice.gemini_target import DEFAULT_MODEL, HOSTED_URL, gemini_headers
from evalkit.modes.voice.server_sessions import GEMINI_SESSIONS, REALTIME_SESSIONS
from evalkit.modes.voice.target import sessions_of
from evalkit.peers.pricing import price_table
from evalkit.realtime.gemini_live.duplex import GeminiCall
from evalkit.realtime.gemini_live.session import GeminiSession
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare

MODES = pytest.mark.parametrize("mode", ["crawl", "walk", "run"])
URL = "ws://127.0.0.1:8765/ws"
LIVE = ("target=gemini_live", f"target.url={URL}", "max_examples=1")


def _prepare(*overrides: str, **environ: str) -> Prepared:
    return prepare(plan(overrides, packaged_source()).jobs[0].config, Path.cwd(), environ)


@MODES
@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("target=gemini_live",), "target.url: null, but target=gemini_live needs the address of a server"),
        ((*LIVE, "target.url=https://h/ws"), "target.url: its scheme is https, but target=gemini_live speaks over a"),
        (
            (*LIVE, "target.url='wss://h/ws?key=s3cret-key'"),
            "target.url: holds a key (the value is not shown), and would stand in every record",
        ),
        ((*LIVE, "target.url='wss://h?key=s3cret-key'"), "target.url: holds a key (the value is not shown), and would"),
        ((*LIVE, f"target.url={HOSTED_URL}"), "generativelanguage.googleapis.com takes no session without a key"),
        ((*LIVE, "target.api_key_env=NOT_SET"), "target.api_key_env: the environment variable NOT_SET is not set"),
        ((*LIVE, "target.api_key_env=12-34"), "is not the name of an environment variable"),
        ((*LIVE, "target.api_key_env=ODD"), "ODD holds a space or a letter outside ASCII, so it cannot be a key"),
        ((*LIVE, "target.dialect=twilio"), "target.dialect: 'twilio', which target=gemini_live does not have"),
        ((*LIVE, "target.speaks_first=agent"), "target.speaks_first: 'agent', which target=gemini_live does not have"),
        ((*LIVE, "target.auth_token_env=T"), "target.auth_token_env: 'T', which target=gemini_live does not have"),
        ((*LIVE, "+target.parameters.a=b"), "target.parameters: only an application behind a telephone line"),
        ((*LIVE, "audio.input_format=pcm16"), "Gemini Live hears pcm16_16khz and speaks pcm16; leave both out"),
        ((*LIVE, "audio.output_format=g711_ulaw"), "Gemini Live hears pcm16_16khz and speaks pcm16; leave both out"),
        ((*LIVE, "audio.sample_rate_hz=24000"), "audio.sample_rate_hz: 24000 does not fit audio.input_format="),
        (
            (*LIVE, "turn_detection=semantic_vad"),
            "turn_detection.type: semantic_vad, but Gemini Live has one detection",
        ),
        (
            (*LIVE, "turn_detection=server_vad", "turn_detection.threshold=0.7"),
            "turn_detection.threshold: 0.7, which Gemini Live does not have; leave it out",
        ),
        (
            (*LIVE, "turn_detection=server_vad", "turn_detection.idle_timeout_ms=5000"),
            "turn_detection.idle_timeout_ms: 5000, which Gemini Live does not have",
        ),
        (
            (*LIVE, "turn_detection=server_vad", "real_time=false"),
            "real_time: false, but with turn_detection=server_vad",
        ),
        ((*LIVE, "tool_host.enabled=true"), "target.kind=gemini_live, whose tools are asked for over the wire"),
        ((f"target.url={URL}",), "target.kind=realtime calls a model at a provider"),
        (("target.api_key_env=K",), "target.api_key_env: 'K', but target.kind=realtime calls a model at a provider"),
        (("audio.input_format=pcm16_16khz",), "pcm16_16khz, but target.kind=realtime, whose protocol has no such"),
        (
            ("target=media_stream", f"target.url={URL}", "target.api_key_env=K"),
            "target.api_key_env: 'K', which target=media_stream does not have",
        ),
    ],
)
def test_what_does_not_fit_what_is_called(mode: str, overrides: tuple[str, ...], problem: str) -> None:
    """One sentence that names the key and what to do, before anything is called; a key is not in it."""
    with pytest.raises(ConfigError) as refused:
        _prepare(f"mode={mode}", *overrides, ODD="s3cret key")
    assert problem in str(refused.value)
    assert "s3cret" not in str(refused.value)


@MODES
def test_a_server_is_called_in_the_providers_place(mode: str) -> None:
    """No model of a provider is asked, sound has the server's rates, and nothing that a line hides is unmeasured."""
    prepared = _prepare(f"mode={mode}", *LIVE)
    settings: Any = prepared.settings
    audio = settings.audio
    assert (audio.input_format, audio.sample_rate_hz, audio.output_sample_rate_hz) == ("pcm16_16khz", 16_000, 24_000)
    assert (settings.assistant.model, settings.turn_detection.type) == (DEFAULT_MODEL, "none")
    assert settings.real_time is (mode == "run")
    assert "assistant" not in prepared.roles
    assert prepared.mode.engines(settings) == (frozenset() if mode == "walk" else {"speech"})
    assert f"assistant {DEFAULT_MODEL} at Gemini Live ({URL})" in prepared.mode.describe(settings, prepared.data)
    assert "latency_first_audio_ms" not in prepared.mode.unmeasured_latencies(settings, prepared.data)
    fingerprint: Any = prepared.fingerprint(prepared.cases[0])
    assert fingerprint["target"] == {"kind": "gemini_live", "url": URL}
    assert all(not voice.where.endswith("assistant.voice") for voice in prepared.mode.voices(settings, prepared.data))
    assert price_table(settings).find(DEFAULT_MODEL) is None


@MODES
def test_in_full_duplex(mode: str) -> None:
    """What the server has no word for is left out, and stands so in the config."""
    prepared = _prepare(f"mode={mode}", *LIVE, "turn_detection=server_vad", "assistant.model=my-model")
    settings: Any = prepared.settings
    detection = settings.turn_detection
    assert (detection.threshold, detection.prefix_padding_ms, detection.silence_duration_ms) == (None, 300, 500)
    assert settings.real_time
    assert prepared.mode.subject(settings) == "my-model"
    fingerprint: Any = prepared.fingerprint(prepared.cases[0])
    assert fingerprint["turn_detection"]["type"] == "server_vad"


def test_a_simulations_model_and_voice_are_of_another_provider() -> None:
    """They are not asked for, and the run says so."""
    from evalkit.modes.voice.call_settings import settings_of

    prepared = _prepare("mode=run", *LIVE)
    chosen = settings_of(prepared.settings, prepared.cases[0])  # type: ignore[arg-type]
    assert (chosen.assistant_model, chosen.assistant_voice) == (DEFAULT_MODEL, None)
    named = _prepare("mode=run", *LIVE, "assistant.voice=Kore")
    assert settings_of(named.settings, named.cases[0]).assistant_voice == "Kore"  # type: ignore[arg-type]


def test_the_sessions_and_the_key() -> None:
    """Those of the protocol; the key is taken from the environment, into a header that is not shown."""
    assert (GEMINI_SESSIONS.asked, GEMINI_SESSIONS.duplex) == (GeminiSession, GeminiCall)
    with_key = (*LIVE, "target.api_key_env=LIVE_KEY")
    settings: Any = _prepare("mode=run", *with_key, LIVE_KEY=" s3cret-key ").settings
    assert sessions_of(settings) is GEMINI_SESSIONS
    assert gemini_headers(settings.target, {"LIVE_KEY": " s3cret-key "}) == {"x-goog-api-key": "s3cret-key"}
    assert "s3cret" not in repr(settings)
    plain: Any = _prepare("mode=run", *LIVE).settings
    assert gemini_headers(plain.target, {}) == {}
    assert sessions_of(_prepare("mode=run", "max_examples=1").settings) is REALTIME_SESSIONS  # type: ignore[arg-type]
