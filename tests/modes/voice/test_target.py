"""What is called, in every voice mode: what does not fit a telephone line, and what follows from one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.errors import ConfigError
from evalkit.modes.voice.target import NOT_SHOWN, media_stream_target, note_line
from evalkit.realtime.media_stream.dialect import TELNYX, TWILIO
from evalkit.realtime.media_stream.session import MediaStreamTarget
from evalkit.records.not_shown import TOOL_CALLS, TRANSCRIPT, USAGE
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import Prepared, prepare, read_run

MODES = pytest.mark.parametrize("mode", ["crawl", "walk", "run"])
LINE = ("target=media_stream", "target.url=ws://127.0.0.1:8765/ws", "max_examples=1")


def _prepare(*overrides: str, **environ: str) -> Prepared:
    return prepare(plan(overrides, packaged_source()).jobs[0].config, Path.cwd(), environ)


@MODES
@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("target=media_stream",), "target.url: null, but target=media_stream needs the address of the application"),
        ((*LINE, "target.dialect=null"), "target.dialect: null; expected one of twilio, telnyx, plivo"),
        ((*LINE, "target.speaks_first=null"), "target.speaks_first: null; expected agent or caller"),
        ((*LINE, "target.url=ftp://h/ws"), "target.url: 'ftp://h/ws' is not allowed; expected text like 'ws://127"),
        (
            (*LINE, "target.url=ws://me:secret@h/ws"),
            "target.url: must not hold a user name or password (the value is not shown)",
        ),
        ((*LINE, "turn_detection=server_vad"), "the application takes the turns in its own way; set that in the app"),
        ((*LINE, "audio.input_format=pcm16"), "a twilio line carries g711_ulaw at 8 kHz in both directions"),
        ((*LINE, "audio.output_format=g711_alaw", "target.dialect=telnyx"), "carries g711_ulaw or g711_alaw at 8 kHz"),
        ((*LINE, "chunk_ms=40"), "chunk_ms: 40, but a telephone line sends 20 ms at a time"),
        ((*LINE, "real_time=false"), "real_time: false, but a telephone call is held at the speed of speech"),
        ((*LINE, "assistant.voice=cedar"), "assistant.voice: 'cedar', but with target=media_stream the application"),
        ((*LINE, "provider.models.transcription=null"), "a recogniser hears what the application says; name a model"),
        (
            (*LINE, "target.auth_token_env=NOT_SET"),
            "target.auth_token_env: the environment variable NOT_SET is not set",
        ),
        ((*LINE, "target.auth_token_env=12-34"), "is not the name of an environment variable"),
        (("target.url=ws://127.0.0.1:1/ws",), "target.url: 'ws://127.0.0.1:1/ws', but target.kind=realtime calls a"),
        (("+target.parameters.tenant=7",), "target.parameters: only an application is handed some"),
        (("turn_detection=application",), "turn_detection.type: application, but target.kind=realtime"),
    ],
)
def test_what_does_not_fit_what_is_called(mode: str, overrides: tuple[str, ...], problem: str) -> None:
    """One sentence that names the key and what to do, before anything is called."""
    with pytest.raises(ConfigError) as refused:
        _prepare(f"mode={mode}", *overrides)
    assert problem in str(refused.value)


def test_in_writing_there_is_no_line() -> None:
    """Nothing of sound is in the config then."""
    with pytest.raises(ConfigError, match="input=text has no target"):
        plan(("mode=run", "input=text", *LINE), packaged_source())


@MODES
def test_an_application_is_called_in_the_assistants_place(mode: str) -> None:
    """No model of a provider is asked, the application takes the turns, and what a line hides is not measured."""
    prepared = _prepare(f"mode={mode}", *LINE, "assistant.model=my-bot")
    settings: Any = prepared.settings
    assert settings.turn_detection.type == "application"
    assert (settings.real_time, settings.chunk_ms, settings.audio.input_format) == (True, 20, "g711_ulaw")
    assert "assistant" not in prepared.roles
    assert "transcription" in prepared.engines
    assert prepared.mode.subject(settings) == "my-bot"
    told = prepared.mode.describe(settings, prepared.data)
    assert "my-bot at ws://127.0.0.1:8765/ws (twilio, agent speaks first), telephone line in real time" in told
    assert "latency_first_audio_ms" in prepared.mode.unmeasured_latencies(settings, prepared.data)
    fingerprint: Any = prepared.fingerprint(prepared.cases[0])
    assert fingerprint["target"]["url"] == "ws://127.0.0.1:8765/ws"
    assert all(voice.where != "assistant.voice" for voice in prepared.mode.voices(settings, prepared.data))


@MODES
def test_nobodys_model_has_a_price_of_nothing(mode: str) -> None:
    """What an application spends is unknown, though the embedded provider's models cost nothing."""
    from evalkit.peers.pricing import price_table

    prepared = _prepare(f"mode={mode}", *LINE)
    assert prepared.config["assistant"]["model"] == "application"
    assert price_table(prepared.settings).find("application") is None


@MODES
def test_a_realtime_model_is_called_as_before(mode: str) -> None:
    """The choice changes neither the settings that decide a record, nor who is asked."""
    prepared = _prepare(f"mode={mode}", "max_examples=1")
    assert "target" not in prepared.fingerprint(prepared.cases[0])
    assert "assistant" in prepared.roles
    assert media_stream_target(prepared.settings, {}) is None  # type: ignore[arg-type]
    assert note_line(None) == {}


def test_behaviour_needs_a_line_that_is_open_and_has_one() -> None:
    """What a caller does in full duplex, he does on a telephone."""
    assert _prepare("mode=run", *LINE, "simulator=interrupting").cases
    assert _prepare("mode=run", *LINE, "gate.turn_taking.max_response_latency_s=3").cases


def test_the_target_of_a_config() -> None:
    """The token is taken from the environment, and shown nowhere."""
    config = plan(
        ("mode=run", *LINE, "target.dialect=telnyx", "target.speaks_first=caller", "+target.parameters.tenant=7",
         "target.auth_token_env=LINE_TOKEN"), packaged_source(),
    ).jobs[0].config  # fmt: skip
    settings: Any = read_run(config, Path.cwd(), {"LINE_TOKEN": " t0ken "}).settings
    target = media_stream_target(settings, {"LINE_TOKEN": " t0ken "})
    assert target == MediaStreamTarget("ws://127.0.0.1:8765/ws", TELNYX, False, {"tenant": "7"}, "t0ken")  # noqa: FBT003
    assert "t0ken" not in repr(target) + repr(settings)


def test_what_a_line_does_not_show_is_noted_with_the_reason() -> None:
    """Calls, text and tokens are unknown, and the words are the recogniser's."""
    noted: Any = note_line(MediaStreamTarget("ws://h/", TWILIO, agent_speaks_first=True))
    assert set(noted["not_shown"]) == set(NOT_SHOWN) == {TOOL_CALLS, TRANSCRIPT, USAGE}
    assert noted["words"] == {"assistant": "recognised", "caller": "said"}
