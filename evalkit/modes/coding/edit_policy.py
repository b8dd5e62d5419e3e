"""Which paths an edit may touch, decided before anything is applied.

Only files that the task's `editable` names, as plain files inside the workspace. What touches any other file that the
task has is ``protected_path``: a finding about the model. What asks for something that no patch may do (to leave the
workspace, to make links, to change modes, binary content, renames) is ``invalid_patch``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from evalkit.modes.coding.edits import Refusal, RefusedEdit
from evalkit.modes.coding.paths import matches
from evalkit.modes.coding.unified_diff import NOWHERE, DiffSection

_MOST_PATH = 200
_PLAIN_FILE = "100644"
_BUILT = frozenset({"evalkit_box", "out"})
_DRIVE = re.compile(r"[A-Za-z]:")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\"\\]")
_FORBIDDEN = (
    (("rename ",), "renames a file"),
    (("copy ",), "copies a file"),
    (("old mode ", "new mode "), "changes a file's mode"),
    (("GIT binary patch", "Binary files "), "has binary content"),
)


@dataclass(frozen=True)
class EditPolicy:
    """What an edit may touch.

    Attributes:
        editable: Globs of the files that it may change or create.
        present: The paths of the workspace.

    """

    editable: Sequence[str]
    present: Collection[str]

    def refuse(self, path: str, *, creates: bool) -> RefusedEdit | None:
        """Return why `path` must not be touched, or None: it may be."""
        problem = _find_problem(path)
        if problem is not None:
            return RefusedEdit(Refusal.INVALID_PATCH, f"the path {path[:_MOST_PATH]!r} {problem}")
        if any(matches(path, glob) for glob in self.editable):
            return self._refuse_place(path)
        if path in self.present or creates:
            allowed = ", ".join(self.editable)
            return RefusedEdit(Refusal.PROTECTED_PATH, f"{path} must not be touched; only {allowed} may be changed")
        return RefusedEdit(Refusal.INVALID_PATCH, f"the workspace has no file {path}")

    def _refuse_place(self, path: str) -> RefusedEdit | None:
        """Return why there can be no such file: a folder is of that name, or a file is where its folder should be."""
        above = path.split("/")[:-1]
        folders = {"/".join(above[: depth + 1]) for depth in range(len(above))}
        if folders.isdisjoint(self.present) and not any(name.startswith(f"{path}/") for name in self.present):
            return None
        return RefusedEdit(
            Refusal.INVALID_PATCH, f"{path} is a file where the workspace has a folder, or inside a file"
        )


def first_refusal(refusals: Iterator[RefusedEdit | None]) -> RefusedEdit | None:
    """Return the refusal that counts: the first of a protected path, else the first one."""
    found = [refusal for refusal in refusals if refusal is not None]
    protected = (refusal for refusal in found if refusal.status is Refusal.PROTECTED_PATH)
    return next(protected, found[0] if found else None)


def find_target(section: DiffSection, present: Collection[str], only: str | None) -> str | None:
    """Return the path that a section changes; `only` where it names none."""
    names = [name for name in (section.new, section.old) if name is not None and name != NOWHERE]
    if not names and section.git_names is not None:
        names = [section.git_names[1]]
    if names:
        return plain_path(names[0], present)
    return only if section.old is None and section.new is None else None


def plain_path(name: str, present: Collection[str]) -> str:
    """Return the path that a name in a diff means: a first part that no file is found with is a prefix."""
    rest = name.partition("/")[2]
    if name.startswith("/") or not rest:
        return name
    if name.startswith(("a/", "b/", "./")):
        return rest if rest in present or name not in present else name
    return rest if rest in present and name not in present else name


def refuse_section(section: DiffSection, path: str | None, policy: EditPolicy) -> Iterator[RefusedEdit | None]:
    """Yield everything that is wrong with the paths and header lines of a section that changes `path`."""
    creates = section.creates
    if path is not None:
        yield policy.refuse(path, creates=creates)
    for named in section.names():
        meant = plain_path(named, policy.present)
        if meant != path:
            yield policy.refuse(meant, creates=False)
    for line in section.extended:
        problem = _find_header_problem(line)
        if problem is not None:
            yield RefusedEdit(Refusal.INVALID_PATCH, f"the diff {problem}: {line[:_MOST_PATH]!r}")
    if path is None:
        yield RefusedEdit(Refusal.INVALID_PATCH, "the diff does not say which file it changes")


def _find_header_problem(line: str) -> str | None:
    for beginnings, problem in _FORBIDDEN:
        if line.startswith(beginnings):
            return problem
    words = line.split()
    mode = words[-1] if words and line.startswith(("new file mode ", "deleted file mode ")) else _PLAIN_FILE
    if line.startswith("index ") and len(words) == 3:
        mode = words[2]
    kinds = {"120000": "makes a symbolic link", "160000": "makes a submodule"}
    return None if mode == _PLAIN_FILE else kinds.get(mode, "gives a file a mode of its own")


def _find_problem(path: str) -> str | None:
    parts = path.split("/")
    problem = None
    if not path or len(path) > _MOST_PATH:
        problem = "is empty or too long"
    elif _UNPRINTABLE.search(path) is not None:
        problem = "has a control character, a quote or a backslash"
    elif path.startswith("/") or _DRIVE.match(path) is not None:
        problem = "is absolute"
    elif ".." in parts:
        problem = "leaves the workspace"
    elif "." in parts or "" in parts:
        problem = "is not written plainly"
    elif any(part.rstrip(". ").lower() in {".git", "git~1"} for part in parts):
        problem = "is git's own"
    elif parts[0] in _BUILT:
        problem = "is where evalkit builds"
    return problem
