"""Who a run talks to. One :class:`Peers` per run: every role's endpoint, client and price in one frozen object."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import evalkit
from evalkit.engine.quota import OwnQuota
from evalkit.peers.endpoints import endpoint_of
from evalkit.peers.judge import JudgeService
from evalkit.peers.pricing import price_table
from evalkit.peers.request_policy import RequestPolicy
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients, Slot
from evalkit.providers.endpoints import Endpoint, realtime_url, request_headers
from evalkit.providers.prices import Prices
from evalkit.providers.responses import TextModel
from evalkit.providers.speech import SpeechSynthesiser, VoiceChoice
from evalkit.providers.transcription import Transcriber
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.records.faults import Stage
from evalkit.settings.types import Provider, RunSettings


class SpeechRole(Protocol):
    """The node of the config that says who speaks, and how."""

    @property
    def provider(self) -> Provider:
        """Where it is."""
        ...

    @property
    def model(self) -> str | None:
        """Its name."""
        ...

    @property
    def voice(self) -> str:
        """The voice that speaks where nobody names another."""
        ...

    @property
    def speed(self) -> float:
        """1 is the voice's own."""
        ...


@dataclass(frozen=True)
class RealtimeAddress:
    """Where a realtime model is; the headers hold the key and are never shown."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Peers:
    """Makes what each role needs, from the settings of a run.

    Attributes:
        settings: Of the run; replayed runs are addressed already.
        clients: HTTP clients by endpoint, for one event loop.
        cache: What was spoken, heard or judged before.
        prices: Of every model that has one.
        embedded_url: Where the embedded provider runs; None: it does not.
        on_rate_limits: Told of a realtime server's limits whenever it says them.

    """

    settings: RunSettings
    clients: Clients
    cache: ContentCache
    prices: Prices
    embedded_url: str | None
    on_rate_limits: OnRateLimits = lambda _: None

    def realtime(self, role: str, model: str) -> RealtimeAddress:
        """Return where `model` answers a realtime session of `role`."""
        endpoint = self._endpoint(self.settings.roles[role].provider)
        return RealtimeAddress(realtime_url(endpoint, model), request_headers(endpoint, os.environ))

    def text(self, role: str, model: str, stage: Stage = Stage.GRADING) -> TextModel:
        """Return `model` as `role` asks it for text; a request that fails does so at `stage`."""
        endpoint = self._endpoint(self.settings.roles[role].provider)
        return TextModel(self.clients, endpoint, model, stage=stage)

    def judge(self) -> JudgeService | None:
        """Return the judge; None when the settings name no model. The embedded one is free, and not cached."""
        chosen = self.settings.judge
        if chosen.model is None:
            return None
        endpoint = self._endpoint(chosen.provider)
        return JudgeService(
            model=chosen.model,
            votes=chosen.votes,
            source=TextModel(self.clients, endpoint, chosen.model),
            policy=RequestPolicy.from_settings(self.settings, slot=self.clients.slot),
            prices=self.prices,
            cache=None if chosen.provider.name == "local" else self.cache,
            identity=endpoint.cache_identity,
        )

    def speech(self, role: SpeechRole, *, voice: str | None = None, speed: float | None = None) -> SpeechSynthesiser:
        """Return who speaks texts, by default with the voice and speed of `role`."""
        service = self.settings.service
        identity = self._embedded_identity(service.speech, service.speech_model)
        choice = VoiceChoice(str(role.model), voice or role.voice, role.speed if speed is None else speed)
        return SpeechSynthesiser(self.clients, self._endpoint(role.provider, identity), choice, self.cache)

    def transcription(self) -> Transcriber | None:
        """Return who writes down what is heard; None when the provider has no model for it."""
        provider, service = self.settings.provider, self.settings.service
        if provider.models.transcription is None:
            return None
        identity = self._embedded_identity(service.transcription, service.transcription_model)
        endpoint = self._endpoint(provider, identity)
        return Transcriber(self.clients, endpoint, provider.models.transcription, self.cache)

    def _endpoint(self, provider: Provider, identity: str = "") -> Endpoint:
        return endpoint_of(provider, self.embedded_url, identity=identity)

    def _embedded_identity(self, engine: str | None, model: str | None) -> str:
        """Return what caches know an engine of the embedded provider by: its port changes, its engines do not."""
        known = (engine, self.settings.service.base_url, model)
        return ":".join(["local", evalkit.__version__, *(part for part in known if part)])


@asynccontextmanager
async def open_peers(
    settings: RunSettings,
    embedded_url: str | None,
    *,
    on_rate_limits: OnRateLimits = lambda _: None,
    slot: Slot | None = None,
) -> AsyncIterator[Peers]:
    """Give the peers of a run for one event loop; their clients are closed when the block ends.

    `slot` gives what must be held while a request to a judge or a transcription is under way; None: one of
    ``limits.requests_in_flight``, counted for these peers alone.
    """
    limits = settings.limits
    own = OwnQuota(slots=limits.requests_in_flight)
    clients = Clients(os.environ, timeout_s=limits.response_timeout_s, slot=slot or own.slot)
    try:
        yield Peers(settings, clients, open_cache(), price_table(settings), embedded_url, on_rate_limits)
    finally:
        await clients.aclose()


def open_cache() -> ContentCache:
    """Return the cache between runs, in ``$EVALKIT_CACHE`` or the user's cache folder."""
    chosen = os.environ.get("EVALKIT_CACHE")
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evalkit"
    return ContentCache((Path(chosen).expanduser() if chosen else root) / "v1")
