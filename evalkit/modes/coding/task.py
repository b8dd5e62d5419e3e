"""A coding task as one frozen object: what the model gets, what may be changed, and what is hidden until the verdict.

Everything the model may see is in `prompt`, `workspace` and (with ``mode.include_tests``) `examples`; everything in
:class:`TaskJudge` is hidden, and of that only the driver ever enters a box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from evalkit.records.json import Json, JsonObject, content_sha256


class Language(StrEnum):
    """The languages that a task can be written in. ``html`` is a page that is opened in a DOM, driven by Node."""

    PYTHON = "python"
    JAVASCRIPT = "javascript"
    GO = "go"
    RUST = "rust"
    CPP = "cpp"
    HTML = "html"

    @property
    def driver_name(self) -> str:
        """The name of the task's driver in ``judge/``."""
        return f"driver.{_DRIVER_SUFFIXES[self]}"


class EditFormat(StrEnum):
    """How the model is asked to write its change down."""

    DIFF = "diff"
    WHOLE = "whole"
    SEARCH_REPLACE = "search_replace"


_DRIVER_SUFFIXES: Mapping[Language, str] = {
    Language.PYTHON: "py",
    Language.JAVASCRIPT: "js",
    Language.HTML: "js",
    Language.GO: "go",
    Language.RUST: "rs",
    Language.CPP: "hpp",
}


@dataclass(frozen=True)
class TaskLimits:
    """What a box of the task may take: seconds to answer all calls, seconds to build, MiB of memory."""

    run_s: float = 10.0
    build_s: float = 60.0
    memory_mb: int = 512


@dataclass(frozen=True)
class TaskCall:
    """One call of the candidate's program, with the answer that is right.

    Attributes:
        call_id: Unique in its file.
        fn: What the driver is asked for.
        args: Its arguments, JSON values.
        expected: ``{"expect": VALUE}`` with a ``"tolerance"`` where numbers may be off by that much, or
            ``{"error": KIND}``, where ``true`` stands for any kind. That of a decoy has ``"decoy_of"``, the id of the
            test that it was made of.

    """

    call_id: str
    fn: str
    args: tuple[Json, ...]
    expected: JsonObject

    @property
    def request(self) -> JsonObject:
        """What the program is told: the call without its id and without the answer."""
        return {"fn": self.fn, "args": self.args}


@dataclass(frozen=True)
class TaskJudge:
    """What is hidden.

    Attributes:
        driver: Source of the task's dispatch; the only part of it that enters a box.
        calls: The hidden calls, which decide the verdict; of a suite, its tests and their decoys.
        oracle: A diff against the workspace: the right solution.
        half: A diff that is right on some calls and wrong on others.
        mutants: Name -> a diff: the right solution with one mistake.
        has_suite: Whether driver and calls were made of the task's own tests (:mod:`evalkit.modes.coding.suite`).

    """

    driver: str
    calls: tuple[TaskCall, ...]
    oracle: str
    half: str
    mutants: Mapping[str, str] = field(default_factory=dict)
    has_suite: bool = False


@dataclass(frozen=True)
class Task:
    """One coding task.

    Attributes:
        task_id: The name of its folder, which begins with the language.
        title: A few words for tables.
        language: What the candidate's program is written in.
        kind: ``bugfix`` or ``feature``.
        difficulty: ``easy``, ``medium``, ``hard`` or ``expert``.
        editable: Globs relative to the workspace that a patch may change or create.
        prompt: The statement.
        workspace: Relative path -> content of every file that the model gets, in order of the paths.
        examples: Public calls, shown where the config says so and never scored.
        judge: What is hidden.
        folder: Where it was read from.

    """

    task_id: str
    title: str
    language: Language
    kind: str
    difficulty: str
    tags: tuple[str, ...]
    editable: tuple[str, ...]
    limits: TaskLimits
    prompt: str
    workspace: Mapping[str, bytes]
    examples: tuple[TaskCall, ...]
    judge: TaskJudge
    folder: Path = field(compare=False)

    @property
    def judged_by(self) -> str:
        """``calls``, whose expected values stay outside, or ``suite``: tests that run beside the code under test."""
        return "suite" if self.judge.has_suite else "calls"

    @property
    def decoys(self) -> tuple[TaskCall, ...]:
        """The hidden calls that ask for a test which right code must fail."""
        return tuple(call for call in self.judge.calls if "decoy_of" in call.expected)

    @cached_property
    def workspace_sha256(self) -> str:
        """The hash of the names and contents of the workspace."""
        return content_sha256({path: sha256(content).hexdigest() for path, content in self.workspace.items()})

    @cached_property
    def examples_sha256(self) -> str:
        """The hash of the public calls and what they expect."""
        return content_sha256([{**call.request, **call.expected} for call in self.examples])

    @cached_property
    def driver_sha256(self) -> str:
        """The hash of the driver."""
        return sha256(self.judge.driver.encode()).hexdigest()

    @cached_property
    def content_sha256(self) -> str:
        """The hash of the whole task with all that is hidden: two tasks with the same one pass the same gate."""
        return content_sha256(
            {
                "task_id": self.task_id,
                "language": self.language,
                "editable": self.editable,
                "limits": [self.limits.run_s, self.limits.build_s, self.limits.memory_mb],
                "prompt": self.prompt,
                "workspace": self.workspace_sha256,
                "examples": self.examples_sha256,
                "driver": self.driver_sha256,
                "calls": [{"id": call.call_id, **call.request, **call.expected} for call in self.judge.calls],
                "diffs": {"oracle": self.judge.oracle, "half": self.judge.half, "mutants": dict(self.judge.mutants)},
            }
        )
