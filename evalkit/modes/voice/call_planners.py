"""The plans of simulated calls, spoken and written: all that one is held with, made of settings and case.

Whoever only reads and checks simulations loads none of this, nor what calls are held with.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from evalkit.audio.channels import ChannelSpec
from evalkit.audio.formats import AudioFormat
from evalkit.mocks.session import MockSession
from evalkit.modes.voice.call_roles import caller_opener, mocks_of
from evalkit.modes.voice.call_settings import settings_of, written_settings_of
from evalkit.modes.voice.dialogue import CallPlan
from evalkit.modes.voice.fingerprint import settings_of_call, settings_of_written_call
from evalkit.modes.voice.heard_words import recogniser_of
from evalkit.modes.voice.recogniser import Recognise
from evalkit.modes.voice.settings import SimulationSettings, WrittenSimulationSettings
from evalkit.modes.voice.simulations import SimulationsData, call_tools
from evalkit.modes.voice.target import assistant_address, media_stream_target, named_in_session, sessions_of
from evalkit.modes.voice.turn_detection import detection_spec
from evalkit.peers.peers import Peers
from evalkit.realtime.events import SessionSpec
from evalkit.records.case import Case
from evalkit.simulator.behaviour import read_behaviour
from evalkit.simulator.caller import CallerTurn, Speak, write
from evalkit.simulator.persona import Persona
from evalkit.simulator.turn_judge import TurnJudge
from evalkit.tool_host.host import ToolHost


@dataclass(frozen=True)
class CallPlanner:
    """Makes the plan of each call; its fields are what all calls share."""

    settings: SimulationSettings
    data: SimulationsData
    peers: Peers
    judge_turn: TurnJudge | None
    recognise: Recognise | None = None
    tool_host: ToolHost | None = None

    def plan(self, case: Case) -> CallPlan:
        """Return everything that the call of `case` needs."""
        settings, peers = self.settings, self.peers
        chosen = settings_of(settings, case)
        inputs: Any = case.inputs
        tools = call_tools(case)
        persona = Persona(settings.simulator.prompt or inputs["persona"], settings.simulator.style)
        media_stream = media_stream_target(settings, os.environ)
        url, headers = assistant_address(peers, settings, chosen.assistant_model, os.environ)
        speak = self._speak(chosen.caller_voice)
        mocks = mocks_of(settings, self.data.mocks, case)
        return CallPlan(
            session=SessionSpec(
                instructions=inputs["system_prompt"],
                input_format=AudioFormat(chosen.input_format),
                output_format=AudioFormat(chosen.output_format),
                tools=tools,
                voice=chosen.assistant_voice,
                transcription_model=recogniser_of(settings),
                turn_detection=detection_spec(settings.turn_detection),
                model=named_in_session(settings, chosen.assistant_model),
            ),
            sessions=sessions_of(settings),
            url=url,
            headers=headers,
            assistant_model=chosen.assistant_model,
            open_caller=caller_opener(
                settings, peers, chosen.simulator_model, persona, speak, voice=chosen.caller_voice
            ),
            speak=speak,
            persona=persona,
            first_user_turn=inputs["first_user_turn"],
            new_tools=lambda: MockSession(mocks, tools),
            channel=ChannelSpec.from_config(settings.channel),
            max_turns=chosen.max_turns,
            max_regenerations=settings.simulator.max_regenerations,
            chunk_ms=chosen.chunk_ms,
            real_time=chosen.real_time,
            fingerprint=settings_of_call(settings, case, self.data.datasets),
            behaviour=read_behaviour(chosen.behaviour),
            speak_as=self._speak,
            judge_turn=self.judge_turn,
            on_rate_limits=peers.on_rate_limits,
            media_stream=media_stream,
            recognise=None if media_stream is None else self.recognise,
            tool_host=self.tool_host,
        )

    def _speak(self, voice: str | None) -> Speak:
        speech, prices = self.settings.speech, self.peers.prices
        role = self.peers.speech(speech, voice=voice)

        async def speak(text: str) -> CallerTurn:
            said = await role.synthesise(text)
            price = prices.speech_cost_usd(str(speech.model), said.characters, said.duration_ms)
            return CallerTurn(text, said.pcm, {"speech": 0.0 if said.cached else price})

        return speak


@dataclass(frozen=True)
class ConversationPlanner:
    """Makes the plan of each conversation; its fields are what all of them share."""

    settings: WrittenSimulationSettings
    data: SimulationsData
    peers: Peers
    judge_turn: TurnJudge | None

    def plan(self, case: Case) -> CallPlan:
        """Return everything that the conversation of `case` needs; there is no line, and nothing to be paced."""
        settings, peers = self.settings, self.peers
        chosen = written_settings_of(settings, case)
        inputs: Any = case.inputs
        tools = call_tools(case)
        persona = Persona(settings.simulator.prompt or inputs["persona"], settings.simulator.style)
        address = peers.realtime("assistant", chosen.assistant_model)
        mocks = mocks_of(settings, self.data.mocks, case)
        return CallPlan(
            session=SessionSpec(instructions=inputs["system_prompt"], tools=tools, in_writing=True),
            url=address.url,
            headers=address.headers,
            assistant_model=chosen.assistant_model,
            open_caller=caller_opener(settings, peers, chosen.simulator_model, persona, write, in_writing=True),
            speak=write,
            persona=persona,
            first_user_turn=inputs["first_user_turn"],
            new_tools=lambda: MockSession(mocks, tools),
            channel=ChannelSpec(),
            max_turns=chosen.max_turns,
            max_regenerations=settings.simulator.max_regenerations,
            chunk_ms=0.0,
            real_time=False,
            fingerprint=settings_of_written_call(settings, case, self.data.datasets),
            judge_turn=self.judge_turn,
            on_rate_limits=peers.on_rate_limits,
        )
