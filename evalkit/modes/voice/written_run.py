"""Run in writing (``input=text``): simulated conversations in which caller and assistant send each other text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.metrics.forecast import ZERO, CaseWork, Models, Range, Rates
from evalkit.modes.mode import Starter, Work
from evalkit.modes.voice.call_settings import find_open_keys, written_settings_of
from evalkit.modes.voice.fingerprint import settings_of_written_call
from evalkit.modes.voice.layouts import WRITTEN_RUN_LAYOUT
from evalkit.modes.voice.settings import WrittenSimulationSettings
from evalkit.modes.voice.simulations import (
    SimulationsData,
    find_unanswered_tools,
    grader_specs,
    own_acts,
    read_simulations,
    tell_not_used,
)
from evalkit.modes.voice.starters import start_with_simulations
from evalkit.modes.voice.voice_mode import WITH_TOOL_ROUND, bytes_shown
from evalkit.modes.voice.written_mode import WrittenMode
from evalkit.records.case import Case, CaseTrial
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.records.record import CaseRecord

if TYPE_CHECKING:
    from evalkit.clock import Clock
    from evalkit.peers.peers import Peers
    from evalkit.store.run_directory import RunDirectory


class WrittenRunMode(WrittenMode[WrittenSimulationSettings, SimulationsData]):
    """Simulated conversations of several turns, in writing."""

    name = "run"
    settings_type = WrittenSimulationSettings
    layout = WRITTEN_RUN_LAYOUT
    models = ("assistant", "simulator", "simulator_text", "judge")

    def find_contradictions(self, config: Mapping[str, Any]) -> list[str]:
        """Return that tools must be answered, and what a caller cannot do whom nobody hears."""
        return [*super().find_contradictions(config), *find_unanswered_tools(config), *_find_unheard_acts(config)]

    def make_settings(self, resolved: Mapping[str, Any], composed: Mapping[str, Any]) -> WrittenSimulationSettings:
        """Return the settings; keys that were null in `composed` are left to the simulation files."""
        return replace(WrittenSimulationSettings.from_config(resolved), open_keys=find_open_keys(composed))

    def needs(self, settings: WrittenSimulationSettings) -> frozenset[str]:
        """Return assistant and simulator, and the judge where it judges the caller's turns."""
        return super().needs(settings) | ({"judge"} if settings.simulator.judge_turns else frozenset())

    def read(self, settings: WrittenSimulationSettings) -> SimulationsData:
        """Return the chosen simulations as cases. Raises DataError with everything that is wrong with any of them."""
        return read_simulations(settings, lambda case: _tell(settings, case))

    def graders(self, settings: WrittenSimulationSettings, case: Case) -> Sequence[GraderSpec]:
        """Return the graders of the config and of the simulation."""
        return grader_specs(settings, case)

    def where(self, settings: WrittenSimulationSettings, case: Case) -> str:  # noqa: ARG002
        """Return the simulation's file."""
        return str(case.inputs["simulation_path"])

    def fingerprint(self, settings: WrittenSimulationSettings, data: SimulationsData, case: Case) -> JsonObject:
        """Return the settings that decide this conversation's record."""
        return settings_of_written_call(settings, case, data.datasets)

    def forecast(
        self, settings: WrittenSimulationSettings, data: SimulationsData, rates: Rates
    ) -> Iterator[tuple[CaseWork, Models]]:
        """Yield a conversation of two turns to the most that it may have, for each case."""
        for case in data.cases:
            yield _forecast_conversation(settings, case, rates)

    @asynccontextmanager
    async def open(
        self, settings: WrittenSimulationSettings, data: SimulationsData, peers: Peers, run: RunDirectory, clock: Clock
    ) -> AsyncIterator[Work]:
        """Yield the callable that holds a conversation."""
        from evalkit.modes.voice.call import CallSetup, hold_call
        from evalkit.modes.voice.call_planners import ConversationPlanner
        from evalkit.modes.voice.call_roles import make_turn_judge

        setup = CallSetup(
            run=run,
            clock=clock,
            limits=settings.limits,
            plan_of=ConversationPlanner(settings, data, peers, make_turn_judge(settings, peers)).plan,
            price=peers.prices.cost_usd,
        )

        async def work(trial: CaseTrial, attempt: int) -> CaseRecord:
            return await hold_call(setup, trial, attempt)

        yield work

    def starter(self, folder: Path) -> Starter:  # noqa: ARG002
        """Return a few shipped simulations with their prompt and tools."""
        return start_with_simulations()


WRITTEN_RUN = WrittenRunMode()


def _tell(settings: WrittenSimulationSettings, case: Case) -> Iterator[str]:
    """Yield what is not used of a simulation's file: what the config overrules, and what has to be heard."""
    not_done = [str(rule["act"]) for rule in own_acts(case)]
    overruled = written_settings_of(settings, case).overruled
    yield from tell_not_used(case, overruled, not_done, "input=text; which have to be heard")


def _find_unheard_acts(config: Mapping[str, Any]) -> list[str]:
    acts = ", ".join(dict.fromkeys(rule["act"] for rule in config["simulator"]["behaviour"] or ()))
    if not acts:
        return []
    remedy = "take input=voice turn_detection=server_vad, or another simulator"
    return [f"simulator.behaviour: has {acts}, but with input=text nobody is heard; {remedy}"]


def _forecast_conversation(settings: WrittenSimulationSettings, case: Case, rates: Rates) -> tuple[CaseWork, Models]:
    chosen = written_settings_of(settings, case)
    inputs: Any = case.inputs
    turns = Range(float(min(2, chosen.max_turns)), float(chosen.max_turns))
    work = CaseWork(
        shown_bytes=bytes_shown(inputs["system_prompt"], inputs["tools"]),
        caller_ms=ZERO,
        caller_tokens=rates.words_tokens(rates.caller_turn_s),
        turns=turns,
        responses_per_turn=WITH_TOOL_ROUND,
        calls_tools=bool(inputs["tools"]),
        answer_tokens=rates.words_tokens(rates.answer_s),
        simulated_turns=Range(turns.low - 1, turns.high - 1),
        persona_bytes=len(str(inputs["persona"]).encode()),
        judgements=turns if settings.simulator.judge_turns else ZERO,
    )
    models = Models(
        assistant=chosen.assistant_model,
        simulator=chosen.simulator_model,
        simulator_speaks=False,
        judge=settings.judge.model,
    )
    return work, models
