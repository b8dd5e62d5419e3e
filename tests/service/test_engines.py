"""Engines by name."""

from __future__ import annotations

import pytest

from evalkit.errors import ConfigError
from evalkit.service.engines import (
    SPEECH_ENGINES,
    TRANSCRIPTION_ENGINES,
    EngineChoice,
    build_speech,
    build_transcription,
)
from evalkit.service.offered import offered_voices


@pytest.mark.parametrize("name", SPEECH_ENGINES)
def test_every_speech_engine_is_built(name):
    """Each name gives the engine of that name, without loading it, with the voices that are offered."""
    choice = EngineChoice(speech=name, base_url="http://x/v1", speech_model="m")
    engine = build_speech(choice)
    assert engine.name == name
    assert engine.speakers == offered_voices()


@pytest.mark.parametrize("name", TRANSCRIPTION_ENGINES)
def test_every_transcription_engine_is_built(name):
    """Each name gives the recogniser of that name, without loading it."""
    choice = EngineChoice(transcription=name, base_url="http://x/v1", transcription_model="m")
    assert build_transcription(choice).name == name


def test_unknown_names():
    """A name that does not exist is refused with the ones that do."""
    with pytest.raises(ConfigError, match="'bob' is not one of hibari, pico, openai"):
        build_speech(EngineChoice(speech="bob"))
    with pytest.raises(ConfigError, match="'bob' is not one of whisper, pocketsphinx, openai"):
        build_transcription(EngineChoice(transcription="bob"))
