"""The shipped simulations keep the promises that `data/run/README.md` makes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from evalkit.records.match_rules import find_match_problems

RUN = Path(__file__).resolve().parents[2] / "data" / "run"
TYPES_BY_LEVEL = {
    "turn_level": {"tool_call", "tool_call_args", "audio_text_mismatch", "instruction_following", "llm_as_judge"},
    "trace_level": {"tool_sequence", "llm_as_judge", "contains", "not_contains", "regex"},
}
NEEDS = {
    "llm_as_judge": "criteria",
    "instruction_following": "criteria",
    "regex": "pattern",
    "contains": "texts",
    "not_contains": "texts",
    "tool_sequence": "ordered",
}


def read_index() -> list[dict[str, str]]:
    with (RUN / "simulations.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def read_simulation(name: str) -> dict[str, Any]:
    simulation: dict[str, Any] = json.loads((RUN / f"{name}.json").read_text(encoding="utf-8"))
    return simulation


NAMES = sorted(path.stem for path in RUN.glob("sim_*.json"))
OLDER = [name for name in NAMES if name.startswith("sim_old_")]
CURRENT = [name for name in NAMES if name not in OLDER]


def resolve(path: str) -> Path:
    """Look the path up as a run does: beside the file and the index (one folder here), then in each parent folder."""
    for folder in [RUN, *RUN.parents]:
        if (folder / path).is_file():
            return folder / path
    raise FileNotFoundError(path)


def tools_of(simulation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    tools = json.loads(resolve(simulation["assistant"]["tools_file"]).read_text(encoding="utf-8"))
    return {tool["name"]: tool["parameters"] for tool in tools}


def expected_calls(simulation: dict[str, Any]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = simulation.get("expected_tool_calls", [])
    return calls or [simulation[key] for key in ("expected_tool_call",) if key in simulation]


def test_index_lists_every_file_under_its_own_id() -> None:
    """The index has the documented columns and names each simulation file once, under the id that the file has."""
    rows = read_index()
    assert list(rows[0]) == ["simulation_id", "simulation_path", "enabled", "notes", "max_turns_override"]
    assert sorted(row["simulation_id"] for row in rows) == NAMES
    for row in rows:
        assert row["simulation_path"] == f"{row['simulation_id']}.json"
        assert read_simulation(row["simulation_id"])["simulation_id"] == row["simulation_id"]
        assert row["enabled"] == "true"
        assert int(row["max_turns_override"]) == 0


def test_there_are_enough_simulations_over_both_domains() -> None:
    """At least twelve in the current format, from two domains, and two in the older one."""
    assert len(CURRENT) >= 12
    assert len(OLDER) == 2
    assert {read_simulation(name)["assistant"]["tools_file"] for name in CURRENT} == {
        "tools/support.json",
        "tools/clinic.json",
    }


@pytest.mark.parametrize("name", NAMES)
def test_prompt_and_tools_are_found(name: str) -> None:
    """The prompt and tools files that a simulation names exist where a run looks for them, inside the shipped data."""
    assistant = read_simulation(name)["assistant"]
    for key in ("system_prompt_file", "tools_file"):
        assert RUN.parent in resolve(assistant[key]).parents


@pytest.mark.parametrize("name", NAMES)
def test_expected_calls_are_valid_calls(name: str) -> None:
    """Every expected call satisfies the schema of a tool that the assistant has; rules, where given, cover it."""
    simulation = read_simulation(name)
    tools = tools_of(simulation)
    for call in expected_calls(simulation):
        Draft202012Validator(tools[call["name"]], format_checker=FormatChecker()).validate(call["arguments"])
        assert set(call.get("match", call["arguments"])) == set(call["arguments"])
        assert find_match_problems(call.get("match", {}), call["arguments"]) == []


def mock_takes(mock: dict[str, Any], arguments: dict[str, Any]) -> bool:
    match = mock.get("match", {})
    if "properties" in match:
        return Draft202012Validator(match).is_valid(arguments)
    return all(arguments.get(key) == value for key, value in match.items())


@pytest.mark.parametrize("name", NAMES)
def test_every_expected_call_has_its_own_mock(name: str) -> None:
    """A right call gets the answer that the case is about: the first mock for it is not the catch-all after a match."""
    simulation = read_simulation(name)
    mocks = simulation["tool_mocks"]
    assert {mock["name"] for mock in mocks} <= set(tools_of(simulation))
    assert all(("output" in mock) != ("error" in mock) for mock in mocks)
    for call in expected_calls(simulation):
        named = [mock for mock in mocks if mock["name"] == call["name"] and "state" not in mock]
        chosen = next(mock for mock in named if mock_takes(mock, call["arguments"]))
        assert "match" in chosen or len(named) == 1


@pytest.mark.parametrize("name", CURRENT)
def test_specific_mocks_stand_before_the_catch_all(name: str) -> None:
    """The first mock that matches wins, so a mock without a condition is the last of its tool."""
    mocks = read_simulation(name)["tool_mocks"]
    for tool in {mock["name"] for mock in mocks}:
        conditional = ["match" in mock or "state" in mock for mock in mocks if mock["name"] == tool]
        assert conditional == sorted(conditional, reverse=True)


@pytest.mark.parametrize("name", CURRENT)
def test_personas_have_the_documented_shape(name: str) -> None:
    """Facts, goal, style and rules, in this order; facts are key and value, goals and rules are dashed lines."""
    persona: str = read_simulation(name)["simulator"]["system_prompt"]
    parts = [part.strip().splitlines() for part in ("\n" + persona).split("\n# ")[1:]]
    sections = {lines[0]: [line for line in lines[1:] if line] for lines in parts}
    assert list(sections) == ["Facts", "Goal", "Style", "Rules"]
    assert all(": " in line for line in sections["Facts"])
    assert all(line.startswith("- ") for line in sections["Goal"] + sections["Rules"])
    assert sections["Style"]
    assert "END_CALL" in sections["Rules"][-1]


def test_personas_share_their_first_seven_rules() -> None:
    """What makes a caller stay a caller is said to each of them in the same words."""
    rules = {
        tuple(read_simulation(name)["simulator"]["system_prompt"].split("# Rules\n")[1].splitlines()[:7])
        for name in CURRENT
    }
    assert len(rules) == 1


@pytest.mark.parametrize("name", CURRENT)
def test_graders_are_of_a_kind_that_fits_their_level(name: str) -> None:
    """Grader ids are unique in a simulation, types fit the level, and each has what its type needs."""
    graders = read_simulation(name)["graders"]
    ids = [grader["id"] for level in graders.values() for grader in level]
    assert len(set(ids)) == len(ids)
    for level, allowed in TYPES_BY_LEVEL.items():
        assert graders[level]
        for grader in graders[level]:
            assert grader["type"] in allowed
            needed = NEEDS.get(grader["type"])
            assert set(grader) - {"required"} == {"id", "type"} | ({needed} if needed else set())
            assert needed is None or grader[needed]


@pytest.mark.parametrize("name", CURRENT)
def test_how_many_calls_are_expected_decides_how_they_are_graded(name: str) -> None:
    """One call is graded at its turn, none at all as well, several as a sequence; each call is graded somewhere."""
    simulation = read_simulation(name)
    types = {grader["type"] for level in simulation["graders"].values() for grader in level}
    count = len(expected_calls(simulation))
    assert ("tool_sequence" in types) == (count > 1)
    assert ("tool_call" in types) == (count <= 1)
    assert ("tool_call_args" in types) == (count == 1)
    assert ("expected_tool_call" in simulation) == (count == 1)


@pytest.mark.parametrize("name", OLDER)
def test_older_files_are_really_in_the_older_format(name: str) -> None:
    """Mocks have name and output only, judges no type, expected calls no rules, and prompts start in `shared`."""
    simulation = read_simulation(name)
    assert all(set(mock) == {"name", "output"} for mock in simulation["tool_mocks"])
    assert set(simulation["expected_tool_call"]) == {"name", "arguments"}
    assert simulation["assistant"]["system_prompt_file"].startswith("shared/")
    graders = simulation["graders"]["turn_level"] + simulation["graders"]["trace_level"]
    judges = [grader for grader in graders if "criteria" in grader]
    assert judges
    assert not any(grader.get("type") for grader in judges)
    assert set(simulation) == {
        "simulation_id", "scenario", "assistant", "simulator", "audio",
        "turns", "tool_mocks", "expected_tool_call", "graders",
    }  # fmt: skip


def test_readme_names_every_simulation() -> None:
    """The table of calls in the README lists each simulation."""
    readme = (RUN / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in readme] == []
    assert f"| {len(NAMES)} simulated calls" in (RUN.parent / "README.md").read_text(encoding="utf-8")
