"""Which engine speaks, which one transcribes and which brain thinks, by name. Libraries load when first used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from evalkit.errors import ConfigError
from evalkit.service.brain.by_name import BrainsByName
from evalkit.service.brain.rules.brain import RULE_MODELS, RulesBrain
from evalkit.service.brain.seam import Brain
from evalkit.service.brain.solvers.recorded import recorded_models
from evalkit.service.brain.solvers.solvers import solver_models
from evalkit.service.endpoint import endpoint
from evalkit.service.speech.hibari import HibariSpeech
from evalkit.service.speech.pico import PicoSpeech
from evalkit.service.speech.remote import RemoteSpeech
from evalkit.service.speech.seam import SpeechEngine
from evalkit.service.transcription.remote import RemoteTranscription
from evalkit.service.transcription.seam import TranscriptionEngine
from evalkit.service.transcription.sphinx import SphinxTranscription
from evalkit.service.transcription.whisper import WhisperTranscription

SPEECH_ENGINES = ("hibari", "pico", "openai")
TRANSCRIPTION_ENGINES = ("whisper", "pocketsphinx", "openai")
BRAINS = ("rules", "chat")
BRAIN_TOOLS = ("native", "json")


@dataclass(frozen=True)
class EngineChoice:
    """The engines to build.

    Attributes:
        speech: ``hibari``, ``pico`` or ``openai``.
        transcription: ``whisper``, ``pocketsphinx`` or ``openai``.
        brain: ``rules`` or ``chat``.
        brain_url: Where a ``chat`` brain is.
        brain_api_key_env: The environment variable that holds its key; None sends none.
        brain_options: Further fields of every request to it, as a JSON object; None: none.
        brain_tools: How its models are told of tools: ``native`` or ``json``.
        base_url: Where an ``openai`` engine is.
        api_key_env: The environment variable that holds its key; None sends none.
        speech_model: The model an ``openai`` speech engine is asked for.
        transcription_model: The model an ``openai`` transcription engine is asked for.
        tasks_dir: A folder of coding tasks that the solvers know, beside those that ship.

    """

    speech: str = "hibari"
    transcription: str = "whisper"
    brain: str = "rules"
    brain_url: str | None = None
    brain_api_key_env: str | None = None
    brain_options: str | None = None
    brain_tools: str = "native"
    base_url: str | None = None
    api_key_env: str | None = None
    speech_model: str | None = None
    transcription_model: str | None = None
    tasks_dir: Path | None = None


def build_speech(choice: EngineChoice) -> SpeechEngine:
    """Return the chosen speech engine, not yet loaded; raises :class:`ConfigError`."""
    match choice.speech:
        case "hibari":
            return HibariSpeech()
        case "pico":
            return PicoSpeech()
        case "openai":
            return RemoteSpeech(endpoint("speech", choice.base_url, choice.speech_model, choice.api_key_env))
        case other:
            raise ConfigError(f"service.speech: {other!r} is not one of {', '.join(SPEECH_ENGINES)}")


def build_transcription(choice: EngineChoice) -> TranscriptionEngine:
    """Return the chosen transcription engine, not yet loaded; raises :class:`ConfigError`."""
    match choice.transcription:
        case "whisper":
            return WhisperTranscription()
        case "pocketsphinx":
            return SphinxTranscription()
        case "openai":
            return RemoteTranscription(
                endpoint("transcription", choice.base_url, choice.transcription_model, choice.api_key_env)
            )
        case other:
            raise ConfigError(f"service.transcription: {other!r} is not one of {', '.join(TRANSCRIPTION_ENGINES)}")


def build_brain(choice: EngineChoice) -> Brain:
    """Return the chosen brain; raises :class:`ConfigError`."""
    folders = () if choice.tasks_dir is None else (choice.tasks_dir,)
    shipped = RulesBrain({**RULE_MODELS, **solver_models(folders), **recorded_models()})
    match choice.brain:
        case "rules":
            settings = {
                "service.brain_url (--brain-url)": choice.brain_url,
                "service.brain_api_key_env (--brain-api-key-env)": choice.brain_api_key_env,
                "service.brain_options (--brain-options)": choice.brain_options,
                "service.brain_tools (--brain-tools)": choice.brain_tools if choice.brain_tools != "native" else None,
            }
            unused = [setting for setting, value in settings.items() if value is not None]
            if unused:
                remedy = "only service.brain=chat (--brain chat) asks an endpoint"
                raise ConfigError([f"{setting}: {remedy}" for setting in unused])
            return shipped
        case "chat":
            from evalkit.service.brain.chat.brain import ChatBrain
            from evalkit.service.brain.chat.endpoint import chat_endpoint

            place = chat_endpoint(choice.brain_url, choice.brain_api_key_env, choice.brain_options)
            return BrainsByName(shipped, ChatBrain(place, tells_in_words=choice.brain_tools == "json"))
        case other:
            raise ConfigError(f"service.brain: {other!r} is not one of {', '.join(BRAINS)}")
