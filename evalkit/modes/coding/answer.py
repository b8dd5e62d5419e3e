"""From the text that a model answered to the edit it asks for, in the format that was asked for and in no other.

=================== =================================================================================================
``diff``            every fenced block that is a diff, else the diffs that stand in the text bare
``whole``           every fenced block whose path is told: in the info string, on the line before, or in a comment on
                    the block's first line; a single block without one is the task's only editable file
``search_replace``  every ``<<<<<<< SEARCH … ======= … >>>>>>> REPLACE``, whose path stands on a line before it or in
                    the info string of its fence; one without a path belongs to the file of the block before
=================== =================================================================================================

Whether the edit fits, and whether it may be made, :mod:`evalkit.modes.coding.patch` says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from evalkit.modes.coding.blocks import TextBlock, answer_lines, find_blocks, is_diff_start, opened_fence
from evalkit.modes.coding.edits import DiffEdit, Edit, Refusal, RefusedEdit, SearchBlock, SearchEdit, WholeEdit
from evalkit.modes.coding.task import EditFormat

_DIFF_NAMES = frozenset({"diff", "patch", "udiff", "git", "unified-diff"})
_SHELLS = frozenset({"bash", "sh", "shell", "console", "zsh", "text", "txt", "output"})
_MOST_TEXT = 2_000_000  # eight times the largest workspace
_MOST_PATH = 200
_PATH = re.compile(r"[\w./\\@+-]*[\w+-]")
_NAMED = re.compile(r"(?:file|filename|filepath|path|title|name)\s*[=:]\s*[\"']?([^\"'\s}]+)", re.IGNORECASE)
_QUOTED = re.compile(r"`([^`\s]+)`|\*\*([^*\s]+)\*\*")
_DECORATION = re.compile(
    r"^(?:#+\s|[-*+>]\s|\d+[.)]\s|(?:file|filename|path)\s*:|[*_`\"'\s:])+|[*_`\"'\s:]+$", re.IGNORECASE
)
_COMMENT = re.compile(r"\s*(?://+|#+|--|/\*+|<!--)\s*(.*?)\s*(?:\*/|-->)?\s*$")
_SEARCH = re.compile(r"\s*(<{5,9}) ?SEARCH:?(.*)")
_REPLACE = re.compile(r"\s*>{5,9} ?REPLACE\s*")


def extract_edit(text: str, edit_format: EditFormat, editable: Collection[str] = ()) -> Edit | RefusedEdit:
    """Return the edit that `text` asks for, or why there is none.

    `editable` names the files of the workspace that may be changed: the only one is meant where no file is named.
    """
    if len(text) > _MOST_TEXT:
        return RefusedEdit(Refusal.INVALID_PATCH, f"the answer has {len(text)} characters, more than {_MOST_TEXT}")
    if not text.strip():
        return _no_patch("the answer is empty")
    lines = answer_lines(text)
    if not any(line.strip() for line in lines):
        return _no_patch("the answer has reasoning and nothing after it")
    match edit_format:
        case EditFormat.DIFF:
            return _diff(lines, editable)
        case EditFormat.WHOLE:
            return _whole(lines, editable)
        case EditFormat.SEARCH_REPLACE:
            return _search_replace(lines, editable)


def _no_patch(reason: str) -> RefusedEdit:
    return RefusedEdit(Refusal.NO_PATCH, reason)


def _diff(lines: Sequence[str], editable: Collection[str]) -> Edit | RefusedEdit:
    blocks = find_blocks(lines)
    fenced = [block for block in blocks if block.info is not None and _is_diff(block)]
    chosen = fenced or [block for block in blocks if block.info is None]
    if not chosen:
        return _no_patch(f"a diff was asked for, and the answer has none{_what_else(blocks, lines)}")
    texts = dict.fromkeys("\n".join(_with_path(block, editable)) for block in chosen)  # a block said twice counts once
    return DiffEdit("".join(f"{text}\n" for text in texts))


def _is_diff(block: TextBlock) -> bool:
    named = _language(block) in _DIFF_NAMES
    has_hunk = any(line.startswith("@@") for line in block.lines)
    return (named and any(line.strip() for line in block.lines)) or (
        has_hunk and any(is_diff_start(block.lines, place) for place in range(len(block.lines)))
    )


def _with_path(block: TextBlock, editable: Collection[str]) -> Sequence[str]:
    """Return the lines of a diff; one without a file header gets the path that stands before it."""
    if not any(is_diff_start(block.lines, place) for place in range(len(block.lines))):
        path = _told_path(block) or _mentioned(block.before, editable)
        if path is not None:
            return [f"--- {path}", f"+++ {path}", *block.lines]
    return block.lines


def _what_else(blocks: Sequence[TextBlock], lines: Sequence[str]) -> str:
    if any(_SEARCH.fullmatch(line) for line in lines if "SEARCH" in line):
        return ", but SEARCH/REPLACE blocks"
    if any(_is_diff(block) for block in blocks):
        return ", but a diff"
    return ", but blocks of code" if blocks else ", only prose"


def _whole(lines: Sequence[str], editable: Collection[str]) -> Edit | RefusedEdit:
    blocks = find_blocks(lines)
    fenced = [block for block in blocks if block.info is not None and any(line.strip() for line in block.lines)]
    files = [block for block in fenced if not _is_diff(block) and not any(map(_SEARCH.fullmatch, block.lines))]
    told = {path: _content(block) for block in files if (path := _told_path(block)) is not None}
    for block in files:  # a file that is only spoken of before a block, unless the block is a command to type
        path = None if _told_path(block) or _language(block) in _SHELLS else _mentioned(block.before, editable)
        if path is not None:
            told.setdefault(path, _content(block))
    if told:
        return WholeEdit(told)  # of a file that is written out twice, the last one counts
    if not files:
        return _no_patch(f"whole files were asked for, and the answer has none{_what_else(blocks, lines)}")
    if len(files) == 1 and len(editable) == 1:
        return WholeEdit({next(iter(editable)): _content(files[0])})
    return _no_patch(f"no block says which file it is: {len(files)} blocks, {len(editable)} files that may be changed")


def _content(block: TextBlock) -> str:
    return "".join(f"{line}\n" for line in block.lines)


def _language(block: TextBlock) -> str:
    return re.split(r"[\s:{]", block.info or "", maxsplit=1)[0].lower()


def _told_path(block: TextBlock) -> str | None:
    """Return the path that is told for a block: of the ways to tell it, the first that is used."""
    first = next((line for line in block.lines if line.strip()), "")
    return _info_path(block.info or "") or _line_path(block.before) or _comment_path(first)


def _comment_path(line: str) -> str | None:
    found = _COMMENT.fullmatch(line[:_MOST_PATH])
    return None if found is None else _line_path(found[1])


def _info_path(info: str) -> str | None:
    """Return the path in an info string: ``python src/x.py``, ``python:src/x.py``, ``py title="src/x.py"``."""
    if len(info) > _MOST_PATH:
        return None
    named = _NAMED.search(info)
    if named is not None:
        return _as_path(named[1])
    words = [part for word in info.split() for part in word.split(":", 1)]
    return next((path for word in words if (path := _as_path(word)) is not None), None)


def _line_path(line: str) -> str | None:
    """Return the path that a line is, decoration left out, also with a remark in brackets behind it."""
    if len(line) > _MOST_PATH:
        return None
    path = _as_path(_DECORATION.sub("", line.strip()))
    if path is None and "(" in line:
        path = _as_path(_DECORATION.sub("", line.partition("(")[0].strip()))
    return path


def _mentioned(line: str, known: Collection[str]) -> str | None:
    """Return the one file that a sentence speaks of: one of `known`, else the only path in backticks or in bold."""
    if len(line) > 4 * _MOST_PATH:
        return None
    words = {path for word in line.split() if (path := _as_path(word)) in known}
    quoted = {path for found in _QUOTED.finditer(line) if (path := _as_path(found[1] or found[2])) is not None}
    named = words or quoted
    return named.pop() if len(named) == 1 else None


def _as_path(word: str) -> str | None:
    """Return `word` as a path when it looks like one: no white space, and a folder or an extension."""
    word = word.strip("`*\"',:;()[]{}").removeprefix("./")
    if _PATH.fullmatch(word) is None or len(word) > _MOST_PATH:
        return None
    name = word.rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    has_suffix = bool(dot and suffix and (stem or "/" in word) and not suffix.isdigit())
    return word if has_suffix or "/" in word else None


def _search_replace(lines: Sequence[str], editable: Collection[str]) -> Edit | RefusedEdit:
    blocks: list[SearchBlock] = []
    only = next(iter(editable)) if len(editable) == 1 else None
    for block in _search_blocks(lines, only, editable):
        if isinstance(block, RefusedEdit):
            return block
        blocks.append(block)
    if not blocks:
        other = _what_else(find_blocks(lines), lines)
        return _no_patch(f"SEARCH/REPLACE blocks were asked for, and the answer has none{other}")
    return SearchEdit(tuple(blocks))


def _search_blocks(
    lines: Sequence[str], path: str | None, editable: Collection[str]
) -> Iterator[SearchBlock | RefusedEdit]:
    """Yield the blocks; the first that is cut off or belongs to no file ends them with the reason."""
    place, last_end = 0, 0
    while place < len(lines):
        opened = _SEARCH.fullmatch(lines[place]) if "SEARCH" in lines[place] else None
        if opened is None:
            place += 1
            continue
        path = _line_path(opened[2]) or _path_before(lines, place, last_end, editable) or path
        number, divider = place + 1, "=" * len(opened[1])
        middle = _next(lines, number, re.compile(rf"\s*{divider}\s*"))
        end = None if middle is None else _next(lines, middle + 1, _REPLACE)
        if middle is None or end is None:
            missing = divider if middle is None else ">>>>>>> REPLACE"
            yield RefusedEdit(Refusal.INVALID_PATCH, f"the SEARCH block on line {number} has no line {missing!r}")
            return
        if path is None:
            yield RefusedEdit(
                Refusal.INVALID_PATCH, f"nothing says which file the SEARCH block on line {number} is for"
            )
            return
        yield SearchBlock(path, tuple(lines[number:middle]), tuple(lines[middle + 1 : end]))
        place = last_end = end + 1


def _path_before(lines: Sequence[str], place: int, start: int, editable: Collection[str]) -> str | None:
    """Return the path that the nearest line with words before a block is or names; its fence is looked at too."""
    for index in range(place - 1, max(start, place - 6) - 1, -1):
        line = lines[index]
        fence = opened_fence(line)
        if fence is None and line.strip():
            return _line_path(line) or _comment_path(line) or _mentioned(line, editable)
        path = None if fence is None else _info_path(fence.info)
        if path is not None:
            return path
    return None


def _next(lines: Sequence[str], start: int, wanted: re.Pattern[str]) -> int | None:
    return next((place for place in range(start, len(lines)) if wanted.fullmatch(lines[place])), None)
