"""Reads the cases of mode=terminal: an index CSV, and a YAML or JSON file for each. Everything is checked at once.

The index has the column ``case_file`` and may have ``enabled`` (true, false; empty: true). A case file keeps to
``schemas/terminal_case.schema.json``; docs/terminal.md shows one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from evalkit.datasets.files import clip, parse_json, read_bytes, read_text
from evalkit.datasets.tables import Table, TableRow, read_table
from evalkit.errors import DataError, collecting
from evalkit.modes.terminal.case import (
    INTERRUPT,
    Reaction,
    Reactor,
    ReactorTrigger,
    TerminalCase,
    Transport,
    UserAction,
)
from evalkit.pty.keys import KEY_NAMES
from evalkit.records.case import CASE_ID_PATTERN, Case
from evalkit.records.grade import GradeLevel, GraderSpec
from evalkit.records.json import Json
from evalkit.records.patterns import find_pattern_problem
from evalkit.settings.documents import find_document_problems
from evalkit.settings.names import did_you_mean

FILE_COLUMN = "case_file"
ENABLED_COLUMN = "enabled"
DEFAULT_REACTOR = "default"
FIRST_WORDS = "initial_prompt"
"""What stands where a reactor would, in the first turn."""
PERSONA = "persona"
CHECKS = "checks"
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OWN_IDS = (DEFAULT_REACTOR, FIRST_WORDS, PERSONA)
_MOST_BYTES = 4 * 1024 * 1024
_SPEC_KEYS = ("id", "type", "required")
_PATTERN_OPTIONS = frozenset({"pattern", "stdout_regex"})
_PATTERNS = (ReactorTrigger.APPROVAL, ReactorTrigger.REGEX, ReactorTrigger.SCREEN)


def read_cases(index: Path) -> list[TerminalCase]:
    """Return the enabled cases of an index, in its order. Raises DataError with everything that is wrong."""
    table = read_table(index, (FILE_COLUMN,))
    problems: list[str] = []
    found: list[TerminalCase] = []
    for row in table.rows:
        path = _find_file(table, row, problems)
        case = None if path is None else collecting(problems, lambda path=path: read_case(path))  # type: ignore[misc]
        if case is not None:
            found.append(case)
    ids = [case.case_id for case in found]
    problems += [
        f"{index}: case {name!r} is listed twice" for name in sorted({name for name in ids if ids.count(name) > 1})
    ]
    if not found and not problems:
        problems.append(f"{index}: no case is enabled; set column {ENABLED_COLUMN!r} of one to true")
    if problems:
        raise DataError(list(dict.fromkeys(problems)))
    return found


def choose_cases(cases: Sequence[TerminalCase], wanted: Sequence[str]) -> list[TerminalCase]:
    """Return the cases that an id or glob of `wanted` names; all without any. Raises DataError for an unknown name."""
    ids = [case.case_id for case in cases]
    unknown = [name for name in wanted if not any(fnmatchcase(case_id, name) for case_id in ids)]
    if unknown:
        raise DataError(
            [
                f"mode.cases: no case is called {name!r} (there are {', '.join(ids)}){did_you_mean(name, ids)}"
                for name in unknown
            ]
        )
    return [case for case in cases if not wanted or any(fnmatchcase(case.case_id, name) for name in wanted)]


def read_case(path: Path) -> TerminalCase:
    """Return the case in a YAML or JSON file. Raises DataError with everything that is wrong in it."""
    reader = _CaseReader(path, _read_document(path))
    case = reader.read()
    if reader.problems:
        raise DataError(reader.problems)
    return case


def make_case(case: TerminalCase, transport: Transport, max_turns: int | None) -> Case:
    """Return the engine's case. Its inputs hold all that decides the session; checks and graders stand outside them."""
    specs = (*case.checks, *case.graders)
    return Case(
        case_id=case.case_id,
        mode="terminal",
        inputs={
            "title": case.title,
            "category": case.category,
            "case_path": str(case.path),
            "initial_prompt": case.initial_prompt,
            "persona": case.persona,
            "reactors": [reactor_to_json(reactor) for reactor in (*case.reactors, case.default)],
            "max_turns": max_turns or case.max_turns,
            "setup_sha256": {name: _sha256(content) for name, content in sorted(case.setup.items())},
            "commands": [spec_to_json(spec) for spec in case.checks if spec.grader_type == "command"],
            "transport": str(transport),
        },
        extra={CHECKS: [spec_to_json(spec) for spec in specs]},
        required_graders=tuple(spec.grader_id for spec in specs if spec.required),
    )


def specs_of(case: Case) -> tuple[GraderSpec, ...]:
    """Return the checks and graders that :func:`make_case` stored with a case."""
    stored: Any = case.extra.get(CHECKS, ())
    return tuple(
        GraderSpec(
            spec["grader_id"],
            spec["grader_type"],
            spec["options"],
            GradeLevel(spec.get("level", "trace")),
            required=spec.get("required", True),
        )
        for spec in stored
    )


def spec_to_json(spec: GraderSpec) -> dict[str, Json]:
    """Return a check as a stored case has it."""
    fields: dict[str, Json] = {
        "grader_id": spec.grader_id, "grader_type": spec.grader_type, "options": dict(spec.options)
    }  # fmt: skip
    if spec.level is not GradeLevel.TRACE:
        fields["level"] = spec.level.value
    if not spec.required:
        fields["required"] = False
    return fields


def reactor_to_json(reactor: Reactor) -> dict[str, Json]:
    """Return a reactor as a stored case has it."""
    return {
        "id": reactor.reactor_id,
        "trigger": None if reactor.trigger is None else str(reactor.trigger),
        "pattern": reactor.pattern,
        "action": str(reactor.reaction.action),
        "payload": reactor.reaction.payload,
        "limit": reactor.limit,
        "required": reactor.required,
        "after_s": reactor.after_s,
    }


@dataclass
class _CaseReader:
    """Reads one document that keeps to the schema, and collects what it says that makes no sense."""

    path: Path
    document: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)

    def read(self) -> TerminalCase:
        document = self.document
        setup, paths = self._setup()
        reactors = tuple(map(self._reactor, document.get("reactors", ())))
        case = TerminalCase(
            case_id=document["case_id"],
            path=self.path,
            title=document.get("title", document["case_id"]),
            category=document.get("category", ""),
            initial_prompt=document["initial_prompt"],
            setup=setup,
            persona=document.get("persona") or "",
            reactors=reactors,
            default=Reactor(DEFAULT_REACTOR, None, "", _reaction(document.get("default_action") or {"type": "end"})),
            max_turns=document.get("max_turns", 10),
            transports=tuple(map(Transport, document.get("transports") or Transport)),
            checks=tuple(self._checks()),
            graders=tuple(map(_spec, document.get("graders", ()))),
            setup_paths=tuple(paths),
            solution=tuple(document.get("solution", ())),
        )
        self._check_id(case)
        self._check_reactors(case)
        self._check_actions(case)
        return case

    def _add(self, message: str) -> None:
        self.problems.append(f"{self.path}: {message}")

    def _check_id(self, case: TerminalCase) -> None:
        if case.case_id != self.path.stem:
            self._add(
                f"'case_id': is {clip(case.case_id)}, but the file is called {self.path.name}; give both one name"
            )
        elif not CASE_ID_PATTERN.match(case.case_id):
            self._add(f"'case_id': {clip(case.case_id)} cannot name files; use letters, digits, '_', '-' and '.'")

    def _check_reactors(self, case: TerminalCase) -> None:
        """Find reactors of one name, patterns that are none, and rules that an earlier one always hides."""
        seen: dict[str, Reactor] = {}
        for reactor in case.reactors:
            where = f"reactor {reactor.reactor_id!r}"
            if reactor.reactor_id in seen or reactor.reactor_id in _OWN_IDS:
                self._add(f"{where}: the id is taken; each reactor needs one of its own")
            if reactor.trigger in _PATTERNS and (problem := find_pattern_problem(reactor.pattern)):
                self._add(f"{where}: 'pattern' is not a regular expression: {problem}")
            hidden = next((other for other in seen.values() if _hides(other, reactor)), None)
            if hidden is not None:
                self._add(
                    f"{where}: can never fire, because {hidden.reactor_id!r} before it has the same trigger and no "
                    f"limit; give that one a limit, or put this one first"
                )
            seen[reactor.reactor_id] = reactor

    def _check_actions(self, case: TerminalCase) -> None:
        for reactor in (*case.reactors, case.default):
            problem = _find_payload_problem(reactor.reaction)
            if problem:
                self._add(f"reactor {reactor.reactor_id!r}: {problem}")
        for spec in (*case.checks, *case.graders):
            for name in _PATTERN_OPTIONS & {*spec.options}:
                if problem := find_pattern_problem(str(spec.options[name])):
                    self._add(f"check {spec.grader_id!r}: {name!r} is not a regular expression: {problem}")
        ids = [spec.grader_id for spec in (*case.checks, *case.graders)]
        for name in sorted({name for name in ids if ids.count(name) > 1}):
            self._add(f"check {name!r} is there twice; each needs an id of its own")

    def _reactor(self, item: Mapping[str, Any]) -> Reactor:
        when = item["when"]
        return Reactor(
            item["id"],
            ReactorTrigger(when["type"]),
            str(when.get("pattern") or ""),
            _reaction(item["action"]),
            item.get("limit"),
            bool(item.get("required", False)),
            when.get("after_s"),
        )

    def _checks(self) -> Iterator[GraderSpec]:
        yield from (_spec(item) for item in self.document.get("checks", ()))
        schema = self.document.get("output_schema")
        if schema is not None:
            yield GraderSpec("output_schema", "reply_json", {"schema": schema}, GradeLevel.TRACE)

    def _setup(self) -> tuple[dict[str, bytes], list[Path]]:
        """Return the files of the workspace, and those they came from."""
        found: dict[str, bytes] = {}
        paths: list[Path] = []
        named = self.document.get("setup_dir")
        if named:
            folder = (self.path.parent / named).resolve()
            if not folder.is_dir():
                self._add(f"'setup_dir': there is no folder {folder}")
            for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
                if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                    found[path.relative_to(folder).as_posix()] = read_bytes(path)
                    paths.append(path)
        for name, text in (self.document.get("setup_files") or {}).items():
            parts = Path(name).parts
            if not parts or Path(name).is_absolute() or ".." in parts:
                self._add(f"'setup_files': {clip(name)} must be a path below the workspace")
            else:
                found[name] = str(text).encode()
        if sum(map(len, found.values())) > _MOST_BYTES:
            self._add(f"the files of the workspace are more than {_MOST_BYTES} bytes together")
        return found, paths


def _reaction(item: Mapping[str, Any]) -> Reaction:
    payload = item.get("payload")
    return Reaction(UserAction(item["type"]), "" if payload is None else str(payload))


def _find_payload_problem(reaction: Reaction) -> str:
    action, payload = reaction.action, reaction.payload
    if action in (UserAction.SAY, UserAction.PASTE, UserAction.CHOOSE, UserAction.PRESS) and not payload.strip():
        return f"the action {action} needs a payload: what is said, chosen or pressed"
    if action is UserAction.PRESS:
        unknown = [key for key in payload.split() if key not in (*KEY_NAMES, INTERRUPT) and len(key) > 1]
        if unknown:
            return f"the action press: there is no key {clip(unknown[0])}{did_you_mean(unknown[0], KEY_NAMES)}"
    if action is UserAction.WAIT:
        try:
            fits = 0 < float(payload) <= 600
        except ValueError:
            fits = False
        return "" if fits else f"the action wait needs seconds, up to 600, as its payload; it has {clip(payload)}"
    if action is UserAction.RESIZE:
        columns, _, rows = payload.partition("x")
        fits = columns.isdigit() and rows.isdigit() and 20 <= int(columns) <= 500 and 5 <= int(rows) <= 200
        return (
            ""
            if fits
            else f"the action resize needs COLUMNSxROWS as its payload, 20x5 to 500x200; it has {clip(payload)}"
        )
    return ""


def _hides(earlier: Reactor, later: Reactor) -> bool:
    """Whether `earlier` fires wherever `later` could."""
    if earlier.limit is not None or earlier.trigger is not later.trigger:
        return False
    if earlier.trigger is ReactorTrigger.WORKING:
        return (earlier.after_s or 0) <= (later.after_s or 0)
    return earlier.pattern == later.pattern or (earlier.trigger is ReactorTrigger.APPROVAL and not earlier.pattern)


def _spec(item: Mapping[str, Any]) -> GraderSpec:
    options = {name: value for name, value in item.items() if name not in (*_SPEC_KEYS, "grader_id", "level")}
    return GraderSpec(
        item.get("id") or item["grader_id"],
        item["type"],
        options,
        GradeLevel(item.get("level", "trace")),
        required=bool(item.get("required", True)),
    )


def _find_file(table: Table, row: TableRow, problems: list[str]) -> Path | None:
    where = table.where(row, FILE_COLUMN)
    enabled = row.cells.get(ENABLED_COLUMN, "").strip().lower()
    if enabled not in ("", "true", "false"):
        problems.append(f"{table.where(row, ENABLED_COLUMN)}: is {clip(enabled)}, expected true or false")
    if enabled == "false":
        return None
    named = row.cells[FILE_COLUMN].strip()
    if not named:
        problems.append(f"{where}: is empty, expected the path of a YAML or JSON file, relative to the CSV file")
        return None
    return (table.path.parent / named).resolve()


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Reads YAML, and refuses a key that is there twice: the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


def _read_document(path: Path) -> Mapping[str, Any]:
    """Return the document in a case file, which keeps to the schema. Raises DataError."""
    document, problems = _parse(read_text(path), is_json=path.suffix == ".json")
    if problems:
        raise DataError([f"{path}: {problem}" for problem in problems])
    return document


@lru_cache(maxsize=4096)
def _parse(text: str, *, is_json: bool) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the document in a text, and what is wrong with it. A run asks for its cases several times."""
    try:
        document: Any = parse_json(text) if is_json else yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        return {}, (f"is not valid YAML: {' '.join(str(error).split())}",)
    except ValueError as error:
        return {}, (f"is not valid JSON: {error}",)
    if document is None:
        return {}, ("is empty; a case needs case_id and initial_prompt at least, docs/terminal.md shows a whole one",)
    return document, tuple(find_document_problems("terminal_case", document))


def _sha256(content: bytes) -> str:
    from hashlib import sha256

    return sha256(content).hexdigest()
