"""Puts together what a voice mode works with: endpoints, session, speech, tools, graders. One place per run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from evalkit.audio.channels import ChannelSpec
from evalkit.audio.formats import AudioFormat
from evalkit.clock import Clock
from evalkit.commands.grader_services import open_grader_services
from evalkit.commands.in_effect import settings_in_effect
from evalkit.commands.pipeline import Workload
from evalkit.commands.prepare import Prepared, endpoint_of
from evalkit.commands.pricing import price_table
from evalkit.commands.roles import open_cache, speech_role
from evalkit.commands.simulated_calls import call_setup
from evalkit.commands.simulations import grader_specs
from evalkit.engine.scheduler import Work
from evalkit.mocks.overlay import OverlaySpec, overlay
from evalkit.mocks.session import MockSession
from evalkit.modes.crawl import CrawlVoice
from evalkit.modes.run import CallSetup, hold_call
from evalkit.modes.spoken_turn import TurnSetup, Utterance, run_spoken_turn
from evalkit.modes.tool_rounds import AnswerTools
from evalkit.modes.walk import WalkPlayer
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients, Slot
from evalkit.providers.endpoints import realtime_url, request_headers
from evalkit.providers.prices import Prices
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.records.case import CaseTrial
from evalkit.records.record import CaseRecord, ToolCall, ToolOutput
from evalkit.settings.types import RunSettings
from evalkit.store.run_directory import RunDirectory

Speak = Callable[[CaseTrial], Awaitable[Utterance]]


@asynccontextmanager
async def open_workload(
    prepared: Prepared,
    run: RunDirectory,
    embedded_url: str | None,
    clock: Clock,
    *,
    on_rate_limits: OnRateLimits = lambda _: None,
    slot: Slot | None = None,
) -> AsyncIterator[Workload]:
    """Give the workload of a prepared run; its clients are closed when the block ends.

    `on_rate_limits` is told of the rate limits of assistant and caller whenever a server says them; `slot` gives what
    must be held while a request to a judge or a transcription is under way.
    """
    settings = prepared.settings
    clients = Clients(os.environ, timeout_s=settings.limits.response_timeout_s, slot=slot)
    if settings.real_time:
        clients.warm()
    cache = open_cache()
    prices = price_table(settings)
    if settings.mode.name == "run":
        setup = call_setup(
            prepared,
            run,
            embedded_url,
            clock,
            clients=clients,
            cache=cache,
            prices=prices,
            on_rate_limits=on_rate_limits,
        )
        work = _calls(setup)
    else:
        work = _spoken_turns(
            replace(_turn_setup(prepared, run, embedded_url, clock, prices), on_rate_limits=on_rate_limits),
            _speaker(settings, clients, cache, prices, embedded_url),
        )
    try:
        yield Workload(
            cases=prepared.cases,
            work=work,
            graders=lambda case: grader_specs(settings, case),
            services=open_grader_services(settings, run.root, clients, cache, prices, embedded_url),
        )
    finally:
        await clients.aclose()


def _calls(setup: CallSetup) -> Work:
    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        return await hold_call(setup, trial, attempt)

    return work


def _spoken_turns(setup: TurnSetup, speak: Speak) -> Work:
    async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
        return await run_spoken_turn(setup, trial, attempt, speak)

    return work


def _turn_setup(
    prepared: Prepared, run: RunDirectory, embedded_url: str | None, clock: Clock, prices: Prices
) -> TurnSetup:
    settings = prepared.settings
    endpoint = endpoint_of(settings.assistant.provider, embedded_url)
    session = SessionSpec(
        instructions=prepared.system_prompt,
        input_format=AudioFormat(settings.audio.input_format),
        output_format=AudioFormat(settings.audio.output_format),
        tools=prepared.tools,
        voice=settings.assistant.voice,
    )
    return TurnSetup(
        settings=settings,
        session=session,
        url=realtime_url(endpoint, str(settings.assistant.model)),
        headers=request_headers(endpoint, os.environ),
        run=run,
        clock=clock,
        effective=settings_in_effect(prepared),
        price=prices.cost_usd,
        channel=ChannelSpec.from_config(settings.channel),
        new_tools=_mocked_tools(prepared, clock) if settings.mode.answer_tools else None,
    )


def _mocked_tools(prepared: Prepared, clock: Clock) -> Callable[[CaseTrial], AnswerTools]:
    """Return a maker of tools: every conversation has mocks of its own, which remember what it asked."""
    chosen = prepared.settings.tool_mocks
    spec = OverlaySpec(chosen.fail_first_calls, chosen.error_message, chosen.delay_ms)
    mocks = overlay(prepared.mocks, spec)

    def new_tools(_: CaseTrial) -> AnswerTools:
        session = MockSession(mocks, prepared.tools)

        async def answer(calls: Sequence[ToolCall]) -> list[ToolOutput]:
            answers = [session.answer(call) for call in calls]
            await clock.sleep_until(clock.now() + max((found.delay_ms for found in answers), default=0.0) / 1000)
            return [found.output for found in answers]

        return answer

    return new_tools


def _speaker(
    settings: RunSettings, clients: Clients, cache: ContentCache, prices: Prices, embedded_url: str | None
) -> Speak:
    """Return where the mode's utterances come from."""
    if settings.mode.name == "walk":
        return WalkPlayer(AudioFormat(settings.audio.input_format)).speak
    return _crawl_voice(settings, clients, cache, prices, embedded_url).speak


def _crawl_voice(
    settings: RunSettings, clients: Clients, cache: ContentCache, prices: Prices, embedded_url: str | None
) -> CrawlVoice:
    model = str(settings.speech.model)
    return CrawlVoice(
        synthesiser=speech_role(settings, clients, cache, embedded_url),
        input_format=AudioFormat(settings.audio.input_format),
        price=lambda speech: prices.speech_cost_usd(model, speech.characters, speech.duration_ms),
    )
