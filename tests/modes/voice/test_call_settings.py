"""What holds in one call: the run config, and where that is null the simulation file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evalkit.compose.planning import plan
from evalkit.modes.voice.call_settings import CallSettings, settings_of
from evalkit.records.case import Case
from evalkit.runner.jobs import packaged_source
from evalkit.runner.prepare import read_settings

WISHES: dict[str, Any] = {
    "assistant": {"model": "gpt-a", "voice": "cedar"},
    "simulator": {"model": "gpt-b", "voice": "ash"},
    "audio": {"input_format": "g711_ulaw", "output_format": "g711_alaw", "chunk_ms": 60, "real_time": True},
}


def _settle(*overrides: str, own: Any = WISHES, max_turns: int = 10) -> CallSettings:
    config = plan(["mode=run", *overrides], packaged_source()).jobs[0].config
    _, settings = read_settings(config, Path("/somewhere"))
    return settings_of(settings, Case("sim", "run", {"own_settings": own, "max_turns": max_turns}))


HOSTED = ("provider=openai",)
OPEN = ("chunk_ms=null", "audio.input_format=null", "audio.output_format=null")


def test_where_the_run_config_is_null_the_file_holds() -> None:
    """Models, voices, formats, chunks and pacing alike."""
    found = _settle(*HOSTED, *OPEN)
    assert (found.assistant_model, found.assistant_voice) == ("gpt-a", "cedar")
    assert (found.simulator_model, found.caller_voice) == ("gpt-b", "ash")
    assert (found.input_format, found.output_format) == ("g711_ulaw", "g711_alaw")
    assert (found.chunk_ms, found.real_time) == (60, True)
    assert found.overruled == ()


def test_what_the_run_config_names_wins_and_is_told() -> None:
    """So that a sweep always takes effect."""
    found = _settle(
        *HOSTED, "assistant.model=x", "simulator.voice=marin", "chunk_ms=40", "real_time=false", "assistant.voice=echo"
    )
    assert (found.assistant_model, found.assistant_voice, found.caller_voice) == ("x", "echo", "marin")
    assert (found.chunk_ms, found.real_time, found.input_format) == (40, False, "pcm16")
    assert "assistant.model=gpt-a (in effect: x)" in found.overruled
    assert "chunk_ms=60 (in effect: 40)" in found.overruled
    assert not any(text.startswith("simulator.model") for text in found.overruled)


def test_without_a_wish_the_documented_defaults_hold() -> None:
    """The provider's models, the speech role's voice, PCM16, 20 ms; real time where the assistant is hosted."""
    hosted, local = _settle(*HOSTED, *OPEN, own={}), _settle(*OPEN, own={})
    assert (hosted.assistant_model, hosted.simulator_model) == ("gpt-realtime", "gpt-realtime")
    assert (local.assistant_model, local.simulator_model) == ("local-agent", "local-caller")
    assert (local.assistant_voice, local.caller_voice) == (None, "marin")
    assert (local.input_format, local.output_format, local.chunk_ms) == ("pcm16", "pcm16", 20)
    assert (hosted.real_time, local.real_time) == (True, False)


def test_the_embedded_provider_is_never_asked_for_a_hosted_model() -> None:
    """Whatever a file wishes for; its voices it knows."""
    found = _settle()
    assert (found.assistant_model, found.simulator_model) == ("local-agent", "local-caller")
    assert (found.assistant_voice, found.caller_voice) == ("cedar", "ash")
    assert "simulator.model=gpt-b (in effect: local-caller)" in found.overruled


@pytest.mark.parametrize("own", [{}, {"audio": {"real_time": False}}])
def test_full_duplex_is_held_at_the_speed_of_speech(own: Any) -> None:
    """Whoever serves the assistant, and whatever a file wishes for."""
    assert _settle("turn_detection=server_vad", own=own).real_time
    assert not _settle("turn_detection=none", own=own).real_time


def test_a_text_caller_has_a_text_model_of_its_own() -> None:
    """A realtime model's name in a file is none for it; one in the run config is taken at its word."""
    assert _settle(*HOSTED, "simulator.kind=text").simulator_model == "gpt-4.1-mini"
    assert _settle("simulator.kind=text").simulator_model == "local-caller"
    assert _settle(*HOSTED, "simulator.kind=text", "simulator.model=gpt-4.1").simulator_model == "gpt-4.1"


def test_the_speech_roles_voice_is_not_forced_on_another_providers_caller() -> None:
    """Voices are a provider's own; a text caller has no other mouth."""
    moved = "provider@simulator.provider=openai"
    assert _settle(moved, own={}).caller_voice is None
    assert _settle(moved, "simulator.kind=text", own={}).caller_voice == "marin"
    assert _settle(moved, "simulator.voice=ash", own={}).caller_voice == "ash"


@pytest.mark.parametrize(("overrides", "turns"), [((), 7), (("max_turns=3",), 3)])
def test_turns_come_from_the_run_config_before_the_file(overrides: tuple[str, ...], turns: int) -> None:
    """The index's override has already taken the file's place when it gets here."""
    assert _settle(*overrides, max_turns=7).max_turns == turns
