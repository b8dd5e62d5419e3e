"""Engines by name."""

from __future__ import annotations

import pytest

from evalkit.errors import ConfigError
from evalkit.service.engines import (
    BRAINS,
    SPEECH_ENGINES,
    TRANSCRIPTION_ENGINES,
    EngineChoice,
    build_brain,
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


async def test_every_brain_is_built():
    """Rules know the names that ship; with a chat brain every other name is the endpoint's."""
    urls = {"rules": None, "chat": "http://h/v1"}
    rules, chat = [build_brain(EngineChoice(brain=name, brain_url=urls[name])) for name in BRAINS]
    assert [rules.knows(name) for name in ("local-agent", "qwen3")] == [True, False]
    assert [chat.knows(name) for name in ("local-agent", "qwen3")] == [True, True]
    assert [chat.thinks_elsewhere(name) for name in ("local-agent", "qwen3")] == [False, True]
    assert rules.models == chat.models
    for brain in (rules, chat):
        await brain.aclose()


def test_unknown_names():
    """A name that does not exist is refused with the ones that do."""
    with pytest.raises(ConfigError, match="'bob' is not one of hibari, pico, openai"):
        build_speech(EngineChoice(speech="bob"))
    with pytest.raises(ConfigError, match="'bob' is not one of whisper, pocketsphinx, openai"):
        build_transcription(EngineChoice(transcription="bob"))
    with pytest.raises(ConfigError, match="'bob' is not one of rules, chat"):
        build_brain(EngineChoice(brain="bob"))
