"""Reads a folder of coding tasks: every file of every task checked, every problem reported at once.

``docs/coding.md`` has the table of a task's files; ``schemas/coding_task.schema.json`` and
``schemas/coding_call.schema.json`` say what stands in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from evalkit.datasets.files import clip, parse_json, read_bytes, read_text
from evalkit.errors import DataError, collecting
from evalkit.modes.coding.paths import matches
from evalkit.modes.coding.suite import make_suite
from evalkit.modes.coding.task import Language, Task, TaskCall, TaskJudge, TaskLimits
from evalkit.records.case import CASE_ID_PATTERN
from evalkit.settings.documents import find_document_problems
from evalkit.settings.names import did_you_mean

TASK_FILE = "task.yaml"
_FILES = (TASK_FILE, "prompt.md", "public_tests/examples.jsonl", "judge/oracle.diff", "judge/half.diff")
_CALLS = "judge/cases.jsonl"
_SUITE = "judge/suite.py"
# What evalkit puts into a workspace itself, or keeps out of it.
_RESERVED = ("evalkit_box/*", "out/*", "cases.jsonl", "oracle.diff", "half.diff", "judge/*", ".git/*")
_MOST_BYTES = 256 * 1024  # what a model is shown, and a box unpacks


def find_task_ids(tasks_dir: Path, wanted: Sequence[str] = ()) -> list[str]:
    """Return the tasks of a folder that an id or glob of `wanted` names, in order; all of them without any.

    Raises DataError for a folder without tasks, and for a name that no task has.
    """
    if not tasks_dir.is_dir():
        raise DataError(f"{tasks_dir}: no such folder; mode.tasks_dir names the folder that has a folder for each task")
    ids = sorted(path.parent.name for path in tasks_dir.glob(f"*/{TASK_FILE}"))
    if not ids:
        raise DataError(f"{tasks_dir}: has no task; expected a folder for each task, with {TASK_FILE} in it")
    problems = [
        f"{folder}: has no {TASK_FILE}; every folder of {tasks_dir} is a task, so add the file or take the folder away"
        for folder in sorted(tasks_dir.iterdir())
        if folder.is_dir() and folder.name not in ids and not folder.name.startswith((".", "__"))
    ]
    problems += [
        f"mode.tasks: no task of {tasks_dir} is called {name!r}{did_you_mean(name, ids)}; it has {', '.join(ids)}"
        for name in wanted
        if not any(fnmatchcase(task_id, name) for task_id in ids)
    ]
    if problems:
        raise DataError(problems)
    return [task_id for task_id in ids if not wanted or any(fnmatchcase(task_id, name) for name in wanted)]


def read_tasks(tasks_dir: Path, wanted: Sequence[str] = ()) -> tuple[Task, ...]:
    """Return the tasks that `wanted` names (all without any). Raises DataError with everything that is wrong."""
    problems: list[str] = []
    read = [collecting(problems, partial(read_task, tasks_dir / name)) for name in find_task_ids(tasks_dir, wanted)]
    if problems:
        raise DataError(problems)
    return tuple(task for task in read if task is not None)


def read_task(folder: Path) -> Task:
    """Return the task in `folder`. Raises DataError with everything that is wrong in it."""
    reader = _Reader(folder)
    task = reader.read()
    if task is None or reader.problems:
        raise DataError(list(dict.fromkeys(reader.problems)))
    return task


def task_files(task: Task) -> list[Path]:
    """Return every file that the task was read from, for the dataset manifest."""
    judge = task.folder / "judge"
    deciding = (_SUITE,) if task.judge.has_suite else (_CALLS, f"judge/{task.language.driver_name}")
    return [
        *(task.folder / name for name in (*_FILES, *deciding)),
        *(judge / "mutants" / f"{name}.diff" for name in task.judge.mutants),
        *(task.folder / "workspace" / path for path in task.workspace),
    ]


@dataclass
class _Reader:
    """Reads one folder and collects what is wrong in it."""

    folder: Path
    problems: list[str] = field(default_factory=list)

    def read(self) -> Task | None:
        """Return the task, or None where too much is wrong to make one; `problems` says what."""
        about = self._about()
        prompt = self._text("prompt.md")
        if prompt is not None and not prompt.strip():
            self._add("prompt.md", "is empty; expected what is asked, with every edge case that the hidden calls touch")
        workspace = self._workspace()
        examples = self._calls("public_tests/examples.jsonl")
        has_suite = (self.folder / _SUITE).exists()
        calls = () if has_suite else self._calls(_CALLS)
        if about is None:
            return None
        language = Language(about["language"])
        self._check_id(language)
        self._check_judge(language)
        self._check_editable(about["editable"], workspace)
        oracle = self._diff("judge/oracle.diff")
        if has_suite:
            driver, calls = self._suite(language, oracle)
        else:
            driver = self._text(f"judge/{language.driver_name}") or ""
        judge = TaskJudge(
            driver=driver,
            calls=calls,
            oracle=oracle,
            half=self._diff("judge/half.diff"),
            mutants={path.stem: self._diff(f"judge/mutants/{path.name}") for path in self._mutants()},
            has_suite=has_suite,
        )
        return Task(
            task_id=self.folder.name,
            title=about["title"],
            language=language,
            kind=about["kind"],
            difficulty=about["difficulty"],
            tags=tuple(about["tags"]),
            editable=tuple(about["editable"]),
            limits=TaskLimits(**about.get("limits", {})),
            prompt=prompt or "",
            workspace=workspace,
            examples=examples,
            judge=judge,
            folder=self.folder,
        )

    def _add(self, name: str, message: str) -> None:
        self.problems.append(f"{self.folder / name}: {message}")

    def _about(self) -> dict[str, Any] | None:
        text = self._text(TASK_FILE)
        if text is None:
            return None
        try:
            about: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            self._add(TASK_FILE, f"is not valid YAML: {' '.join(str(error).split())}")
            return None
        found = find_document_problems("coding_task", about)
        for problem in found:
            self._add(TASK_FILE, problem)
        return None if found else dict(about)

    def _text(self, name: str) -> str | None:
        return collecting(self.problems, lambda: read_text(self.folder / name))

    def _check_id(self, language: Language) -> None:
        name = self.folder.name
        if not name.startswith(f"{language}_") or not CASE_ID_PATTERN.match(name):
            self._add("", f"is the task's id and must begin with its language, for example {language}_{name.lower()}")

    def _check_judge(self, language: Language) -> None:
        """Note what a typing mistake leaves: a file in ``judge/`` that nobody reads."""
        judge = self.folder / "judge"
        known = {language.driver_name, "cases.jsonl", "suite.py", "oracle.diff", "half.diff", "mutants"}
        for path in sorted(judge.glob("*")):
            if path.name not in known and path.name != "__pycache__":
                hint = did_you_mean(path.name, known)
                self._add(f"judge/{path.name}", f"is not read by anything{hint}; judge/ has {', '.join(sorted(known))}")
        for path in sorted((judge / "mutants").glob("*")):
            if path.suffix != ".diff":
                self._add(f"judge/mutants/{path.name}", "is not read by anything; a mutant ends in .diff")

    def _check_editable(self, editable: Iterable[str], workspace: dict[str, bytes]) -> None:
        for glob in editable:
            if not any(matches(path, glob) for path in workspace):
                hint = did_you_mean(glob, workspace)
                listed = ", ".join(workspace) or "nothing"
                self._add(TASK_FILE, f"'editable': {glob!r} matches no file of workspace/{hint}; it has {listed}")

    def _workspace(self) -> dict[str, bytes]:
        root = self.folder / "workspace"
        if not root.is_dir():
            self._add("workspace", "no such folder; it holds the files that the model gets")
            return {}
        files: dict[str, bytes] = {}
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                self._add(f"workspace/{name}", "is a symbolic link; put a file there")
            elif path.is_file() and self._may_stand_there(name):
                content = collecting(self.problems, partial(read_bytes, path))
                text = collecting(self.problems, partial(read_text, path))
                if content is not None and text is not None:
                    files[name] = content
        if not files:
            self._add("workspace", "has no file; it holds the files that the model gets")
        size = sum(map(len, files.values()))
        if size > _MOST_BYTES:
            self._add("workspace", f"has {size} bytes, expected at most {_MOST_BYTES}: a model is shown all of it")
        return files

    def _may_stand_there(self, name: str) -> bool:
        if "__pycache__" in name.split("/"):
            return False
        reserved = next((glob for glob in _RESERVED if fnmatchcase(name, glob) or name.endswith(f"/{glob}")), None)
        if reserved is None and Path(name).stem != "driver":
            return True
        self._add(
            f"workspace/{name}",
            "must not stand there, where the model sees it; the judge's files are in judge/",
        )
        return False

    def _diff(self, name: str) -> str:
        text = self._text(name)
        if text is None:
            return ""
        if not text.startswith(("diff --git ", "--- ")) or "\n@@" not in text:
            found = clip(text.partition("\n")[0])
            self._add(name, f"begins with {found}; expected a diff against workspace/ as `git diff` writes it, a/… b/…")
        return text

    def _suite(self, language: Language, oracle: str) -> tuple[str, tuple[TaskCall, ...]]:
        """Return driver and calls of the task's own tests. The oracle enters no box, so nobody can draw them again."""
        if language is not Language.PYTHON:
            self._add(_SUITE, f"must not stand there: the task is in {language}, and only Python has suites")
        for name in (_CALLS, f"judge/{language.driver_name}"):
            if (self.folder / name).exists():
                self._add(name, f"must not stand beside {_SUITE}: a task is judged by calls or by tests of its own")
        text = self._text(_SUITE)
        if text is None:
            return "", ()
        try:
            suite = make_suite(text, oracle)
        except DataError as error:
            for problem in error.problems:
                self._add(_SUITE, problem)
            return "", ()
        return suite.driver, suite.calls

    def _mutants(self) -> list[Path]:
        found = sorted((self.folder / "judge" / "mutants").glob("*.diff"))
        if not found:
            self._add("judge/mutants", "has no .diff; expected right solutions, each with one mistake that must fail")
        return found

    def _calls(self, name: str) -> tuple[TaskCall, ...]:
        text = self._text(name)
        if text is None:
            return ()
        calls: list[TaskCall] = []
        line_of: dict[str, int] = {}
        for number, line in _numbered(text):
            call = self._call(name, number, line)
            if call is None:
                continue
            first = line_of.setdefault(call.call_id, number)
            if first != number:
                self._add(name, f"line {number}: id {call.call_id!r} is that of line {first}; ids are unique")
            calls.append(call)
        if not calls:
            self._add(name, "has no call; expected a JSON object a line: id, fn, args, and expect or error")
        return tuple(calls)

    def _call(self, name: str, number: int, line: str) -> TaskCall | None:
        try:
            data: Any = parse_json(line)
        except ValueError as error:
            self._add(name, f"line {number}: is not valid JSON: {error}")
            return None
        found = find_document_problems("coding_call", data)
        for problem in found:
            self._add(name, f"line {number}: {problem}")
        if found:
            return None
        expected = {key: data[key] for key in ("expect", "error", "tolerance") if key in data}
        return TaskCall(data["id"], data["fn"], tuple(data["args"]), expected)


def _numbered(text: str) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())
