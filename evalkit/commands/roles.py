"""The roles that are served over HTTP, each built from settings in one place: who speaks, and who listens."""

from __future__ import annotations

import os
from pathlib import Path

import evalkit
from evalkit.commands.prepare import endpoint_of
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.providers.speech import SpeechSynthesiser, VoiceChoice
from evalkit.providers.transcription import Transcriber
from evalkit.settings.types import RunSettings, Service


def open_cache() -> ContentCache:
    """Return the cache between runs, in ``$EVALKIT_CACHE`` or the user's cache folder."""
    chosen = os.environ.get("EVALKIT_CACHE")
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalkit"
    return ContentCache((Path(chosen).expanduser() if chosen else root) / "v1")


def speech_role(
    settings: RunSettings,
    clients: Clients,
    cache: ContentCache,
    embedded_url: str | None,
    *,
    voice: str | None = None,
    speed: float | None = None,
) -> SpeechSynthesiser:
    """Return who speaks texts, by default with the voice and speed of the settings."""
    service, speech = settings.service, settings.speech
    identity = _embedded_identity(service, service.speech, service.speech_model)
    endpoint = endpoint_of(speech.provider, embedded_url, identity=identity)
    choice = VoiceChoice(str(speech.model), voice or speech.voice, speech.speed if speed is None else speed)
    return SpeechSynthesiser(clients, endpoint, choice, cache)


def transcription_role(
    settings: RunSettings, clients: Clients, cache: ContentCache, embedded_url: str | None
) -> Transcriber | None:
    """Return who writes down what is heard; None when the provider has no model for it."""
    model = settings.provider.models.transcription
    if model is None:
        return None
    service = settings.service
    identity = _embedded_identity(service, service.transcription, service.transcription_model)
    return Transcriber(clients, endpoint_of(settings.provider, embedded_url, identity=identity), model, cache)


def _embedded_identity(service: Service, engine: str, model: str | None) -> str:
    """Return what caches know an engine of the embedded provider by: its port changes, its engines do not."""
    return ":".join(["local", evalkit.__version__, engine, *(part for part in (service.base_url, model) if part)])
