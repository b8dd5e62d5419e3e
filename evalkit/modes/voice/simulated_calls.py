"""Puts together what a simulated call is held with: two sessions, a persona, mocked tools, a line; a plan per case."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from evalkit.audio.channels import ChannelSpec
from evalkit.audio.formats import AudioFormat
from evalkit.clock import Clock
from evalkit.mocks.definitions import Mock
from evalkit.mocks.overlay import OverlaySpec, overlay
from evalkit.mocks.session import MockSession
from evalkit.modes.voice.call_settings import CallSettings
from evalkit.modes.voice.dialogue import CallPlan, OpenCaller
from evalkit.modes.voice.fingerprint import settings_of_call
from evalkit.modes.voice.run import CallSetup
from evalkit.modes.voice.simulations import call_mocks, call_settings, call_tools
from evalkit.peers.judge import open_judge
from evalkit.peers.roles import speech_role
from evalkit.providers.cache import ContentCache
from evalkit.providers.clients import Clients
from evalkit.providers.endpoints import realtime_url, request_headers
from evalkit.providers.prices import Prices
from evalkit.providers.responses import TextModel
from evalkit.realtime.events import SessionSpec
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.rate_limits import OnRateLimits
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.records.case import Case
from evalkit.records.faults import Stage
from evalkit.records.record import Usage
from evalkit.runner.prepare import Prepared, endpoint_of
from evalkit.simulator.caller import CallerTurn, RealtimeCaller, Speak, TextCaller
from evalkit.simulator.persona import Persona
from evalkit.simulator.turn_judge import TurnJudge, VoteSource
from evalkit.store.run_directory import RunDirectory


@dataclass(frozen=True)
class _Planner:
    """Plans calls; what all of them share."""

    prepared: Prepared
    clients: Clients
    cache: ContentCache
    prices: Prices
    embedded_url: str | None
    judge: VoteSource | None
    on_rate_limits: OnRateLimits

    def plan(self, case: Case) -> CallPlan:
        settings = self.prepared.settings
        chosen = call_settings(settings, self.prepared.open_keys, case)
        inputs: Any = case.inputs
        tools = call_tools(case)
        persona = Persona(settings.simulator.prompt or inputs["persona"], settings.simulator.style)
        endpoint = endpoint_of(settings.assistant.provider, self.embedded_url)
        speak = self._speak(chosen)
        mocks = self._mocks(case)
        return CallPlan(
            session=SessionSpec(
                instructions=inputs["system_prompt"],
                input_format=AudioFormat(chosen.input_format),
                output_format=AudioFormat(chosen.output_format),
                tools=tools,
                voice=chosen.assistant_voice,
            ),
            url=realtime_url(endpoint, chosen.assistant_model),
            headers=request_headers(endpoint, os.environ),
            assistant_model=chosen.assistant_model,
            open_caller=self._open_caller(chosen, persona, speak),
            speak=speak,
            persona=persona,
            first_user_turn=inputs["first_user_turn"],
            new_tools=lambda: MockSession(mocks, tools),
            channel=ChannelSpec.from_config(settings.channel),
            max_turns=chosen.max_turns,
            max_regenerations=settings.simulator.max_regenerations,
            chunk_ms=chosen.chunk_ms,
            real_time=chosen.real_time,
            effective=settings_of_call(self.prepared, case),
            judge_turn=TurnJudge(self.judge, settings.limits.response_timeout_s) if self.judge else None,
            on_rate_limits=self.on_rate_limits,
        )

    def _mocks(self, case: Case) -> tuple[Mock, ...]:
        chosen = self.prepared.settings.tool_mocks
        own = call_mocks(case) if chosen.mocks_file is None else self.prepared.mocks
        return overlay(own, OverlaySpec(chosen.fail_first_calls, chosen.error_message, chosen.delay_ms))

    def _speak(self, chosen: CallSettings) -> Speak:
        settings = self.prepared.settings
        model = str(settings.speech.model)
        role = speech_role(settings, self.clients, self.cache, self.embedded_url, voice=chosen.caller_voice)

        async def speak(text: str) -> CallerTurn:
            speech = await role.synthesise(text)
            price = self.prices.speech_cost_usd(model, speech.characters, speech.duration_ms)
            return CallerTurn(text, speech.pcm, {"speech": 0.0 if speech.cached else price})

        return speak

    def _open_caller(self, chosen: CallSettings, persona: Persona, speak: Speak) -> OpenCaller:
        settings = self.prepared.settings
        endpoint = endpoint_of(settings.simulator.provider, self.embedded_url)
        model, timeout_s = chosen.simulator_model, settings.limits.response_timeout_s

        def price(usage: Usage) -> float | None:
            return self.prices.cost_usd(usage, model)

        def open_realtime(trace: Trace, timeline: Timeline, introduction: Introduction) -> RealtimeCaller:
            url = realtime_url(endpoint, model)
            session = RealtimeSession(
                url,
                {**request_headers(endpoint, os.environ), **introduction.headers(url, "simulator")},
                source="simulator",
                trace=trace,
                timeline=timeline,
                on_rate_limits=self.on_rate_limits,
            )
            return RealtimeCaller(session, persona, chosen.caller_voice, timeout_s=timeout_s, price=price)

        def open_text(_trace: Trace, _timeline: Timeline, _introduction: Introduction) -> TextCaller:
            asked = TextModel(self.clients, endpoint, model, stage=Stage.SIMULATOR_TURN)
            return TextCaller(asked, persona, speak, price=price)

        return open_text if settings.simulator.kind == "text" else open_realtime


def call_setup(
    prepared: Prepared,
    run: RunDirectory,
    embedded_url: str | None,
    clock: Clock,
    *,
    clients: Clients,
    cache: ContentCache,
    prices: Prices,
    on_rate_limits: OnRateLimits = lambda _: None,
) -> CallSetup:
    """Return what all simulated calls of a prepared run share."""
    settings = prepared.settings
    is_judged = settings.simulator.judge_turns
    judge = open_judge(settings, clients, cache, prices, embedded_url) if is_judged else None
    planner = _Planner(prepared, clients, cache, prices, embedded_url, judge, on_rate_limits)
    return CallSetup(
        run=run,
        clock=clock,
        limits=settings.limits,
        plan_of=planner.plan,
        price=prices.cost_usd,
        elide_audio=settings.trace.audio == "elided",
    )
