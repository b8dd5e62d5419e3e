"""The shape of a model's answer: reasoning left out, then fenced blocks and diffs that stand in the text bare.

Everything is one pass over lines, so that an answer of any size takes time in proportion to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_REASONING = ("think", "thinking", "reasoning")
_DIFF_HEADERS = (
    "diff --git ", "index ", "--- ", "+++ ", "@@", "new file mode ", "deleted file mode ", "old mode ", "new mode ",
    "similarity index ", "dissimilarity index ", "rename ", "copy ", "GIT binary patch", "Binary files ",
)  # fmt: skip
_COUNTS = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_BULLET = re.compile(r"- \S")


@dataclass(frozen=True)
class TextBlock:
    """A fenced block, or a diff that stands in the text without a fence.

    Attributes:
        info: What follows the opening fence; None for a bare diff.
        lines: Its content.
        before: The last line with words before it; empty when there is none, or a block is between.

    """

    info: str | None
    lines: tuple[str, ...]
    before: str


class Fence(NamedTuple):
    """An opening fence."""

    indent: str
    marks: str
    info: str

    def is_closed_by(self, line: str) -> bool:
        """Tell whether `line` ends the block: as many marks or more, and no further in (a diff's context is)."""
        words = line.strip()
        if not words.startswith(self.marks) or words != self.marks[0] * len(words):
            return False
        return len(line) - len(line.lstrip()) <= len(self.indent)


def opened_fence(line: str) -> Fence | None:
    """Return the fence that `line` opens, if it does."""
    words = line.lstrip(" \t")
    if not words.startswith(("```", "~~~")):
        return None
    info = words.lstrip(words[0])
    if "`" in info:
        return None
    return Fence(line[: len(line) - len(words)], words[: len(words) - len(info)], info.strip())


def answer_lines(text: str) -> list[str]:
    """Return the lines of an answer without its reasoning.

    Half characters (lone surrogates) become U+FFFD. Line ends are taken to be those of the transport, and made plain,
    when all of them are CRLF; otherwise each line keeps its own.
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if whole.count("\r\n") == whole.count("\n"):
        whole = whole.replace("\r\n", "\n")
    return _without_reasoning(whole.split("\n"))


def _without_reasoning(lines: Sequence[str]) -> list[str]:
    """Leave out ``<think>…</think>``, also where the opening tag was part of the prompt or the closing one is missing.

    A tag counts where it begins a line outside of fenced blocks: code that speaks of such tags stays as it is.
    """
    kept: list[str] = []
    fence: Fence | None = None
    place = _after_unopened(lines)
    while place < len(lines):
        line = lines[place]
        place += 1
        if fence is not None:
            fence = None if fence.is_closed_by(line) else fence
        elif (name := _opened_tag(line)) is not None:
            rest, place = _after_tag(lines, place - 1, f"</{name}>")
            if rest.strip():
                kept.append(rest)
            continue
        else:
            fence = opened_fence(line)
        kept.append(line)
    return kept


def _opened_tag(line: str) -> str | None:
    start = line.lstrip()[:16].lower()
    return next((name for name in _REASONING if start.startswith(f"<{name}>")), None)


def _after_tag(lines: Sequence[str], place: int, tag: str) -> tuple[str, int]:
    """Return what follows `tag` on its line, and the place of the next one; the end when the tag is missing."""
    for index in range(place, len(lines)):
        found = lines[index].lower().find(tag)
        if found >= 0:
            return lines[index][found + len(tag) :], index + 1
    return "", len(lines)


def _after_unopened(lines: Sequence[str]) -> int:
    """Return where the answer begins when a closing tag stands alone on a line and no opening one came before it."""
    for index, line in enumerate(lines):
        if "think" in line or "reasoning" in line:
            words = line.strip().lower()
            if words in {f"</{name}>" for name in _REASONING}:
                return index + 1
            if any(f"<{name}>" in words for name in _REASONING):
                return 0
    return 0


def find_blocks(lines: Sequence[str]) -> list[TextBlock]:
    """Return the blocks of an answer in order. One that is never closed ends with the answer."""
    blocks: list[TextBlock] = []
    before, place = "", 0
    while place < len(lines):
        line = lines[place]
        fence = opened_fence(line)
        if fence is not None:
            content, place = _fenced(lines, place + 1, fence)
            blocks.append(TextBlock(fence.info, content, before))
            before = ""
        elif is_diff_start(lines, place):
            end = _diff_end(lines, place)
            blocks.append(TextBlock(None, tuple(lines[place:end]), before))
            before, place = "", end
        else:
            before = line if line.strip() else before
            place += 1
    return blocks


def _fenced(lines: Sequence[str], start: int, fence: Fence) -> tuple[tuple[str, ...], int]:
    end = next((place for place in range(start, len(lines)) if fence.is_closed_by(lines[place])), len(lines))
    content = lines[start:end]
    if fence.indent:
        content = [line.removeprefix(fence.indent) for line in content]
    if end == len(lines) and content and not content[-1]:
        content = content[:-1]
    return tuple(content), end + 1


def is_diff_start(lines: Sequence[str], place: int) -> bool:
    """Tell whether a diff begins at `place`, as its header shows."""
    line = lines[place]
    if line.startswith("diff --git "):
        return True
    return line.startswith("--- ") and place + 1 < len(lines) and lines[place + 1].startswith("+++ ")


def _diff_end(lines: Sequence[str], start: int) -> int:
    """Return where a bare diff ends: at the first line that is none of a diff's, empty lines before it left out."""
    place, old, new = start, 0, 0
    while place < len(lines):
        line = lines[place]
        counts = _COUNTS.match(line)
        if counts is not None:
            old, new = int(counts[1] or 1), int(counts[2] or 1)
        elif not line.strip():
            if old <= 0 and new <= 0 and _is_list(lines, place):
                break
            old, new = old - 1, new - 1
        elif line[0] in " \t+-\\":
            old, new = old - (line[0] in " \t-"), new - (line[0] in " \t+")
        elif not line.startswith(_DIFF_HEADERS):
            break
        place += 1
    while place > start and not lines[place - 1].strip():
        place -= 1
    return place


def _is_list(lines: Sequence[str], place: int) -> bool:
    """Tell whether the next line with words is an item of a list, which looks like a removed line."""
    following = next((line for line in lines[place : place + 4] if line.strip()), "")
    return _BULLET.match(following) is not None
