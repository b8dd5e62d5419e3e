"""Applies a unified diff: policy, then ``git apply``, ``--recount``, exact context, context by words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from evalkit.modes.coding.edit_policy import EditPolicy, find_target, first_refusal, plain_path, refuse_section
from evalkit.modes.coding.edits import Leniency, Refusal, RefusedEdit
from evalkit.modes.coding.git_apply import git_apply
from evalkit.modes.coding.placing import NoPlaceError, apply_hunks
from evalkit.modes.coding.text_lines import TextLines, exactly
from evalkit.modes.coding.unified_diff import DiffSection, read_sections

Files: TypeAlias = Mapping[str, bytes]


@dataclass(frozen=True)
class AppliedDiff:
    """The files of a workspace after a diff, and the level at which it fits."""

    files: Files
    level: int


def apply_diff(
    text: str, workspace: Files, policy: EditPolicy, editable: Sequence[str], *, lenient: bool
) -> AppliedDiff | RefusedEdit:
    """Return the files after the diff, or why it is refused.

    Args:
        text: The diff as it was written.
        workspace: Relative path -> content.
        policy: What may be touched.
        editable: The files that may be changed; a diff that names no file means the only one.
        lenient: Whether levels 1 to 3 are tried too.

    """
    sections = read_sections(text)
    if not sections or not any(section.hunks or section.extended for section in sections):
        return RefusedEdit(Refusal.INVALID_PATCH, "the diff changes nothing: no line begins with @@")
    only = editable[0] if len(editable) == 1 else None
    targets = [(section, find_target(section, workspace.keys(), only)) for section in sections]
    refused = first_refusal(refusal for section, path in targets for refusal in refuse_section(section, path, policy))
    if refused is not None:
        return refused
    work = [(section, path) for section, path in targets if path is not None]
    problems: list[str] = []
    for level in _LEVELS if lenient else _LEVELS[:1]:
        try:
            after = _attempt(text, work, workspace, level)
        except NoPlaceError as error:
            problems.append(str(error))
            continue
        return _checked(workspace, after, level, policy)
    return RefusedEdit(Refusal.INVALID_PATCH, "; ".join(dict.fromkeys((problems[0], problems[-1]))))


_Work: TypeAlias = Sequence[tuple[DiffSection, str]]
_LEVELS = (Leniency.AS_WRITTEN, Leniency.RECOUNTED, Leniency.BY_CONTEXT, Leniency.BY_WORDS)


def _attempt(text: str, work: _Work, workspace: Files, level: int) -> Files:
    """Return the files with the diff applied at `level`; raises :class:`NoPlaceError`.

    What git makes of a diff must be what its lines say: git takes a hunk without context for the end of the file, puts
    one with a wrong number at the nearest place that fits, and leaves out what its counts do not cover.
    """
    if level >= Leniency.BY_CONTEXT:
        return _by_search(work, workspace, level)
    meant = _by_search(work, workspace, Leniency.BY_CONTEXT)
    strip = _strip(work, workspace)
    if strip is None:
        raise NoPlaceError("the names in the diff do not all begin with a prefix such as a/ and b/")
    after = git_apply(workspace, text, recount=level == Leniency.RECOUNTED, strip=strip)
    if isinstance(after, str):
        raise NoPlaceError(f"git apply: {after}")
    if after != meant:
        raise NoPlaceError("git apply would put it elsewhere, or leave a part of it out")
    return after


def _checked(before: Files, after: Files, level: int, policy: EditPolicy) -> AppliedDiff | RefusedEdit:
    """Return what was applied, after looking at every path that really changed, whoever read the diff."""
    changed = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    refused = first_refusal(policy.refuse(path, creates=path not in before) for path in changed)
    return AppliedDiff(after, level) if refused is None else refused


def _strip(work: _Work, workspace: Files) -> int | None:
    """Return how many leading parts of every name are a prefix, or None when the names differ in that."""
    found: set[int] = set()
    for section, _ in work:
        for name in section.names():
            found.add(0 if plain_path(name, workspace.keys()) == name else 1)
    return found.pop() if len(found) == 1 else None


def _by_search(work: _Work, workspace: Files, level: int) -> Files:
    after = dict(workspace)
    for section, path in work:
        try:
            content = _section_applied(section, after.get(path), level)
        except NoPlaceError as error:
            raise NoPlaceError(f"{path}: {error}") from error
        if content is None:
            del after[path]
        else:
            after[path] = content
    return after


def _section_applied(section: DiffSection, content: bytes | None, level: int) -> bytes | None:
    """Return a file's content after a section; None for a file that goes."""
    if section.creates or (content is not None and not content and not section.deletes):
        return _created(section, content)
    if content is None:
        raise NoPlaceError("the workspace has no such file")
    file = TextLines.read(content)
    if section.deletes:
        _check_all_goes(section, file)
        return None
    if not section.hunks:
        raise NoPlaceError("it has no hunk")
    return apply_hunks(file, section.hunks, level).write()


def _created(section: DiffSection, content: bytes | None) -> bytes:
    if content:
        raise NoPlaceError("the diff makes a file that is there already")
    lines = [line for hunk in section.hunks for line in hunk.lines]
    while lines and lines[-1].tag == " " and not lines[-1].text.strip():
        lines.pop()  # an empty line between the diff and what follows it
    if any(line.tag != "+" for line in lines):
        raise NoPlaceError("the diff makes a file and has lines that do not begin with +")
    return TextLines(tuple(line.text for line in lines), ends=not lines or lines[-1].ends).write()


def _check_all_goes(section: DiffSection, file: TextLines) -> None:
    lines = [line for hunk in section.hunks for line in hunk.lines if line.tag == "-" or line.text]
    whole = [exactly(line) for line in file.lines]
    if any(line.tag != "-" for line in lines) or [line.text for line in lines] != whole:
        raise NoPlaceError("the diff takes a file away and does not have exactly its lines")
