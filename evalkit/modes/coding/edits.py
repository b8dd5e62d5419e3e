"""What an answer asks to be changed, and what became of it: the words that answer, patch and record share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Refusal(StrEnum):
    """Why an answer changes nothing; each is a status of its own in the results."""

    NO_PATCH = "no_patch"
    INVALID_PATCH = "invalid_patch"
    PROTECTED_PATH = "protected_path"


class Leniency:
    """How much had to be overlooked for an edit to fit; strict results have level 0 only."""

    AS_WRITTEN = 0
    """``git apply`` took the diff; a whole file; a SEARCH block that stands in the file exactly."""
    RECOUNTED = 1
    """``git apply --recount`` took the diff: the counts of a hunk's header were wrong."""
    BY_CONTEXT = 2
    """The old lines stand in the file exactly once; line numbers, counts, file headers or line ends were wrong."""
    BY_WORDS = 3
    """The old lines stand in the file exactly once when white space is not counted."""


@dataclass(frozen=True)
class RefusedEdit:
    """An answer that changes nothing, with the reason in one sentence."""

    status: Refusal
    reason: str


@dataclass(frozen=True)
class DiffEdit:
    """A unified diff, as the model wrote it."""

    text: str


@dataclass(frozen=True)
class WholeEdit:
    """Files written out in full: path -> content."""

    files: Mapping[str, str]


@dataclass(frozen=True)
class SearchBlock:
    """Lines to look for in a file, and the lines to put in their place. Nothing to look for: a new file."""

    path: str
    search: tuple[str, ...]
    replace: tuple[str, ...]


@dataclass(frozen=True)
class SearchEdit:
    """SEARCH/REPLACE blocks, applied one after the other."""

    blocks: tuple[SearchBlock, ...]


Edit: TypeAlias = DiffEdit | WholeEdit | SearchEdit


@dataclass(frozen=True)
class AppliedEdit:
    """A workspace after an edit.

    Attributes:
        files: Relative path -> content of every file of the workspace, in order of the paths.
        level: What had to be overlooked, see :class:`Leniency`.
        diff: What changed, as a unified diff that ``git apply`` takes, whatever the format of the answer was.
            Empty when the answer leaves every file as it was.

    """

    files: Mapping[str, bytes]
    level: int
    diff: str
