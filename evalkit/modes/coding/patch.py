"""Applies an edit to a workspace: policy first, then a ladder from strict to lenient, and what had to be overlooked.

===== ==========================================================================================================
level how the edit fits
===== ==========================================================================================================
0     ``git apply`` takes the diff; a whole file; SEARCH lines that stand in the file exactly once
1     ``git apply --recount`` takes the diff: the counts in a hunk's header are wrong
2     the old lines stand in the file exactly once; or several times, and one of them exactly where the header says
3     the same when white space is not counted; the new lines get the indentation of the file
===== ==========================================================================================================

Everything else is refused with the reason. Git looks for a place of its own when a line number is wrong, and leaves
out changes beyond a hunk's counts without a word; neither counts as fitting here: what is applied is what was meant,
or nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from evalkit.modes.coding.canonical_diff import canonical_diff, opcodes
from evalkit.modes.coding.diff_ladder import apply_diff
from evalkit.modes.coding.edit_policy import EditPolicy, first_refusal
from evalkit.modes.coding.edits import (
    AppliedEdit,
    DiffEdit,
    Edit,
    Leniency,
    Refusal,
    RefusedEdit,
    SearchBlock,
    SearchEdit,
    WholeEdit,
)
from evalkit.modes.coding.placing import NoPlaceError, apply_hunks
from evalkit.modes.coding.text_lines import TextLines, exactly, find_places
from evalkit.modes.coding.unified_diff import DiffLine, Hunk

_MOST_BYTES = 2 * 1024 * 1024
_MOST_PARTS = 1000


def apply_edit(
    edit: Edit, workspace: Mapping[str, bytes], editable: Sequence[str], *, lenient: bool = True
) -> AppliedEdit | RefusedEdit:
    """Return the workspace after `edit`, or why it is refused.

    Args:
        edit: What the answer asks for.
        workspace: Relative path -> content of every file, UTF-8.
        editable: Globs of the files that may be changed or created.
        lenient: Whether levels 1 to 3 are tried too.

    Raises:
        ConfigError: A diff is to be applied and git is missing.

    """
    policy = EditPolicy(editable, workspace.keys())
    problem = _too_much(edit)
    if problem is not None:
        return problem
    match edit:
        case DiffEdit(text):
            return _of_diff(text, workspace, policy, lenient=lenient)
        case WholeEdit(files):
            return _apply_whole(files, workspace, policy)
        case SearchEdit(blocks):
            return _apply_search(blocks, workspace, policy, lenient=lenient)


def editable_files(workspace: Collection[str], editable: Sequence[str]) -> list[str]:
    """Return the files of the workspace that an edit may change."""
    policy = EditPolicy(editable, workspace)
    return [path for path in sorted(workspace) if policy.refuse(path, creates=False) is None]


def _invalid(reason: str) -> RefusedEdit:
    return RefusedEdit(Refusal.INVALID_PATCH, reason)


def _too_much(edit: Edit) -> RefusedEdit | None:
    match edit:
        case DiffEdit(text):
            texts, parts = [text], text.count("\n@@")
        case WholeEdit(files):
            texts, parts = list(files.values()), len(files)
        case SearchEdit(blocks):
            texts, parts = [line for block in blocks for line in (*block.search, *block.replace)], len(blocks)
    size = sum(map(len, texts))
    if size > _MOST_BYTES or parts > _MOST_PARTS:
        return _invalid(f"the edit has {size} characters in {parts} parts, more than {_MOST_BYTES} or {_MOST_PARTS}")
    if any("\x00" in text or not _is_whole(text) for text in texts):
        return _invalid("the edit has a NUL or half a character, which no text file has")
    return None


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _applied(before: Mapping[str, bytes], after: Mapping[str, bytes], level: int) -> AppliedEdit:
    files = {path: after[path] for path in sorted(after)}
    return AppliedEdit(files, level, canonical_diff(before, files))


def _of_diff(
    text: str, workspace: Mapping[str, bytes], policy: EditPolicy, *, lenient: bool
) -> AppliedEdit | RefusedEdit:
    found = apply_diff(text, workspace, policy, editable_files(workspace.keys(), policy.editable), lenient=lenient)
    return found if isinstance(found, RefusedEdit) else _applied(workspace, found.files, found.level)


def _apply_whole(
    files: Mapping[str, str], workspace: Mapping[str, bytes], policy: EditPolicy
) -> AppliedEdit | RefusedEdit:
    refused = first_refusal(policy.refuse(path, creates=True) for path in files)
    if refused is not None:
        return refused
    after = {**workspace, **{path: text.encode() for path, text in files.items()}}
    return _applied(workspace, after, Leniency.AS_WRITTEN)


def _apply_search(
    blocks: Sequence[SearchBlock], workspace: Mapping[str, bytes], policy: EditPolicy, *, lenient: bool
) -> AppliedEdit | RefusedEdit:
    refused = first_refusal(policy.refuse(block.path, creates=not _text_of(block.search)) for block in blocks)
    if refused is not None:
        return refused
    after, level = dict(workspace), Leniency.AS_WRITTEN
    for number, block in enumerate(blocks, 1):
        try:
            content, needed = _replaced(after.get(block.path), block, lenient=lenient)
        except NoPlaceError as error:
            return _invalid(f"block {number}, {block.path}: {error}")
        after[block.path], level = content, max(level, needed)
    return _applied(workspace, after, level)


def _text_of(lines: Sequence[str]) -> str:
    return "".join(lines).strip()


def _replaced(content: bytes | None, block: SearchBlock, *, lenient: bool) -> tuple[bytes, int]:
    """Return the content after one block, and the level at which it fits."""
    if not _text_of(block.search):
        if content is not None and content.strip():
            raise NoPlaceError("nothing to search for, and the file is there and not empty")
        return "".join(f"{line}\n" for line in block.replace).encode(), Leniency.AS_WRITTEN
    if content is None:
        raise NoPlaceError("the workspace has no such file")
    file = TextLines.read(content)
    places = find_places([exactly(line) for line in file.lines], block.search)
    if not places and not lenient:
        raise NoPlaceError("its SEARCH lines do not stand in the file")
    level = Leniency.AS_WRITTEN if places else Leniency.BY_WORDS
    hunk = Hunk(tuple(_as_hunk(block)))
    return apply_hunks(file, [hunk], Leniency.BY_CONTEXT if places else Leniency.BY_WORDS).write(), level


def _as_hunk(block: SearchBlock) -> Iterator[DiffLine]:
    """Yield a block as the lines of a hunk: lines that it only repeats are the file's own."""
    for tag, a, b, c, d in opcodes(block.search, block.replace):
        if tag == "equal":
            yield from (DiffLine(" ", line) for line in block.search[a:b])
            continue
        yield from (DiffLine("-", line) for line in block.search[a:b])
        yield from (DiffLine("+", line) for line in block.replace[c:d])
