"""Simulations are read as they are meant, in both formats, and everything wrong with a set of them is said at once."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from factories import make_record
from hypothesis import given
from hypothesis import strategies as st

from evalkit.datasets.simulations import DEFAULT_MAX_TURNS, Simulation, graders_of, load_simulations, make_case
from evalkit.errors import DataError
from evalkit.records.case import ExpectedCall
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.records.record import from_json, to_json
from evalkit.settings.resources import resource_dir

INDEX = resource_dir("data") / "run" / "simulations.csv"
TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "name": "get_order",
        "description": "Where an order is.",
        "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    }
]
SIMULATION: dict[str, Any] = {
    "simulation_id": "s1",
    "scenario": "asks where an order is",
    "assistant": {"system_prompt_file": "shared/prompt.txt", "tools_file": "shared/tools.json"},
    "simulator": {"system_prompt": "You call a shop."},
    "turns": {"fixed_first_user_turn": "Where is order 0071?", "max_turns": 6},
    "tool_mocks": [{"name": "get_order", "output": {"status": "shipped"}}],
    "expected_tool_call": {"name": "get_order", "arguments": {"order_id": "0071"}, "match": {"order_id": "id"}},
    "graders": {
        "turn_level": [{"id": "call", "type": "tool_call"}, {"id": "kind", "criteria": "is kind"}],
        "trace_level": [{"id": "told", "type": "", "criteria": "says it is shipped"}],
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for data, with the assistant's files in the folder above it."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "prompt.txt").write_text("You are a shop.")
    (tmp_path / "shared" / "tools.json").write_text(json.dumps(TOOLS))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def write(folder: Path, *documents: Any, rows: str = "") -> Path:
    """Write simulations, and an index of them all unless `rows` says otherwise."""
    for number, document in enumerate(documents, 1):
        (folder / f"s{number}.json").write_text(json.dumps(document))
    listed = rows or "simulation_id,simulation_path\n" + "".join(
        f"s{n},s{n}.json\n" for n in range(1, len(documents) + 1)
    )
    index = folder / "index.csv"
    index.write_text(listed)
    return index


def changed(**changes: Any) -> dict[str, Any]:
    """Return the simulation with some keys changed; None takes a key away."""
    document = {**copy.deepcopy(SIMULATION), **changes}
    return {key: value for key, value in document.items() if value is not None}


def problems_of(index: Path, **overrides: Any) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        load_simulations(index, **overrides)
    return caught.value.problems


def test_simulation_is_read_whole(folder: Path) -> None:
    """Everything that the file says is in the simulation, files found and read, graders at their level."""
    (simulation,) = load_simulations(write(folder, SIMULATION))
    assert simulation == Simulation(
        simulation_id="s1",
        path=folder / "s1.json",
        scenario="asks where an order is",
        system_prompt="You are a shop.",
        system_prompt_path=folder.parent / "shared" / "prompt.txt",
        tools=tuple(TOOLS),
        tools_path=folder.parent / "shared" / "tools.json",
        persona="You call a shop.",
        first_user_turn="Where is order 0071?",
        max_turns=6,
        tool_mocks=({"name": "get_order", "output": {"status": "shipped"}},),
        expected_calls=(ExpectedCall("get_order", {"order_id": "0071"}, {"order_id": "id"}),),
        graders=(
            GraderSpec("call", "tool_call"),
            GraderSpec("kind", "llm_as_judge", {"criteria": "is kind"}),
            GraderSpec("told", "llm_as_judge", {"criteria": "says it is shipped"}, GradeLevel.TRACE),
        ),
    )
    assert simulation.data_paths == (simulation.path, simulation.system_prompt_path, simulation.tools_path)


def test_shipped_simulations_are_read() -> None:
    """All shipped calls, older format included, in the order of the index."""
    simulations = load_simulations(INDEX)
    assert [simulation.path.stem for simulation in simulations] == [
        line.split(",")[0] for line in INDEX.read_text(encoding="utf-8").splitlines()[1:]
    ]
    assert all(simulation.tools and simulation.system_prompt and simulation.graders for simulation in simulations)
    assert all(simulation.expected_calls or simulation.expects_no_call for simulation in simulations)
    by_id = {simulation.simulation_id: simulation for simulation in simulations}
    assert len(by_id["sim_support_long_memory"].expected_calls) == 4
    assert by_id["sim_support_out_of_scope"].expects_no_call
    older = by_id["sim_old_gift_card"]
    assert older.tools_path == INDEX.parent.parent / "shared" / "tools.json"
    assert older.graders[-1].grader_type == "llm_as_judge"
    assert older.own_settings["simulator"] == {"model": "gpt-realtime", "voice": "marin"}


@pytest.mark.parametrize(
    ("changes", "calls", "none"),
    [
        ({}, 1, False),
        ({"expected_tool_call": None}, 0, False),
        ({"expected_tool_call": {}}, 0, True),
        ({"expected_tool_call": {"name": "", "arguments": {}}}, 0, True),
        ({"expected_tool_call": {"name": "get_order", "arguments": None}}, 1, False),
        ({"expected_tool_call": None, "expected_tool_calls": []}, 0, True),
        ({"expected_tool_call": None, "expected_tool_calls": [{"name": "get_order"}] * 2}, 2, False),
    ],
)
def test_expected_calls_are_one_several_none_or_unsaid(
    folder: Path, changes: dict[str, Any], calls: int, none: bool
) -> None:
    """An empty expectation means that no tool must be called; no expectation means that nothing is said about it."""
    (simulation,) = load_simulations(write(folder, changed(**changes)))
    assert len(simulation.expected_calls) == calls
    assert simulation.expects_no_call is none


@pytest.mark.parametrize(
    ("override", "own", "expected"),
    [("", 6, 6), ("0", 6, 6), (" 3 ", 6, 3), ("3", 0, 3), ("", 0, DEFAULT_MAX_TURNS), ("", None, DEFAULT_MAX_TURNS)],
)
def test_index_overrides_the_files_max_turns(folder: Path, override: str, own: int | None, expected: int) -> None:
    """A number above 0 in the index wins over the file's, and the file's over the default."""
    document = changed(turns={"fixed_first_user_turn": "Hi.", "max_turns": own})
    index = write(folder, document, rows=f"simulation_id,simulation_path,max_turns_override\ns1,s1.json,{override}\n")
    assert load_simulations(index)[0].max_turns == expected


def test_disabled_rows_are_not_read(folder: Path) -> None:
    """Only what is enabled runs; the file of a disabled row need not even exist. An empty cell is true."""
    rows = "simulation_id,simulation_path,enabled,notes\ns0,none.json,FALSE,later\ns1,s1.json,,now\n"
    (simulation,) = load_simulations(write(folder, SIMULATION, rows=rows))
    assert simulation.columns == {"notes": "now"}
    assert problems_of(write(folder, rows=rows.replace(",,", ",false,"))) == (
        f"{folder / 'index.csv'}: no simulation is enabled; set column 'enabled' of one to true",
    )


def test_files_given_for_all_calls_win(folder: Path) -> None:
    """The run config's prompt and tools are used in every call, and the simulation's own need not exist."""
    prompt, tools = folder / "other.txt", folder / "other.json"
    prompt.write_text("You are another shop.")
    tools.write_text(json.dumps(TOOLS))
    index = write(folder, changed(assistant=None))
    (simulation,) = load_simulations(index, system_prompt_file=prompt, tools_file=tools)
    assert (simulation.system_prompt, simulation.tools_path) == ("You are another shop.", tools)
    assert problems_of(index) == tuple(
        f"{folder / 's1.json'}: 'assistant.{key}': is missing, and the run config has no assistant.{key} either"
        for key in ("system_prompt_file", "tools_file")
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"simulation_id": "S1"}, "'simulation_id': is 'S1', but row 2 of {folder}/index.csv calls it 's1'"),
        ({"scenario": None}, "'scenario': is missing"),
        ({"simulator": {"system_prompt": ""}}, "'simulator.system_prompt': is blank, expected text"),
        ({"tool_mocks": {}}, "'tool_mocks': is the object {{}}, expected list"),
        (
            {"turns": {"fixed_first_user_turn": "Hi.", "max_turns": "6"}},
            "'turns.max_turns': is the string '6', expected integer ≥ 0 ≤ 1000 or null",
        ),
        (
            {"turns": {"fixed_first_user_turn": "..."}},
            "'turns.fixed_first_user_turn': is '...', which no voice can say; expected words, or leave the case out",
        ),
        ({"graders": {"turn_level": [{"type": "tool_call"}]}}, "'graders.turn_level' #1: 'id': is missing"),
        (
            {"graders": {"turn_level": [{"id": "a", "required": "no"}]}},
            "'graders.turn_level' #1: 'required': is the string 'no', expected boolean",
        ),
        (
            {"expected_tool_calls": []},
            "has expected_tool_call and expected_tool_calls; keep the list",
        ),
        (
            {"expected_tool_call": {"arguments": {"order_id": "1"}}},
            "'expected_tool_call.arguments': {{'order_id': '1'}}, but no name of a tool",
        ),
        (
            {"expected_tool_call": {"name": "get_ordre"}},
            "'expected_tool_call.name': no tool is called 'get_ordre'; did you mean 'get_order'?; tools: get_order",
        ),
        (
            {"expected_tool_call": None, "expected_tool_calls": [{"name": "get_order", "arguments": {"order": "1"}}]},
            "'expected_tool_calls' #1: 'arguments': get_order has no argument 'order'; did you mean 'order_id'?",
        ),
        (
            {"assistant": {"system_prompt_file": "shared/prompt.txt", "tools_file": "shared/none.json"}},
            "'assistant.tools_file': no such file: 'shared/none.json'; looked for {folder}/shared/none.json, ",
        ),
    ],
)
def test_each_mistake_has_its_message(folder: Path, changes: dict[str, Any], problem: str) -> None:
    """A message names the file and the place in it, what was found and what is meant."""
    (found,) = problems_of(write(folder, changed(**changes)))
    assert found.startswith(f"{folder / 's1.json'}: {problem.format(folder=folder)}")


def test_problems_of_index_and_files_come_together(folder: Path) -> None:
    """One look at the messages is enough to mend everything; a file that several share is complained of once."""
    (folder.parent / "shared" / "tools.json").write_text("{}")
    rows = (
        "simulation_id,simulation_path,enabled,max_turns_override\n"
        "s1,s1.json,true,0\ns2,s2.json,yes,-1\ns1,none.json,true,0\na/b,,true,1.5\n"
    )
    found = problems_of(write(folder, SIMULATION, changed(simulation_id="s2"), rows=rows))
    places = [problem.removeprefix(f"{folder / 'index.csv'}: ").split(": ")[:2] for problem in found]
    assert places[:4] == [
        ["row 4", "column 'simulation_id'"],
        ["row 5", "column 'simulation_id'"],
        ["row 3", "column 'enabled'"],
        [f"{folder.parent / 'shared' / 'tools.json'}", "holds a JSON object, expected a list of tools"],
    ]
    assert places[4:] == [
        ["row 3", "column 'max_turns_override'"],
        ["row 4", "column 'simulation_path'"],
        ["row 5", "column 'max_turns_override'"],
        ["row 5", "column 'simulation_path'"],
    ]


def test_case_holds_all_contents_and_none_of_the_rubric(folder: Path) -> None:
    """A record can be judged without the data; another rubric or another folder does not make it another case."""
    (simulation,) = load_simulations(write(folder, SIMULATION))
    case = make_case(simulation)
    assert (case.case_id, case.mode) == ("s1", "run")
    assert case.inputs["system_prompt"] == "You are a shop."
    assert case.inputs["tool_mocks"] == SIMULATION["tool_mocks"]
    assert graders_of(case) == simulation.graders
    (regraded,) = load_simulations(write(folder, changed(graders=None)))
    assert make_case(regraded).sha256 == case.sha256
    (folder.parent / "shared" / "prompt.txt").write_text("You are a clinic.")
    (other,) = load_simulations(write(folder, SIMULATION))
    assert make_case(other).sha256 != case.sha256


def test_a_call_passes_by_all_its_graders_but_those_marked_as_not_required(folder: Path) -> None:
    """``"required": false`` is no option of the grader; what is required travels with the case, not in its hash."""
    graders = {
        "turn_level": [
            {"id": "kind", "criteria": "is kind", "required": False},
            {"id": "brief", "criteria": "is brief"},
        ],
        "trace_level": [{"id": "tool_call", "type": "tool_call", "required": False}],
    }
    (simulation,) = load_simulations(write(folder, changed(graders=graders)))
    case = make_case(simulation)
    assert [spec.required for spec in simulation.graders] == [False, True, False]
    assert simulation.graders[0] == GraderSpec("kind", "llm_as_judge", {"criteria": "is kind"}, required=False)
    assert case.required_graders == ("tool_call_args", "brief")
    assert graders_of(case) == simulation.graders
    (strict,) = load_simulations(write(folder, SIMULATION))
    assert make_case(strict).required_graders == ("tool_call", "tool_call_args", "call", "kind", "told")
    assert make_case(strict).sha256 == case.sha256


def test_case_comes_back_from_a_stored_record() -> None:
    """Cases of all shipped simulations survive the way to disk and back, graders included."""
    for simulation in load_simulations(INDEX):
        case = make_case(simulation)
        stored = from_json(json.loads(json.dumps(to_json(make_record(case)))))
        assert stored.case == case
        assert graders_of(stored.case) == simulation.graders


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text("ab ", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "arguments", "id"]), inner),
    max_leaves=6,
)


@given(key=st.sampled_from(sorted(SIMULATION)), value=JSON)
def test_any_value_anywhere_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, key: str, value: Any) -> None:
    """A broken file is a list of messages, never a traceback."""
    base = tmp_path_factory.mktemp("any")
    (base / "shared").mkdir()
    (base / "shared" / "prompt.txt").write_text("You are a shop.")
    (base / "shared" / "tools.json").write_text(json.dumps(TOOLS))
    index = write(base, {**SIMULATION, key: value})
    try:
        problems: tuple[str, ...] = ()
        load_simulations(index)
    except DataError as error:
        problems = error.problems
    assert all(problem.startswith(str(base)) for problem in problems)
