"""Writes a change down as a model would, in the format asked for: right, leniently, or against another version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from enum import StrEnum

_NO_NEWLINE = "\\ No newline at end of file\n"
_CONTEXTS = (3, 6, 12, 25, 50)


class Format(StrEnum):
    """The format of an answer."""

    DIFF = "diff"
    WHOLE = "whole"
    SEARCH_REPLACE = "search_replace"


class Slip(StrEnum):
    """What is wrong with how a change is written down."""

    NONE = "none"
    COUNTS = "counts"
    """The counts of a hunk's header are too high."""
    NUMBERS = "numbers"
    """A hunk's header is a bare ``@@``."""
    SPACES = "spaces"
    """Unchanged lines have white space behind them that the file has not."""
    STALE = "stale"
    """Old lines are those of another version of the file."""


Texts = Mapping[str, str]


@dataclass(frozen=True)
class WrittenHunk:
    """Lines of a file, each with ``" "``, ``"-"`` or ``"+"``; `start` counts old lines from 0, `new_start` new ones."""

    start: int
    new_start: int
    lines: tuple[tuple[str, str], ...]

    def of(self, tags: str) -> list[str]:
        """Return the lines with one of `tags`."""
        return [text for tag, text in self.lines if tag in tags]


def asked_format(text: str) -> Format:
    """Return the format that a prompt asks for, by what it says last about the answer."""
    words = {
        Format.DIFF: r"unified diff",
        Format.SEARCH_REPLACE: r"SEARCH/REPLACE",
        Format.WHOLE: r"whole files?\b|whole content",
    }
    tail = text[-4000:]
    last = {kind: max((found.start() for found in re.finditer(word, tail)), default=-1) for kind, word in words.items()}
    return max(last, key=lambda kind: last[kind])


def write_change(before: Texts, after: Texts, wanted: Format, slip: Slip = Slip.NONE) -> str:
    """Return an answer that makes `after` of `before`."""
    changed = [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    match wanted:
        case Format.DIFF:
            parts = [_diff(path, before.get(path), after.get(path), slip) for path in changed]
            body = fenced("".join(parts), "diff")
        case Format.WHOLE:
            body = "\n\n".join(_whole(path, after.get(path, ""), slip) for path in changed)
        case Format.SEARCH_REPLACE:
            parts = [_blocks(path, before.get(path), after.get(path, ""), slip) for path in changed]
            body = "\n\n".join(parts)
    return f"Here is the change.\n\n{body}\n"


def fenced(content: str, name: str = "") -> str:
    """Return `content` in a fence that nothing in it can close."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`{3,}", content)), default=0))
    return f"{fence}{name}\n{content}{'' if content.endswith(chr(10)) else chr(10)}{fence}"


def _whole(path: str, text: str, slip: Slip) -> str:
    """Return a file in full; one that is stale is known by where it once was."""
    return f"{'/checkout/' if slip is Slip.STALE else ''}{path}\n{fenced(text)}"


def _lines(text: str | None) -> list[str]:
    parts = (text or "").split("\n")
    return [f"{line}\n" for line in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _hunks(old: Sequence[str], new: Sequence[str], context: int) -> Iterator[WrittenHunk]:
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        lines: list[tuple[str, str]] = []
        for tag, a, b, c, d in group:
            if tag == "equal":
                lines += [(" ", line) for line in old[a:b]]
                continue
            lines += [("-", line) for line in old[a:b]] + [("+", line) for line in new[c:d]]
        yield WrittenHunk(group[0][1], group[0][3], tuple(lines))


def _found_once(hunks: Sequence[WrittenHunk], old: Sequence[str], key: Callable[[str], str]) -> bool:
    """Whether the old lines of every hunk stand in the file once, and have words."""
    keys = [key(line) for line in old]
    for hunk in hunks:
        block = [key(line) for line in hunk.of(" -")]
        places = sum(keys[at : at + len(block)] == block for at in range(len(keys) - len(block) + 1))
        if places != 1 or not any(line.strip() for line in block):
            return False
    return True


def _clear_hunks(old: Sequence[str], new: Sequence[str], key: Callable[[str], str] = str) -> list[WrittenHunk]:
    """Return hunks with as much context as it takes to find each in the file once."""
    for context in (*_CONTEXTS, len(old) + 1):
        hunks = list(_hunks(old, new, context))
        if _found_once(hunks, old, key):
            break
    return hunks


def _diff(path: str, before: str | None, after: str | None, slip: Slip) -> str:
    old, new = _lines(before), _lines(after)
    names = ["/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}"]
    mode = "new file mode 100644\n" if before is None else "deleted file mode 100644\n" if after is None else ""
    header = f"diff --git a/{path} b/{path}\n{mode}--- {names[0]}\n+++ {names[1]}\n"
    if slip in {Slip.NONE, Slip.COUNTS, Slip.STALE} or before is None or after is None:
        hunks = list(_hunks(old, new, _CONTEXTS[0]))
    else:
        hunks = _clear_hunks(old, new, _squeezed if slip is Slip.SPACES else str)
    return header + "".join(_hunk_text(_slipped(hunk, slip), slip) for hunk in hunks)


def _squeezed(line: str) -> str:
    return "".join(line.split())


def _slipped(hunk: WrittenHunk, slip: Slip) -> WrittenHunk:
    ending = {Slip.SPACES: "  ", Slip.STALE: " (as it was)"}.get(slip)
    if ending is None:
        return hunk
    tags = " " if slip is Slip.SPACES and any(line.strip() for line in hunk.of(" ")) else " -"
    lines = tuple(
        (tag, line.rstrip("\n") + ending + "\n" * line.endswith("\n")) if tag in tags and line.strip() else (tag, line)
        for tag, line in hunk.lines
    )
    return replace(hunk, lines=lines)


def _hunk_text(hunk: WrittenHunk, slip: Slip) -> str:
    extra = 4 if slip is Slip.COUNTS else 0
    old, new = len(hunk.of(" -")), len(hunk.of(" +"))
    start, new_start = hunk.start + bool(old), hunk.new_start + bool(new)
    head = "@@\n" if slip is Slip.NUMBERS else f"@@ -{start},{old + extra} +{new_start},{new + extra} @@\n"
    body = (tag + line if line.endswith("\n") else f"{tag}{line}\n{_NO_NEWLINE}" for tag, line in hunk.lines)
    return head + "".join(body)


def _blocks(path: str, before: str | None, after: str, slip: Slip) -> str:
    if not before:
        return f"{path}\n{fenced(_block([], _lines(after)))}"
    old, new = _lines(before), _lines(after)
    hunks = _clear_hunks(old, new, _squeezed if slip is Slip.SPACES else str)
    if not _stay_clear(old, hunks):
        hunks = list(_hunks(old, new, len(old) + 1))
    slip = Slip.SPACES if slip in {Slip.COUNTS, Slip.NUMBERS} else slip
    texts = []
    for hunk in hunks:
        slipped = WrittenHunk(0, 0, tuple(("-", line) for line in hunk.of(" -")))
        texts.append(_block(_slipped(slipped, slip).of("-"), hunk.of(" +")))
    return "\n\n".join(f"{path}\n{fenced(text)}" for text in texts)


def _stay_clear(old: Sequence[str], hunks: Sequence[WrittenHunk]) -> bool:
    """Whether each block is found once also after those before it were replaced."""
    text = list(old)
    shift = 0
    for hunk in hunks:
        if not _found_once([hunk], text, _squeezed):
            return False
        start, lines = hunk.start + shift, hunk.of(" +")
        text[start : start + len(hunk.of(" -"))] = lines
        shift += len(lines) - len(hunk.of(" -"))
    return True


def _block(search: Sequence[str], made: Sequence[str]) -> str:
    parts = ["".join(line if line.endswith("\n") else f"{line}\n" for line in lines) for lines in (search, made)]
    return f"<<<<<<< SEARCH\n{parts[0]}=======\n{parts[1]}>>>>>>> REPLACE\n"
