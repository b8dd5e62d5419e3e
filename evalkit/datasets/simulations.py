"""Simulated calls: an index CSV, and a JSON file for each call. Everything is checked before the first one is held.

The index has ``simulation_id, simulation_path`` and may have ``enabled`` (true, false; empty: true), ``notes`` and
``max_turns_override`` (0 or empty: none); further columns are kept with the case. ``schemas/simulation.schema.json``
says what a simulation file holds. Files in the older format pass: mocks of name and output, judges without a type.

What the tools answer stays JSON here. The mode parses `tool_mocks` with
:func:`evalkit.mocks.definitions.parse_mocks`; options of graders are checked by
:func:`evalkit.graders.registry.find_grader_problems`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from evalkit.datasets.expectations import ARGUMENTS_COLUMN, MATCH_COLUMN, TOOL_COLUMN, read_expectation
from evalkit.datasets.files import clip, read_json, read_text
from evalkit.datasets.ids import find_id_problems
from evalkit.datasets.lookup import find_file, search_folders
from evalkit.datasets.speakable import find_speech_problem
from evalkit.datasets.tables import Table, TableRow, read_table
from evalkit.datasets.tools import load_tools
from evalkit.errors import DataError
from evalkit.records.case import Case, ExpectedCall
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.records.json import Json, JsonObject
from evalkit.records.passing import required_graders
from evalkit.settings.documents import describe_place, find_document_problems

T = TypeVar("T")

DEFAULT_MAX_TURNS = 10
DEFAULT_GRADER_TYPE = "llm_as_judge"

ID_COLUMN = "simulation_id"
PATH_COLUMN = "simulation_path"
ENABLED_COLUMN = "enabled"
OVERRIDE_COLUMN = "max_turns_override"

_LEVELS = {"turn_level": GradeLevel.TURN, "trace_level": GradeLevel.TRACE}
_SPEC_KEYS = ("id", "type", "required")  # all else that a grader in a file has is an option of its type
_MOST_TURNS = 1000


@dataclass(frozen=True)
class Simulation:
    """One simulated call, complete: nothing of it has to be read again.

    Attributes:
        simulation_id: Names the case.
        path: Its file.
        scenario: What the caller is trying to do, for judges.
        system_prompt: The assistant's.
        tools: What the assistant may call.
        persona: The caller's prompt: persona and rules.
        first_user_turn: What the caller says first, word for word.
        max_turns: How many turns the call may take, by index and file; the run config may say otherwise.
        tool_mocks: What the tools answer, as it stands in the file.
        expected_calls: Calls of a right answer, in order.
        expects_no_call: A right answer calls no tool. False with no expected call: the file says nothing about calls.
        graders: How it is graded, each at its level.
        own_settings: Models, voices, the caller's behaviour and audio that the file sets, used where the run config
            says null.
        columns: Further columns of the index.

    """

    simulation_id: str
    path: Path
    scenario: str
    system_prompt: str
    system_prompt_path: Path
    tools: tuple[JsonObject, ...]
    tools_path: Path
    persona: str
    first_user_turn: str
    max_turns: int
    tool_mocks: tuple[Json, ...] = ()
    expected_calls: tuple[ExpectedCall, ...] = ()
    expects_no_call: bool = False
    graders: tuple[GraderSpec, ...] = ()
    own_settings: JsonObject = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def data_paths(self) -> tuple[Path, ...]:
        """The files it was made of."""
        return (self.path, self.system_prompt_path, self.tools_path)


def load_simulations(
    index_path: Path, *, system_prompt_file: Path | None = None, tools_file: Path | None = None
) -> list[Simulation]:
    """Return the enabled simulations of an index CSV, in its order.

    Args:
        index_path: The index.
        system_prompt_file: The assistant's prompt in every call; None: each simulation's own.
        tools_file: The assistant's tools in every call; None: each simulation's own.

    Raises:
        DataError: Everything that is wrong with the index and with each enabled simulation.

    """
    table = read_table(index_path, (ID_COLUMN, PATH_COLUMN))
    reader = _Reader(table, system_prompt_file, tools_file, find_id_problems(table, ID_COLUMN))
    enabled = [row for row in table.rows if reader.is_enabled(row)]
    if not enabled:
        reader.problems.append(f"{table.path}: no simulation is enabled; set column {ENABLED_COLUMN!r} of one to true")
    simulations = [reader.read_simulation(row) for row in enabled]
    if reader.problems:
        raise DataError(list(dict.fromkeys(reader.problems)))
    return [simulation for simulation in simulations if simulation is not None]


def make_case(simulation: Simulation) -> Case:
    """Return the case that asks for this call. Its inputs hold all contents, so that a record can be read alone.

    Graders are stored outside the inputs: other graders do not make it another case.
    """
    case = Case(
        case_id=simulation.simulation_id,
        mode="run",
        inputs={
            "scenario": simulation.scenario,
            "system_prompt": simulation.system_prompt,
            "system_prompt_path": str(simulation.system_prompt_path),
            "tools": list(simulation.tools),
            "tools_path": str(simulation.tools_path),
            "persona": simulation.persona,
            "first_user_turn": simulation.first_user_turn,
            "max_turns": simulation.max_turns,
            "tool_mocks": list(simulation.tool_mocks),
            "own_settings": simulation.own_settings,
            "simulation_path": str(simulation.path),
        },
        expected_calls=simulation.expected_calls,
        expects_no_call=simulation.expects_no_call,
        extra={
            **simulation.columns,
            "graders": [_spec_to_json(spec) for spec in simulation.graders],
        },
    )
    return replace(case, required_graders=required_graders(case))


def graders_of(case: Case) -> tuple[GraderSpec, ...]:
    """Return the graders that :func:`make_case` stored with a case, also when it comes from a stored record."""
    specs: Any = case.extra.get("graders", ())
    return tuple(GraderSpec(**{**spec, "level": GradeLevel(spec["level"])}) for spec in specs)


def _spec_to_json(spec: GraderSpec) -> dict[str, Json]:
    """Return `spec` as JSON; `required` only where it is set, so that older records keep their hash."""
    fields: dict[str, Json] = {**asdict(spec), "level": spec.level.value}
    return {name: value for name, value in fields.items() if name != "required" or not value}


@dataclass
class _Reader:
    """Reads the rows of one index. Files that simulations share are read once; problems of all come together."""

    table: Table
    system_prompt_file: Path | None
    tools_file: Path | None
    problems: list[str]
    _read: dict[Path, Any] = field(default_factory=dict)

    def is_enabled(self, row: TableRow) -> bool:
        text = row.cells.get(ENABLED_COLUMN, "").strip().lower()
        if text not in ("", "true", "false"):
            self.problems.append(f"{self.table.where(row, ENABLED_COLUMN)}: is {clip(text)}, expected true or false")
        return text != "false"

    def read_simulation(self, row: TableRow) -> Simulation | None:
        """Return the simulation of a row, or None where its problems leave nothing to read."""
        override = self._read_override(row)
        where, named = self.table.where(row, PATH_COLUMN), row.cells[PATH_COLUMN].strip()
        if not named:
            self.problems.append(f"{where}: is empty, expected the path of a JSON file, relative to the CSV file")
            return None
        path = (self.table.path.parent / named).resolve()
        document = self._collect(lambda: read_json(path), f"{where}: ")
        if document is None or not self._fits_schema(path, document):
            return None
        if document["simulation_id"] != row.cells[ID_COLUMN]:
            self.problems.append(
                f"{path}: {_place('simulation_id')}: is {clip(document['simulation_id'])}, "
                f"but row {row.number} of {self.table.path} calls it {clip(row.cells[ID_COLUMN])}"
            )
        return self._build(row, path, document, override)

    def _build(self, row: TableRow, path: Path, document: Mapping[str, Any], override: int) -> Simulation | None:
        system_prompt_path = self._find("system_prompt_file", self.system_prompt_file, path, document)
        tools_path = self._find("tools_file", self.tools_file, path, document)
        system_prompt = self._read_once(system_prompt_path, read_text)
        tools = self._read_once(tools_path, load_tools)
        calls = self._read_expected_calls(path, document, tools)
        if system_prompt_path is None or tools_path is None or system_prompt is None or tools is None or calls is None:
            return None
        turns = document["turns"]
        if problem := find_speech_problem(turns["fixed_first_user_turn"]):
            self.problems.append(f"{path}: {_place('turns', 'fixed_first_user_turn')}: {problem}")
        return Simulation(
            simulation_id=document["simulation_id"],
            path=path,
            scenario=document["scenario"],
            system_prompt=system_prompt,
            system_prompt_path=system_prompt_path,
            tools=tools,
            tools_path=tools_path,
            persona=document["simulator"]["system_prompt"],
            first_user_turn=turns["fixed_first_user_turn"],
            max_turns=override or turns.get("max_turns") or DEFAULT_MAX_TURNS,
            tool_mocks=tuple(document.get("tool_mocks", ())),
            expected_calls=calls,
            expects_no_call=not calls and ("expected_tool_call" in document or "expected_tool_calls" in document),
            graders=_read_graders(document),
            own_settings=_read_own_settings(document),
            columns={
                name: text
                for name, text in row.cells.items()
                if name not in (ID_COLUMN, PATH_COLUMN, ENABLED_COLUMN, OVERRIDE_COLUMN)
            },
        )

    def _read_override(self, row: TableRow) -> int:
        text = row.cells.get(OVERRIDE_COLUMN, "").strip()
        if re.fullmatch(r"[0-9]{0,4}", text) and int(text or 0) <= _MOST_TURNS:
            return int(text or 0)
        self.problems.append(
            f"{self.table.where(row, OVERRIDE_COLUMN)}: is {clip(text)}, "
            f"expected a whole number of turns up to {_MOST_TURNS}; 0 or empty: none"
        )
        return 0

    def _fits_schema(self, path: Path, document: Any) -> bool:
        if isinstance(document, dict) and isinstance(document.get("tool_mocks"), list):
            document = {**document, "tool_mocks": []}  # who answers from them checks them, with words of its own
        found = find_document_problems("simulation", document)
        self.problems += [f"{path}: {problem}" for problem in found]
        return not found

    def _find(self, key: str, given: Path | None, path: Path, document: Mapping[str, Any]) -> Path | None:
        """Return where a file of the assistant is: the one given for all calls, else the simulation's own."""
        if given is not None:
            return given
        where = f"{path}: {_place('assistant', key)}: "
        named = document.get("assistant", {}).get(key)
        if named is None:
            self.problems.append(f"{where}is missing, and the run config has no assistant.{key} either")
            return None
        return self._collect(lambda: find_file(named, search_folders(path, self.table.path)), where)

    def _read_once(self, path: Path | None, read: Callable[[Path], T]) -> T | None:
        if path is None:
            return None
        if path not in self._read:
            self._read[path] = self._collect(lambda: read(path))
        result: T | None = self._read[path]
        return result

    def _read_expected_calls(
        self, path: Path, document: Mapping[str, Any], tools: tuple[JsonObject, ...] | None
    ) -> tuple[ExpectedCall, ...] | None:
        """Return the expected calls, or None where they are wrong."""
        several = document.get("expected_tool_calls")
        one = document.get("expected_tool_call")
        found: list[str] = []
        if one is not None and several is not None:
            found.append("has expected_tool_call and expected_tool_calls; keep the list")
        named = [] if one is None or not one.get("name", "").strip() else [one]
        if one is not None and not named and one.get("arguments"):
            found.append(
                f"{_place('expected_tool_call', 'arguments')}: {clip(one['arguments'])}, but no name of a tool"
            )
        calls = []
        for index, entry in enumerate(named if several is None else several):
            call = ExpectedCall(entry["name"].strip(), entry.get("arguments") or {}, entry.get("match", {}))
            place = ("expected_tool_call",) if several is None else ("expected_tool_calls", index)
            found += [f"{_place(*place, part)}: {message}" for part, message in _find_call_problems(call, tools)]
            calls.append(call)
        self.problems += [f"{path}: {problem}" for problem in found]
        return None if found else tuple(calls)

    def _collect(self, read: Callable[[], T], prefix: str = "") -> T | None:
        """Return what `read` returns; None when it raises, with its problems added to the others."""
        try:
            return read()
        except DataError as error:
            self.problems += [f"{prefix}{problem}" for problem in error.problems]
            return None


def _place(*path: str | int) -> str:
    return describe_place(path)


def _find_call_problems(call: ExpectedCall, tools: tuple[JsonObject, ...] | None) -> Iterator[tuple[str, str]]:
    """Yield the key and the message of everything wrong with `call`, which is checked as a row of a CSV would be."""
    cells = {
        TOOL_COLUMN: call.name,
        ARGUMENTS_COLUMN: json.dumps(call.arguments),
        MATCH_COLUMN: json.dumps(call.match),
    }
    keys = {TOOL_COLUMN: "name", ARGUMENTS_COLUMN: "arguments", MATCH_COLUMN: "match"}
    _, problems = read_expectation(cells, tools)
    yield from ((keys[problem.column], problem.message) for problem in problems)


def _read_graders(document: Mapping[str, Any]) -> tuple[GraderSpec, ...]:
    return tuple(
        GraderSpec(
            grader_id=entry["id"],
            grader_type=(entry.get("type") or "").strip() or DEFAULT_GRADER_TYPE,
            options={name: value for name, value in entry.items() if name not in _SPEC_KEYS},
            level=level,
            required=entry.get("required", True),
        )
        for key, level in _LEVELS.items()
        for entry in document.get("graders", {}).get(key, ())
    )


def _read_own_settings(document: Mapping[str, Any]) -> JsonObject:
    """Return model, voice, behaviour and audio that the file sets; blank values count as absent."""
    values = {
        "assistant": {name: document.get("assistant", {}).get(name) for name in ("model", "voice")},
        "simulator": {name: document["simulator"].get(name) for name in ("model", "voice", "behaviour")},
        "audio": document.get("audio", {}),
    }
    kept = {
        node: {name: value for name, value in keys.items() if value not in (None, "")} for node, keys in values.items()
    }
    return {node: keys for node, keys in kept.items() if keys}
