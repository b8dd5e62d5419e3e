"""What a simulated conversation has beside the assistant, spoken or written: caller, judge of turns, mocked tools."""

from __future__ import annotations

from collections.abc import Sequence

from evalkit.mocks.definitions import Mock
from evalkit.mocks.overlay import overlay
from evalkit.modes.voice.dialogue import OpenCaller
from evalkit.modes.voice.settings import SimulationSettings, WrittenSimulationSettings
from evalkit.modes.voice.simulations import call_mocks
from evalkit.modes.voice.voice_mode import overlay_spec
from evalkit.peers.peers import Peers
from evalkit.realtime.introduction import Introduction
from evalkit.realtime.session import RealtimeSession
from evalkit.realtime.timeline import Timeline
from evalkit.realtime.trace import Trace
from evalkit.records.case import Case
from evalkit.records.faults import Stage
from evalkit.records.record import Usage
from evalkit.simulator.caller import RealtimeCaller, Speak, TextCaller
from evalkit.simulator.persona import Persona
from evalkit.simulator.turn_judge import TurnJudge


def make_turn_judge(settings: SimulationSettings | WrittenSimulationSettings, peers: Peers) -> TurnJudge | None:
    """Return who judges the caller's turns; None where the settings want nobody."""
    judge = peers.judge() if settings.simulator.judge_turns else None
    return TurnJudge(judge, settings.limits.response_timeout_s) if judge else None


def mocks_of(
    settings: SimulationSettings | WrittenSimulationSettings, configured: Sequence[Mock], case: Case
) -> tuple[Mock, ...]:
    """Return the mocks of a case: `configured`, where the config names a file of them, else its own, with overlays."""
    chosen = settings.tool_mocks
    return overlay(call_mocks(case) if chosen.mocks_file is None else tuple(configured), overlay_spec(chosen))


def caller_opener(
    settings: SimulationSettings | WrittenSimulationSettings,
    peers: Peers,
    model: str,
    persona: Persona,
    speak: Speak,
    *,
    voice: str | None = None,
    in_writing: bool = False,
) -> OpenCaller:
    """Return what opens the caller of one conversation: a realtime model, or a text model whose words `speak` says."""
    timeout_s = settings.limits.response_timeout_s

    def price(usage: Usage) -> float | None:
        return peers.prices.cost_usd(usage, model)

    def open_realtime(trace: Trace, timeline: Timeline, introduction: Introduction) -> RealtimeCaller:
        address = peers.realtime("simulator", model)
        session = RealtimeSession(
            address.url,
            {**address.headers, **introduction.headers(address.url, "simulator")},
            source="simulator",
            trace=trace,
            timeline=timeline,
            on_rate_limits=peers.on_rate_limits,
        )
        return RealtimeCaller(session, persona, voice, timeout_s=timeout_s, price=price, in_writing=in_writing)

    def open_text(_trace: Trace, _timeline: Timeline, _introduction: Introduction) -> TextCaller:
        return TextCaller(peers.text("simulator", model, Stage.SIMULATOR_TURN), persona, speak, price=price)

    return open_text if settings.simulator.kind == "text" else open_realtime
