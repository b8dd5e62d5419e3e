"""The data of simulated calls: reads every simulation, checks its mocks, and warns of values that are not used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.datasets.simulations import graders_of, load_simulations, make_case
from evalkit.errors import collecting
from evalkit.mocks.definitions import Mock, parse_mocks
from evalkit.modes.voice.call_settings import settings_of
from evalkit.modes.voice.settings import SimulationSettings
from evalkit.modes.voice.voice_mode import find_unspeakable
from evalkit.records.case import Case
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.simulator.behaviour import find_behaviour_problems, needs_duplex


@dataclass(frozen=True)
class SimulationData:
    """What a run of simulated calls works on, the files it was made of, and what is wrong with the calls' mocks.

    `notes` say whose wishes the run config overrules.
    """

    cases: tuple[Case, ...]
    left_out: tuple[Case, ...]
    paths: tuple[Path, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def read_simulations(settings: SimulationSettings) -> SimulationData:
    """Return the chosen simulations as cases. Raises DataError with everything that keeps one from being a case."""
    assistant = settings.assistant
    found = load_simulations(
        settings.mode.data_csv,
        system_prompt_file=assistant.system_prompt_file,
        tools_file=assistant.tools_file,
    )
    problems: list[str] = []
    made = [make_case(simulation) for simulation in found]
    for case in made:
        collecting(problems, lambda case=case: call_mocks(case))  # type: ignore[misc]
    first_turns = [
        (f"{case.inputs['simulation_path']}: turns.fixed_first_user_turn", str(case.inputs["first_user_turn"]))
        for case in made
    ]
    for case in made:
        own: Any = case.inputs["own_settings"]
        where = f"{case.inputs['simulation_path']}: 'simulator.behaviour'"
        problems += find_behaviour_problems(own.get("simulator", {}).get("behaviour", []), where)
    problems += find_unspeakable(settings.speech, first_turns)
    cases = tuple(made[: settings.max_examples])
    overruled = {case.case_id: settings_of(settings, case).overruled for case in cases}
    notes = [
        f"{name}: the run config wins over the file's {', '.join(keys)}" for name, keys in overruled.items() if keys
    ]
    notes += [note for case in cases if (note := _tell_left_out(settings, case))]
    paths = (settings.mode.data_csv, *(path for simulation in found for path in simulation.data_paths))
    return SimulationData(cases, tuple(made[len(cases) :]), tuple(dict.fromkeys(paths)), tuple(problems), tuple(notes))


def _tell_left_out(settings: SimulationSettings, case: Case) -> str:
    """Return a note on what a file's caller cannot do because calls are not in full duplex; empty: nothing."""
    own: Any = case.inputs["own_settings"]
    acts = [rule["act"] for rule in own.get("simulator", {}).get("behaviour", ()) if needs_duplex(rule)]
    if not acts or settings.turn_detection.is_duplex or settings.simulator.behaviour is not None:
        return ""
    left_out = ", ".join(dict.fromkeys(acts))
    return f"{case.case_id}: turn_detection=none, so its caller does without {left_out}, which need full duplex"


def call_mocks(case: Case) -> tuple[Mock, ...]:
    """Return a simulation's own mocks. Raises DataError for what is wrong with them."""
    inputs: Any = case.inputs
    return parse_mocks(inputs["tool_mocks"], f"{inputs['simulation_path']}: 'tool_mocks'", inputs["tools"])


def grader_specs(settings: SimulationSettings, case: Case) -> tuple[GraderSpec, ...]:
    """Return how `case` is graded: as the config asks, unless it says itself how that type is applied, and as it asks.

    A grader that the config asks for is called by its type.
    """
    own = graders_of(case)
    listed = {spec.grader_type for spec in own}
    return (*(GraderSpec(name, name) for name in settings.mode.graders if name not in listed), *own)


def call_tools(case: Case) -> Sequence[JsonObject]:
    """Return the tools of one case's call."""
    tools: Any = case.inputs["tools"]
    return tuple(tools)
