"""The coding tasks that the solvers know, found by their statement in what a model is asked, as anybody would see it.

Read from their folders for every question, so that a service that stays between runs never answers from memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import evalkit
from evalkit.service.brain.solvers.task_diffs import apply_diff

_GLOB = re.compile(r"(\*\*/|\*\*|\*|\?)")
_MEANINGS = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class KnownTask:
    """A coding task with its solutions.

    Attributes:
        folder: Where it is.
        statement: What is asked, without white space around it.
        language: What it is written in.
        editable: Globs of the files that may be changed.
        workspace: Relative path -> text.

    """

    folder: Path
    statement: str
    language: str
    editable: tuple[str, ...]
    workspace: Mapping[str, str]

    def solved(self, name: str) -> dict[str, str]:
        """Return the files of the workspace after ``judge/NAME.diff``: ``oracle`` or ``half``."""
        return apply_diff(self.workspace, (self.folder / "judge" / f"{name}.diff").read_text(encoding="utf-8"))

    def may_change(self, path: str) -> bool:
        """Whether a patch may touch `path`."""
        return any(re.fullmatch(_expression(glob), path) for glob in self.editable)


def shipped_tasks() -> Path:
    """Return the folder of the tasks that come with evalkit."""
    package = Path(evalkit.__file__).parent
    inside = package / "data" / "coding"
    return inside if inside.is_dir() else package.parent / "data" / "coding"


def find_task(text: str, folders: Sequence[Path]) -> KnownTask | None:
    """Return the task whose statement stands in `text`; of several, the one with the longest statement."""
    found: tuple[str, Path] | None = None
    for folder, statement in _statements(folders):
        if statement in text and (found is None or len(statement) > len(found[0])):
            found = statement, folder
    return None if found is None else _read(found[1], found[0])


def _statements(folders: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    for folder in folders:
        for path in sorted(folder.glob("*/prompt.md")):
            statement = path.read_text(encoding="utf-8").strip()
            if statement and (path.parent / "task.yaml").is_file():
                yield path.parent, statement


def _read(folder: Path, statement: str) -> KnownTask:
    import yaml

    about: Mapping[str, Any] = yaml.safe_load((folder / "task.yaml").read_text(encoding="utf-8"))
    root = folder / "workspace"
    files = {
        path.relative_to(root).as_posix(): path.read_bytes().decode()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return KnownTask(folder, statement, str(about["language"]), tuple(about["editable"]), files)


def _expression(glob: str) -> str:
    return "".join(_MEANINGS.get(part) or re.escape(part) for part in _GLOB.split(glob))
