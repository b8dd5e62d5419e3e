"""Run: simulated calls. A caller and the assistant talk over several turns, and tools are mocked; a plan per case."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.metrics.forecast import ZERO, CaseWork, Models, Range, Rates
from evalkit.modes.mode import COMMON_IDLE_KEYS, Mode, NamedVoice, Starter, Work
from evalkit.modes.voice.call_settings import find_open_keys, settings_of
from evalkit.modes.voice.fingerprint import settings_of_call
from evalkit.modes.voice.layouts import RUN_LAYOUT
from evalkit.modes.voice.settings import SimulationSettings
from evalkit.modes.voice.simulations import (
    SimulationsData,
    find_keys_without_telephone,
    find_own_keys,
    find_unanswered_tools,
    find_unspeakable_words,
    grader_specs,
    own_acts,
    read_simulations,
    tell_not_used,
)  # fmt: skip
from evalkit.modes.voice.starters import start_with_simulations
from evalkit.modes.voice.target import (
    is_telephone,
)
from evalkit.modes.voice.voice_mode import WITH_TOOL_ROUND, VoiceMode, bytes_shown, serving_tools
from evalkit.modes.voice.written_run import WRITTEN_RUN
from evalkit.records.case import Case, CaseTrial
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord
from evalkit.simulator.behaviour import find_behaviour_problems, needs_duplex

if TYPE_CHECKING:
    from evalkit.clock import Clock
    from evalkit.peers.peers import Peers
    from evalkit.store.run_directory import RunDirectory

_CHARACTERS_PER_WORD = 6


class RunMode(VoiceMode[SimulationSettings, SimulationsData]):
    """Simulated calls of several turns."""

    name = "run"
    idle_keys = (*COMMON_IDLE_KEYS, "channel", "trace")
    settings_type = SimulationSettings
    layout = RUN_LAYOUT
    models = ("assistant", "simulator", "simulator_text", "judge", "speech", "transcription")
    paced_by_default = True

    def of_config(self, config: Mapping[str, Any]) -> Mode[Any, Any]:
        """Return this mode, or the one in writing where the config's input is text."""
        return WRITTEN_RUN if config.get("input") == "text" else self

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with formats and rates, and that tools must be answered."""
        problems = [*super().find_contradictions(config), *find_unanswered_tools(config)]
        behaviour = config["simulator"]["behaviour"] or []
        misfits = find_behaviour_problems(behaviour, "simulator.behaviour")
        if not misfits and not is_telephone(config):
            misfits = find_keys_without_telephone(behaviour, "simulator.behaviour")
            if not misfits and config["turn_detection"]["type"] == "none":
                misfits = _find_idle_behaviour(behaviour)
        return [*problems, *misfits]

    def make_settings(self, resolved: Mapping[str, Any], composed: Mapping[str, Any]) -> SimulationSettings:
        """Return the settings; keys that were null in `composed` are left to the simulation files."""
        return replace(SimulationSettings.from_config(resolved), open_keys=find_open_keys(composed))

    def needs(self, settings: SimulationSettings) -> frozenset[str]:
        """Return assistant, simulator and speech, and the judge where it judges the caller's turns."""
        return super().needs(settings) | ({"judge"} if settings.simulator.judge_turns else frozenset())

    def read(self, settings: SimulationSettings) -> SimulationsData:
        """Return the chosen simulations as cases. Raises DataError with everything that is wrong with any of them."""
        data = read_simulations(settings, lambda case: _tell(settings, case))
        keys = () if settings.calls_application else find_own_keys(settings, data)
        return replace(data, problems=(*data.problems, *keys, *find_unspeakable_words(settings, data)))

    def graders(self, settings: SimulationSettings, case: Case) -> Sequence[GraderSpec]:
        """Return the graders of the config and of the simulation."""
        return grader_specs(settings, case)

    def where(self, settings: SimulationSettings, case: Case) -> str:  # noqa: ARG002
        """Return the simulation's file."""
        return str(case.inputs["simulation_path"])

    def fingerprint(self, settings: SimulationSettings, data: SimulationsData, case: Case) -> JsonObject:
        """Return the settings that decide this call's record."""
        return settings_of_call(settings, case, data.datasets)

    def forecast(
        self, settings: SimulationSettings, data: SimulationsData, rates: Rates
    ) -> Iterator[tuple[CaseWork, Models]]:
        """Yield a call of two turns to the most that it may have, for each case."""
        for case in data.cases:
            yield _forecast_call(settings, case, rates)

    def voices(self, settings: SimulationSettings, data: SimulationsData) -> Iterator[NamedVoice]:
        """Yield the voices of both sides in each call; what the caller says is spoken by the speech role too."""
        speakers = [settings.speech.provider]
        if settings.simulator.kind == "realtime":
            speakers.append(settings.simulator.provider)
        for case in data.cases:
            chosen, path = settings_of(settings, case), case.inputs["simulation_path"]
            for rule in chosen.behaviour:
                if rule.get("voice"):
                    yield NamedVoice("simulator.behaviour: 'voice'", settings.speech.provider, str(rule["voice"]))
            if chosen.assistant_voice is not None and settings.calls_provider:
                where = "assistant.voice" if settings.assistant.voice else f"{path}: assistant.voice"
                yield NamedVoice(where, settings.assistant.provider, chosen.assistant_voice)
            if chosen.caller_voice in (None, settings.speech.voice):
                yield NamedVoice("speech.voice", settings.speech.provider, settings.speech.voice)
                continue
            where = "simulator.voice" if settings.simulator.voice else f"{path}: simulator.voice"
            for provider in speakers:
                yield NamedVoice(where, provider, str(chosen.caller_voice))

    def is_paced(self, settings: SimulationSettings, data: SimulationsData) -> bool:
        """Return whether any call is: a simulation may say so where the config says nothing."""
        return any(settings_of(settings, case).real_time for case in data.cases)

    @asynccontextmanager
    async def open(
        self, settings: SimulationSettings, data: SimulationsData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        """Yield the callable that holds a call."""
        from evalkit.modes.voice.call import CallSetup, hold_call
        from evalkit.modes.voice.call_planners import CallPlanner
        from evalkit.modes.voice.call_roles import make_turn_judge
        from evalkit.modes.voice.recogniser import make_recogniser

        if settings.real_time:
            peers.clients.warm()
        judge_turn, recognise = make_turn_judge(settings, peers), make_recogniser(peers)
        async with serving_tools(settings, clock) as tool_host:
            setup = CallSetup(
                run=run,
                clock=clock,
                limits=settings.limits,
                plan_of=CallPlanner(settings, data, peers, judge_turn, recognise, tool_host).plan,
                price=peers.prices.cost_usd,
                elide_audio=settings.trace.audio == "elided",
            )

            async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
                return await hold_call(setup, trial, attempt)

            yield work

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return a few shipped simulations with their prompt and tools."""
        return start_with_simulations()


RUN = RunMode()


def _tell(settings: SimulationSettings, case: Case) -> Iterator[str]:
    """Yield what is not used of a simulation's file: what the config overrules, and what needs full duplex."""
    is_left_out = not settings.turn_detection.is_duplex and settings.simulator.behaviour is None
    not_done = [rule["act"] for rule in own_acts(case) if needs_duplex(rule)] if is_left_out else []
    yield from tell_not_used(
        case, settings_of(settings, case).overruled, not_done, "turn_detection=none; which need full duplex"
    )


def _find_idle_behaviour(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a message on what a caller is to do that makes sense in full duplex only."""
    acts = ", ".join(dict.fromkeys(rule["act"] for rule in rules if needs_duplex(rule)))
    if not acts:
        return []
    why = "with turn_detection=none the client says whose turn it is, and nobody is heard in the other's"
    remedy = "take turn_detection=server_vad or semantic_vad, or another simulator"
    return [f"simulator.behaviour: has {acts}, but {why}; {remedy}"]


def _forecast_call(settings: SimulationSettings, case: Case, rates: Rates) -> tuple[CaseWork, Models]:
    chosen = settings_of(settings, case)
    inputs: Any = case.inputs
    speaks = settings.simulator.kind == "realtime"
    turns = Range(float(min(2, chosen.max_turns)), float(chosen.max_turns))
    made_up = Range(turns.low - 1, turns.high - 1)
    first = str(inputs["first_user_turn"])
    spoken_ms = rates.spoken_ms(len(first.split()), settings.speech.speed)
    characters = Range.exactly(float(len(first)))
    if not speaks:
        words = rates.caller_turn_s.times(rates.words_per_minute).times(Range.exactly(_CHARACTERS_PER_WORD / 60))
        characters = characters.plus(made_up.times(words))
        spoken_ms = spoken_ms.plus(made_up.times(rates.caller_turn_s).times(Range.exactly(1000.0)))
    work = CaseWork(
        shown_bytes=bytes_shown(inputs["system_prompt"], inputs["tools"]),
        caller_ms=rates.caller_turn_s.times(Range.exactly(1000.0)),
        turns=turns,
        responses_per_turn=WITH_TOOL_ROUND,
        calls_tools=bool(inputs["tools"]),
        spoken_characters=characters,
        spoken_ms=spoken_ms,
        simulated_turns=made_up,
        persona_bytes=len(str(inputs["persona"]).encode()),
        judgements=turns if settings.simulator.judge_turns else ZERO,
    )
    models = Models(
        assistant=chosen.assistant_model,
        speech=settings.speech.model,
        simulator=chosen.simulator_model,
        simulator_speaks=speaks,
        judge=settings.judge.model,
        transcription=settings.provider.models.transcription,
    )
    return work, models
