"""The data of simulated calls: every simulation read, its mocks and graders checked, and who is overruled told."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalkit.datasets.simulations import Simulation, graders_of, load_simulations, make_case
from evalkit.errors import DataError
from evalkit.graders.registry import GRADER_TYPES, find_grader_problems
from evalkit.mocks.definitions import Mock, parse_mocks
from evalkit.modes.voice.call_settings import CallSettings, settle_call
from evalkit.records.case import Case
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.settings.types import RunSettings

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SimulationData:
    """What a run of simulated calls works on, and the files it was made of."""

    cases: tuple[Case, ...]
    paths: tuple[Path, ...]


def read_simulations(settings: RunSettings, open_keys: frozenset[str]) -> SimulationData:
    """Return the chosen simulations as cases. Raises DataError with everything that is wrong with any of them."""
    assistant = settings.assistant
    found = load_simulations(
        settings.mode.data_csv,
        system_prompt_file=assistant.system_prompt_file,
        tools_file=assistant.tools_file,
    )
    problems = [problem for simulation in found for problem in _find_problems(settings, simulation)]
    if problems:
        raise DataError(problems)
    cases = tuple(make_case(simulation) for simulation in found[: settings.max_examples])
    for case in cases:
        overruled = call_settings(settings, open_keys, case).overruled
        if overruled:
            _log.info("%s: the run config wins over the file's %s", case.case_id, ", ".join(overruled))
    paths = (settings.mode.data_csv, *(path for simulation in found for path in simulation.data_paths))
    return SimulationData(cases, tuple(dict.fromkeys(paths)))


def call_settings(settings: RunSettings, open_keys: frozenset[str], case: Case) -> CallSettings:
    """Return the settings of one case's call; `case` may come from a stored record."""
    inputs: Any = case.inputs
    return settle_call(settings, open_keys, inputs["own_settings"], inputs["max_turns"])


def call_mocks(case: Case) -> tuple[Mock, ...]:
    """Return a simulation's own mocks. Raises DataError for what is wrong with them."""
    inputs: Any = case.inputs
    return parse_mocks(inputs["tool_mocks"], f"{inputs['simulation_path']}: 'tool_mocks'", inputs["tools"])


def grader_specs(settings: RunSettings, case: Case) -> tuple[GraderSpec, ...]:
    """Return how `case` is graded: as the config asks, unless it says itself how that type is applied, and as it asks.

    A grader that the config asks for is called by its type.
    """
    own = graders_of(case)
    listed = {spec.grader_type for spec in own}
    return (*(GraderSpec(name, name) for name in settings.mode.graders if name not in listed), *own)


def asks_judge(settings: RunSettings, case: Case) -> bool:
    """Whether a judge is asked about `case`: by a grader, or about each turn of its caller."""
    return settings.simulator.judge_turns or any(
        "judge" in GRADER_TYPES[spec.grader_type].needs for spec in grader_specs(settings, case)
    )


def call_tools(case: Case) -> Sequence[JsonObject]:
    """Return the tools of one case's call."""
    tools: Any = case.inputs["tools"]
    return tuple(tools)


def _find_problems(settings: RunSettings, simulation: Simulation) -> list[str]:
    case = make_case(simulation)
    problems = [f"{simulation.path}: {problem}" for problem in find_grader_problems(grader_specs(settings, case))]
    try:
        call_mocks(case)
    except DataError as error:
        problems += error.problems
    return problems
