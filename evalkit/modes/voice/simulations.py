"""The data of simulated calls: reads every simulation, checks its mocks, and warns of values that are not used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.datasets.files import dataset_manifest
from evalkit.datasets.simulations import graders_of, load_simulations, make_case
from evalkit.errors import DataError, collecting
from evalkit.mocks.definitions import Mock, parse_mocks
from evalkit.modes.mode import ModeData
from evalkit.modes.voice.call_settings import settings_of
from evalkit.modes.voice.settings import RealtimeSettings, SimulationSettings
from evalkit.modes.voice.voice_mode import find_unspeakable, load_mocks
from evalkit.records.case import Case
from evalkit.records.grade import GraderSpec
from evalkit.records.json import JsonObject
from evalkit.simulator.behaviour import MADE_SOUNDS, find_behaviour_problems, presses_keys


@dataclass(frozen=True)
class SimulationsData(ModeData):
    """Simulations, and the mocks that stand in place of their own where the config names some."""

    mocks: tuple[Mock, ...] = ()


def read_simulations(settings: RealtimeSettings, tell: Callable[[Case], Iterable[str]]) -> SimulationsData:
    """Return the chosen simulations as cases. Raises DataError with everything that keeps one from being a case.

    What is wrong with their mocks, or what their callers do, is among the problems of the data. `tell` returns what the
    notes are to say of a case.
    """
    problems: list[str] = []
    assistant, mocks_file = settings.assistant, settings.tool_mocks.mocks_file
    found = collecting(
        problems,
        lambda: load_simulations(
            settings.mode.data_csv,
            system_prompt_file=assistant.system_prompt_file,
            tools_file=assistant.tools_file,
        ),
    )
    mocks = collecting(problems, lambda: load_mocks(mocks_file))
    if problems or found is None or mocks is None:
        raise DataError(problems)
    made = [make_case(simulation) for simulation in found]
    for case in made:
        collecting(problems, lambda case=case: call_mocks(case))  # type: ignore[misc]
    for case in made:
        where = f"{case.inputs['simulation_path']}: 'simulator.behaviour'"
        problems += find_behaviour_problems(own_acts(case), where)
    cases = tuple(made[: settings.max_examples])
    paths = (settings.mode.data_csv, *(path for simulation in found for path in simulation.data_paths))
    return SimulationsData(
        cases=cases,
        datasets=tuple(dataset_manifest([*dict.fromkeys(paths), *filter(None, [mocks_file])])),
        left_out=tuple(made[len(cases) :]),
        problems=tuple(problems),
        notes=tuple(note for case in cases for note in tell(case)),
        mocks=mocks,
    )


def find_unanswered_tools(config: Mapping[str, Any]) -> list[str]:
    """Return a message where a config does not have tools answered."""
    if config["mode"]["answer_tools"]:
        return []
    return ["mode.answer_tools: false, but the tools of a simulated call are always answered"]


def find_keys_without_telephone(rules: Sequence[Mapping[str, Any]], item: str) -> list[str]:
    """Return a message on a caller that is to press keys where no telephone line is; `item` names his rules."""
    if not any(presses_keys(rule) for rule in rules):
        return []
    found = f"{item}: has keypress, but target.kind=realtime calls a model, and only a telephone has keys"
    return [f"{found}; take target=media_stream, or leave keypress out"]


def find_own_keys(settings: SimulationSettings, data: SimulationsData) -> list[str]:
    """Return a message for each simulation whose own caller is to press keys, of a call without a telephone line."""
    if settings.simulator.behaviour is not None:
        return []
    return [
        problem
        for case in (*data.cases, *data.left_out)
        for problem in find_keys_without_telephone(
            own_acts(case), f"{case.inputs['simulation_path']}: 'simulator.behaviour'"
        )
    ]


def find_unspeakable_words(settings: SimulationSettings, data: SimulationsData) -> list[str]:
    """Return a message for each first turn, and all words of a rule, that the embedded voice has no sound for."""
    first_turns = [
        (f"{case.inputs['simulation_path']}: turns.fixed_first_user_turn", str(case.inputs["first_user_turn"]))
        for case in (*data.cases, *data.left_out)
    ]
    is_own = settings.simulator.behaviour is None
    further = [
        (f"{case.inputs['simulation_path']}: 'simulator.behaviour'" if is_own else "simulator.behaviour", str(words))
        for case in (*data.cases, *data.left_out)
        for rule in settings_of(settings, case).behaviour
        for words in (*(rule.get("words") or ()), *(rule.get("then") or ()))
        if words not in MADE_SOUNDS
    ]
    return list(dict.fromkeys(find_unspeakable(settings.speech, [*first_turns, *further])))


def tell_not_used(case: Case, overruled: Sequence[str], not_done: Sequence[str], why: str) -> Iterator[str]:
    """Yield a note on what of a simulation's file is not used.

    Args:
        case: The simulation.
        overruled: Values that the run config takes the place of.
        not_done: What its caller would do and cannot.
        why: The setting that keeps him from it, and what it lacks.

    """
    if overruled:
        yield f"{case.case_id}: the run config wins over the file's {', '.join(overruled)}"
    if not_done:
        setting, _, lack = why.partition("; ")
        yield f"{case.case_id}: {setting}, so its caller does without {', '.join(dict.fromkeys(not_done))}, {lack}"


def own_acts(case: Case) -> list[Mapping[str, Any]]:
    """Return what a simulation's file has its caller do beside his turns."""
    own: Any = case.inputs["own_settings"]
    return list(own.get("simulator", {}).get("behaviour", ()))


def call_mocks(case: Case) -> tuple[Mock, ...]:
    """Return a simulation's own mocks. Raises DataError for what is wrong with them."""
    inputs: Any = case.inputs
    return parse_mocks(inputs["tool_mocks"], f"{inputs['simulation_path']}: 'tool_mocks'", inputs["tools"])


def grader_specs(settings: RealtimeSettings, case: Case) -> tuple[GraderSpec, ...]:
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
