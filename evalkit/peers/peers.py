"""The services that a run calls. One :class:`Peers` per run has every role's endpoint, client and price."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import evalkit
from evalkit.engine.quota import OwnQuota
from evalkit.peers.endpoints import endpoint_of
from evalkit.peers.judge import JudgeService
from evalkit.peers.pricing import price_table
from evalkit.peers.request_policy import RequestPolicy
from evalkit.providers.cache import ContentCache, open_cache
from evalkit.providers.chat import ChatModel
from evalkit.providers.clients import Clients, Slot
from evalkit.providers.endpoints import ProviderEndpoint, read_key, realtime_url, request_headers
from evalkit.providers.prices import Prices
from evalkit.providers.responses import ResponsesModel
from evalkit.providers.speech import SpeechSynthesiser, VoiceChoice
from evalkit.providers.text_model import Answer, TextModel
from evalkit.providers.transcription import Transcriber
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.records.faults import Stage
from evalkit.settings.types import ProviderSettings, RunSettings


class SpeechRole(Protocol):
    """The node of the config that says with which model and voice texts are spoken."""

    @property
    def provider(self) -> ProviderSettings:
        """The endpoint of the model."""
        ...

    @property
    def model(self) -> str | None:
        """The model's name."""
        ...

    @property
    def voice(self) -> str:
        """The voice that speaks where no other is named."""
        ...

    @property
    def speed(self) -> float:
        """1 is the voice's own."""
        ...


@dataclass(frozen=True)
class RealtimeAddress:
    """The URL and headers of a realtime model; the headers hold the key and are never shown."""

    url: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class TextAddress:
    """The URL and key of a text model's provider; the key is never shown."""

    base_url: str
    api_key: str | None = field(repr=False)


@dataclass(frozen=True)
class Peers:
    """Makes what each role needs, from the settings of a run.

    Attributes:
        settings: Of the run; replayed runs are addressed already.
        clients: HTTP clients by endpoint, for one event loop.
        cache: What was spoken, heard or judged before.
        prices: Of every model that has one.
        embedded_url: Where the embedded provider runs; None: it does not.
        on_rate_limits: Called with a realtime server's rate limits whenever it sends them.

    """

    settings: RunSettings
    clients: Clients
    cache: ContentCache
    prices: Prices
    embedded_url: str | None
    on_rate_limits: OnRateLimits = lambda _: None

    def realtime(self, role: str, model: str) -> RealtimeAddress:
        """Return the address of a realtime session with `model`, at the provider of `role`."""
        endpoint = self._endpoint(self.settings.roles[role].provider)
        return RealtimeAddress(realtime_url(endpoint, model), request_headers(endpoint, os.environ))

    def text_address(self, role: str) -> TextAddress:
        """Return where the provider of `role` is, for a program that asks it itself through a proxy of ours."""
        endpoint = self._endpoint(self.settings.roles[role].provider)
        return TextAddress(endpoint.base_url, read_key(endpoint, os.environ))

    def text(self, role: str, model: str, stage: Stage = Stage.GRADING) -> TextModel:
        """Return a client for text from `model` at the provider of `role`; a failed request counts at `stage`.

        It speaks the API that the provider names (`text_api`).
        """
        return self._text_model(self.settings.roles[role].provider, model, stage)

    def cost_usd(self, answer: Answer, model: str) -> float | None:
        """Return what `answer` of `model` cost: as its provider says, else by the table; None when that is unknown."""
        return self.prices.cost_usd(answer.usage, model) if answer.cost_usd is None else answer.cost_usd

    def judge(self) -> JudgeService | None:
        """Return the judge; None when the settings name no model. The embedded one is free, and not cached."""
        chosen = self.settings.judge
        if chosen.model is None:
            return None
        endpoint = self._endpoint(chosen.provider)
        return JudgeService(
            model=chosen.model,
            votes=chosen.votes,
            source=self._text_model(chosen.provider, chosen.model, Stage.GRADING),
            policy=RequestPolicy.from_settings(self.settings, slot=self.clients.slot),
            prices=self.prices,
            cache=None if chosen.provider.name == "local" else self.cache,
            identity=endpoint.cache_identity,
        )

    def speech(self, role: SpeechRole, *, voice: str | None = None, speed: float | None = None) -> SpeechSynthesiser:
        """Return the synthesiser of `role`, by default with the voice and speed of `role`."""
        service = self.settings.service
        identity = self._embedded_identity(service.speech, service.speech_model)
        choice = VoiceChoice(str(role.model), voice or role.voice, role.speed if speed is None else speed)
        return SpeechSynthesiser(self.clients, self._endpoint(role.provider, identity), choice, self.cache)

    def transcription(self, stage: Stage = Stage.GRADING) -> Transcriber | None:
        """Return the transcriber; None when the provider has no model for it. A failed request counts at `stage`."""
        provider, service = self.settings.provider, self.settings.service
        if provider.models.transcription is None:
            return None
        identity = self._embedded_identity(service.transcription, service.transcription_model)
        endpoint = self._endpoint(provider, identity)
        return Transcriber(self.clients, endpoint, provider.models.transcription, self.cache, stage=stage)

    def _text_model(self, provider: ProviderSettings, model: str, stage: Stage) -> TextModel:
        speaks = ChatModel if provider.text_api == "chat" else ResponsesModel
        return speaks(self.clients, self._endpoint(provider), model, stage=stage)

    def _endpoint(self, provider: ProviderSettings, identity: str = "") -> ProviderEndpoint:
        return endpoint_of(provider, self.embedded_url, identity=identity)

    def _embedded_identity(self, engine: str | None, model: str | None) -> str:
        """Return the embedded provider's name in cache keys: its port changes from run to run, its engines do not."""
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
    """Yield the peers of a run for one event loop; their clients are closed when the block ends.

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
